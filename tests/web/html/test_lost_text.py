"""Whatever goes wrong with a form, the typed text comes back and the person can go on.

The forms are those of all pages that the routes declare, so a new form is covered the day it is declared.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from microblog.domain.errors import (
    Conflict,
    Forbidden,
    Gone,
    InvalidInput,
    MicroblogError,
    NotFound,
    RateLimited,
    Unavailable,
)
from microblog.domain.posts import Draft, Span
from microblog.http.csrf import Csrf, FormExpired
from microblog.http.status import status_of
from microblog.runtime.resources import templates_dir
from microblog.web.html.unsent import SECRET_FIELDS, TEXT_FIELDS, Unsent, action_of
from tests.http.client import Client, Page
from tests.web.html.html_site import PASSWORD, HtmlSite, Person
from tests.web.page_routes import PAGES, path_of

MARK = "Typed with care <&> “ü” #{}"
TYPED = "//textarea[not(@readonly)] | .//input[@type='text' or @type='email'][@name][not(@readonly)][not(@hidden)]"


@dataclass(frozen=True)
class Form:
    """A form that has free text: where it is sent, and its fields with a marked text in each that people type in."""

    action: str
    fields: dict[str, str]
    typed: tuple[str, ...]
    allows_anonymous: bool


def text_inputs(form: Any) -> list[Any]:
    return list(form.xpath(f".{TYPED}"))


def forms_of(page: Page, *, allows_anonymous: bool) -> list[Form]:
    found = []
    for form in page.html.forms if page.content and "html" in page.headers["content-type"] else []:
        if form.method != "POST" or form.get("id") == "act":
            continue
        typed = [str(each.get("name")) for each in text_inputs(form)]
        if typed:
            fields = {name: str(value) for name, value in form.form_values() if name != "csrf_token"}
            fields |= {name: MARK.format(number) for number, name in enumerate(typed)}
            found.append(Form(form.action, fields, tuple(typed), allows_anonymous))
    return found


async def all_forms(html_site: HtmlSite, ann: Person) -> list[Form]:
    """The forms on every page that ann, or a stranger, can open."""
    microblog = html_site.microblog
    await html_site.person("bob")
    post = await microblog.posts.publish(ann.viewer, Draft("Hello #first"))
    chosen = await microblog.lists.create(ann.viewer, "Friends")
    ids = {"/lists/": chosen.id, "/avatars/": ann.viewer.id}
    names = ("ann", "bob")
    stranger = html_site.stranger()
    found: dict[str, Form] = {}
    for route in PAGES:
        number = next((each for start, each in ids.items() if route.path.startswith(start)), post.id)
        for name in names:
            path = path_of(route, id=number, name=name)
            for form in forms_of(await ann.get(path), allows_anonymous=False):
                found.setdefault(form.action, form)
            for form in forms_of(await stranger.get(path), allows_anonymous=True):
                found[form.action] = form
    return list(found.values())


def shown(page: Page, form: Form) -> dict[str, str]:
    """The typed texts as the page shows them in fields that are visible, by name."""
    values = {}
    for each in text_inputs(page.html.xpath("//main")[0]):
        name = str(each.get("name")).removeprefix("again.")
        text = each.value
        values[name] = str(text).removeprefix("\n") if each.tag == "textarea" else str(text)
    return {name: values.get(name, "(lost)") for name in form.typed}


def as_typed(form: Form) -> dict[str, str]:
    return {name: form.fields[name] for name in form.typed}


async def submit(browser: Client, page: Page, **more: str) -> Page:
    """Sends the one form of the page's main part, with what it holds."""
    (form,) = page.html.xpath("//main//form[@method='post']")
    fields = {name: str(value).removeprefix("\n") for name, value in form.form_values()} | more
    return await browser.post(form.action, form=fields)


def refusal(error: Exception) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise error

    return refuse


async def test_the_pages_have_the_known_forms(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    actions = {re.sub(r"\d+", "1", form.action) for form in await all_forms(html_site, ann)}
    assert actions >= {
        "/posts", "/posts/1/edit", "/settings", "/settings/email", "/settings/tokens", "/settings/filters/new",
        "/lists", "/lists/1/edit", "/lists/1/add", "/featured-tags", "/@bob/note", "/login", "/signup",
        "/password/forgotten",
    }  # fmt: skip


def test_every_text_field_of_the_templates_has_a_label_when_it_comes_back() -> None:
    folder = templates_dir()
    labels = (folder / "partials" / "unsent.html").read_text()
    used = set()
    for path in folder.glob("**/*.html"):
        text = path.read_text()
        used |= set(re.findall(r"\{\{ (?:field|area)\(\"(\w+)\"", text))
    assert used - TEXT_FIELDS - SECRET_FIELDS == set()
    for name in TEXT_FIELDS:
        assert f'"{name}":' in labels or name.startswith("field_"), name


ERRORS: tuple[Exception, ...] = (
    FormExpired("expired"),
    Forbidden("forbidden"),
    NotFound(),
    Conflict(),
    Gone("gone"),
    InvalidInput("invalid"),
    RateLimited("too often"),
    Unavailable(),
    RuntimeError("a mistake of ours"),
)


async def test_text_comes_back_after_every_kind_of_error(
    html_site: HtmlSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await html_site.person("ann")
    for form in await all_forms(html_site, ann):
        browser = html_site.stranger() if form.allows_anonymous else ann.browser
        page = await browser.get("/about")
        for error in ERRORS:
            what = (form.action, type(error).__name__)
            expected = status_of(error) if isinstance(error, MicroblogError) else 500
            with monkeypatch.context() as patch:
                patch.setattr(Csrf, "check_token", refusal(error))
                page = await browser.post(form.action, form=form.fields)
            assert page.status == expected, what
            assert shown(page, form) == as_typed(form), what
        again = await submit(browser, page, password=PASSWORD, old=PASSWORD)
        assert again.status in (200, 303, 422), form.action
        assert "expired" not in again.text, form.action
        if again.status == 422:
            # What is typed here is no name and no address: the form itself says so, and keeps it.
            assert shown(again, form) == as_typed(form), form.action


async def test_text_comes_back_while_the_database_is_away(
    html_site: HtmlSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await html_site.person("ann")
    forms = [form for form in await all_forms(html_site, ann) if not form.allows_anonymous]

    async def away(_: object) -> None:
        raise Unavailable

    for form in forms:
        with monkeypatch.context() as patch:
            patch.setattr(type(html_site.microblog.sessions), "viewer", lambda _, token: away(token))
            page = await ann.browser.post(form.action, form=form.fields)
        assert page.status == 503
        assert shown(page, form) == as_typed(form), form.action
        again = await submit(ann.browser, page, password=PASSWORD, old=PASSWORD)
        assert again.status in (200, 303, 422), form.action


@pytest.mark.parametrize("elsewhere", [False, True], ids=["session ended", "logged in again elsewhere"])
async def test_text_survives_the_end_of_the_session(html_site: HtmlSite, elsewhere: bool) -> None:
    ann = await html_site.person("ann")
    for form in await all_forms(html_site, ann):
        if form.allows_anonymous:
            continue
        ann = await html_site.logged_in(ann.viewer.account)
        token = await ann.browser.csrf_from("/settings")
        await html_site.microblog.sessions.log_out(ann.browser.cookies["session"])
        if elsewhere:
            other = await html_site.logged_in(ann.viewer.account)
            ann.browser.cookies["session"] = other.browser.cookies["session"]
        page = await ann.browser.post(form.action, form=form.fields | {"csrf_token": token})
        assert page.status == (403 if elsewhere else 401), form.action
        assert shown(page, form) == as_typed(form), form.action
        if not elsewhere:
            wrong = await submit(ann.browser, page, login="ann", password="not the password")
            assert wrong.status == 422
            assert shown(wrong, form) == as_typed(form), form.action
            page = await submit(ann.browser, wrong, login="ann", password=PASSWORD)
            assert page.status == 200
            assert shown(page, form) == as_typed(form), form.action
        again = await submit(ann.browser, page, password=PASSWORD, old=PASSWORD)
        assert again.status in (200, 303, 422), form.action
        assert "expired" not in again.text


async def test_a_post_is_published_once_after_the_log_in(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    (form,) = forms_of(await ann.get("/compose"), allows_anonymous=False)
    sent = {**form.fields, "text": "Still here", "visibility": "followers"}
    await html_site.microblog.sessions.log_out(ann.browser.cookies["session"])
    page = await ann.browser.post("/posts", form=sent)
    page = await submit(ann.browser, page, login="ann", password=PASSWORD)
    assert (await html_site.microblog.timelines.account(ann.viewer, ann.viewer.id, Span())).items == ()
    first, second = await submit(ann.browser, page), await submit(ann.browser, page)
    assert first.headers["location"] == second.headers["location"]
    (post,) = (await html_site.microblog.timelines.account(ann.viewer, ann.viewer.id, Span())).items
    assert (post.text, post.visibility) == ("Still here", "followers")


async def test_text_above_the_limit_of_a_request_comes_back(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    for form in await all_forms(html_site, ann):
        browser = html_site.stranger() if form.allows_anonymous else ann.browser
        await browser.csrf_from("/login" if form.allows_anonymous else "/settings")
        longer = replace(form, fields=form.fields | {form.typed[0]: "too long " * 40_000 + "."})
        page = await browser.post(form.action, form=longer.fields)
        assert page.status in (413, 422), form.action
        assert shown(page, longer) == as_typed(longer), form.action


async def test_long_text_survives_the_end_of_the_session(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    token = await ann.browser.csrf_from("/settings")
    await html_site.microblog.sessions.log_out(ann.browser.cookies["session"])
    text = "a longer text " * 15_000 + "."
    page = await ann.browser.post("/posts", form={"text": text, "csrf_token": token})
    page = await submit(ann.browser, page, login="ann", password=PASSWORD)
    assert page.status == 200
    assert page.html.xpath("//main//textarea")[0].value.removeprefix("\n") == text
    await html_site.microblog.sessions.log_out(ann.browser.cookies["session"])
    page = await ann.browser.post("/posts", form={"text": text * 2, "csrf_token": token})
    assert page.status == 401
    assert page.html.xpath("//main//textarea")[0].value.removeprefix("\n") == text * 2


async def test_a_limit_on_log_ins_keeps_the_text_that_the_log_in_form_carries(
    html_site: HtmlSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await html_site.person("ann")
    token = await ann.browser.csrf_from("/settings")
    await html_site.microblog.sessions.log_out(ann.browser.cookies["session"])
    page = await ann.browser.post("/posts", form={"text": "Carried", "csrf_token": token})
    with monkeypatch.context() as patch:
        patch.setattr(Csrf, "check_token", refusal(RateLimited("too often")))
        page = await submit(ann.browser, page, login="ann", password=PASSWORD)
    assert page.status == 429
    page = await submit(ann.browser, page, password=PASSWORD)
    assert page.status == 200
    answer = await submit(ann.browser, page)
    assert answer.headers["location"].startswith("/@ann/")


async def test_passwords_and_form_tokens_are_not_shown_again(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    token = await ann.browser.csrf_from("/settings")
    form = {"email": "new@example.org", "password": "tell-tale-secret", "old": "tell-tale-secret"}
    for path in ("/settings/email", "/settings/password", "/settings/delete", "/login", "/signup"):
        page = await ann.browser.post(path, form=form | {"csrf_token": "wrong"})
        assert page.status == 403
        assert "tell-tale-secret" not in page.text
    await html_site.microblog.sessions.log_out(ann.browser.cookies["session"])
    page = await ann.browser.post("/settings/email", form=form | {"csrf_token": token})
    assert page.status == 401
    assert "tell-tale-secret" not in page.text
    assert token not in page.text


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}],
    ids=str,
)
async def test_a_form_of_another_site_is_never_offered_again(
    html_site: HtmlSite, headers: dict[str, str]
) -> None:
    ann = await html_site.person("ann")
    for browser in (ann.browser, html_site.stranger()):
        page = await browser.post("/posts", form={"text": "Forged"}, headers=headers)
        assert page.status in (303, 403)
        assert "Forged" not in page.text + page.headers.get("location", "")


@pytest.mark.parametrize(
    "action", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "/" * 3000, ""]
)
async def test_a_carried_form_never_leads_to_another_site(html_site: HtmlSite, action: str) -> None:
    await html_site.person("ann")
    browser = html_site.stranger()
    await browser.csrf_from("/login")
    carried = {"again": action, "again.text": "Hello", "login": "ann", "password": PASSWORD}
    page = await browser.post("/login", form=carried)
    assert page.status == 303
    assert page.headers["location"] == "/"


async def test_anonymous_follow_is_finished_after_the_log_in(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    browser = html_site.stranger()
    profile = await browser.get("/@bob")
    (link,) = profile.html.xpath("//main//a[text()='Follow']/@href")
    form = await browser.get(link)
    assert form.html.xpath("//main//button[contains(., 'Log in and follow @bob')]")
    page = await submit(browser, form, login="ann", password=PASSWORD)
    assert page.headers["location"] == "/@bob"
    (relationship,) = await html_site.microblog.follows.relationships(ann.viewer, [bob.viewer.id])
    assert relationship.following
    assert "You follow @bob." in (await browser.get("/@bob")).text


@pytest.mark.parametrize(
    ("action", "page"),
    [
        ("/settings/preferences", "/settings/preferences"),
        ("/settings/notifications", "/settings/notifications"),
        ("/settings/tokens/1/revoke", "/settings/tokens"),
        ("/conversations/1/delete", "/conversations"),
    ],
)
async def test_form_without_text_leads_back_to_its_page_after_the_log_in(
    html_site: HtmlSite, action: str, page: str
) -> None:
    ann = await html_site.person("ann")
    token = await ann.browser.csrf_from("/settings")
    await html_site.microblog.sessions.log_out(ann.browser.cookies["session"])
    form = await ann.browser.post(action, form={"csrf_token": token}, follow=True)
    answer = await submit(ann.browser, form, login="ann", password=PASSWORD)
    back = answer.headers["location"]
    shown = await ann.browser.get(back, headers={"Accept": "text/html"})
    assert page == (back if shown.status == 200 else shown.headers["location"])


async def test_opening_a_link_does_not_follow(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    page = await ann.get("/login?next=/@bob&then=/@bob/follow")
    assert page.headers["location"] == "/@bob"
    (relationship,) = await html_site.microblog.follows.relationships(ann.viewer, [bob.viewer.id])
    assert not relationship.following


@pytest.mark.parametrize("verb", ["favourite", "boost", "bookmark"])
async def test_a_button_pressed_after_the_session_ended_works_after_the_log_in(
    html_site: HtmlSite, verb: str
) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    post = await html_site.microblog.posts.publish(bob.viewer, Draft("Hello"))
    await ann.browser.csrf_from("/settings")
    await html_site.microblog.sessions.log_out(ann.browser.cookies["session"])
    page = await ann.browser.post(f"/posts/{post.id}/{verb}", form={"next": "/public"}, follow=True)
    page = await submit(ann.browser, page, login="ann", password=PASSWORD)
    assert page.headers["location"] == "/public"
    seen = await html_site.microblog.posts.by_id(ann.viewer, post.id)
    assert (seen.favourited, seen.boosted, seen.bookmarked) == tuple(
        verb == each for each in ("favourite", "boost", "bookmark")
    )


@pytest.mark.parametrize(
    "path", ["/@a/block", "/posts/1/delete", "/settings/delete", "/@a b/follow", "x", "", None]
)
def test_only_harmless_actions_are_taken_at_the_log_in(path: str | None) -> None:
    assert action_of(path) is None


async def test_logging_in_twice_simply_succeeds(html_site: HtmlSite) -> None:
    await html_site.person("ann")
    browser = html_site.stranger()
    first, second = await browser.get("/login"), await browser.get("/login?next=/public")
    assert (await submit(browser, first, login="ann", password=PASSWORD)).status == 303
    page = await submit(browser, second, login="ann", password=PASSWORD)
    assert (page.status, page.headers["location"]) == (303, "/public")


async def test_a_log_in_form_that_was_opened_with_an_ended_session_works_after_another_log_in(
    html_site: HtmlSite,
) -> None:
    ann = await html_site.person("ann")
    await html_site.microblog.sessions.log_out(ann.browser.cookies["session"])
    first, second = await ann.get("/login"), await ann.get("/login")
    for form in (first, second):
        assert (await submit(ann.browser, form, login="ann", password=PASSWORD)).status == 303


def test_a_form_that_is_carried_twice_keeps_its_names() -> None:
    unsent = Unsent("/posts", (("text", "Hello"), ("password", "")))
    assert unsent.carried == [("again", "/posts"), ("again.text", "Hello"), ("again.password", "")]
