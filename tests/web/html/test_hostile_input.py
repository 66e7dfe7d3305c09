"""Hostile input to each form and address: a clear answer, and never a server error (5xx)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest

from microblog.domain.filters import Context
from microblog.domain.posts import Draft
from microblog.http.route import Route
from microblog.services.filters import KeywordChange
from tests.http.client import Client
from tests.web.html.html_site import PASSWORD, HtmlSite
from tests.web.page_routes import FORMS as FORM_ROUTES
from tests.web.page_routes import ROUTES, form_fields, path_of

TEXTS = {
    "nul": "a\x00b",
    "control characters": "\x01\x1b[2J\x7f\x85\u2028\u202e",
    "long": "x" * 60_000,
    "more digits than int() reads": "9" * 5000,
    "beyond 64 bits": str(2**63),
    "negative": "-1",
    "other digits": "٣",
    "no characters": "\ufffe\uffff\U0010ffff",
    "markup": "\"'><svg/onload=alert(1)>]]>{{7*7}}%s%(x)s",
    "lines": "a\r\nSet-Cookie: session=planted\r\n\r\n<html>",
}

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")

#: the forms of logged-in users: their fields with accepted values
FORMS = {
    "/posts": {
        "text": "Hello", "summary": "", "visibility": "public", "language": "en", "sensitive": "",
        "key": "", "reply_to": "", "next": "/",
    },
    "/posts/{post}/edit": {"text": "Hi", "summary": "", "language": "en", "sensitive": ""},
    "/posts/{post}/favourite": {"next": "/"},
    "/settings": {
        "display_name": "Ann", "bio": "I", "field_name_1": "Site", "field_value_1": "https://example.org",
        "locked": "", "discoverable": "on", "bot": "",
    },
    "/settings/preferences": {
        "language": "en", "default_visibility": "public", "default_sensitive": "", "mail_mentions": "on",
    },
    "/settings/email": {"email": "ann@example.net", "password": "wrong"},
    "/settings/password": {"old": "wrong", "password": "another passphrase"},
    "/settings/tokens": {"name": "Script", "read": "on", "write": ""},
    "/settings/invitations": {"uses": "1", "days": "7"},
    "/settings/delete": {"password": "wrong"},
    "/@bob/follow": {"show_boosts": "on", "notify": "on", "next": "/"},
    "/@bob/mute": {"seconds": "0", "notifications": "on", "next": "/"},
    "/@bob/note": {"comment": "The one from the fair", "next": "/"},
    "/lists": {"title": "Friends"},
    "/lists/{list}/edit": {"title": "Friends", "replies_policy": "list", "exclusive": ""},
    "/lists/{list}/add": {"name": "bob"},
    "/lists/{list}/remove": {"account": "1"},
    "/featured-tags": {"name": "first"},
    "/settings/filters/new": {
        "title": "Later", "keywords": "spoiler", "whole_word": "on", "action": "warn", "expires_in": "3600",
        "home": "on", "public": "",
    },
    "/settings/filters/{filter}": {
        "title": "Later", "keywords": "spoiler\nending", "whole_word": "", "action": "hide", "expires_in": "keep",
        "home": "on", "public": "",
    },
    "/settings/notifications": {
        "for_not_following": "accept", "for_not_followers": "filter", "for_new_accounts": "drop",
        "for_private_mentions": "accept",
    },
    "/admin/accounts/bob/unsuspend": {"next": "/"},
    "/theme": {"theme": "dark", "next": "/"},
    "/oauth/authorize": {
        "decision": "deny", "client_id": "", "redirect_uri": "", "response_type": "code", "scope": "read",
        "state": "x", "code_challenge": "", "code_challenge_method": "",
    },
}  # fmt: skip
#: the forms of anonymous visitors
STRANGERS = {
    "/signup": {
        "name": "zoe", "email": "zoe@example.org", "password": PASSWORD, "reason": "", "invitation": "",
    },
    "/login": {"login": "ann", "password": "wrong", "next": "/"},
    "/password/forgotten": {"email": "ann@example.org"},
    "/password/reset/nonsense": {"password": PASSWORD},
}  # fmt: skip
QUERIES = {
    "/": ("max_id", "min_id", "since_id"),
    "/search": ("q", "max_id"),
    "/compose": ("text", "reply_to"),
    "/login": ("next", "login"),
    "/about/stats": ("days",),
    "/admin/accounts": ("q", "max_id"),
    "/.well-known/webfinger": ("resource", "rel"),
    "/oauth/authorize": ("client_id", "redirect_uri"),
    "/live": ("streams",),
    "/directory": ("order", "offset"),
    "/explore": ("max_id",),
    "/lists/{list}": ("max_id", "min_id"),
    "/conversations": ("max_id", "min_id"),
    "/notifications/requests": ("max_id", "min_id"),
}


@pytest.mark.parametrize("route", FORM_ROUTES, ids=lambda route: route.name)
def test_each_form_with_fields_is_in_the_tables(route: Route) -> None:
    placeholders = {"bob": "<name>", "nonsense": "<token>"}
    known = {
        re.sub(
            r"\{\w+\}", "<int:id>", re.sub(r"\b(bob|nonsense)\b", lambda each: placeholders[each[1]], path)
        )
        for path in (*FORMS, *STRANGERS)
    }
    assert not form_fields(route) or route.path in known


async def ask(browser: Client, method: str, path: str, form: dict[str, str] | None = None) -> str | None:
    """Return what is wrong with the answer, or None."""
    page = await browser.request(method, path, form=form)
    if page.status >= 500:
        return f"{method} {path[:60]}: {page.status}"
    if any(cookie.startswith("session=planted") for cookie in page.cookies):
        return f"{method} {path[:60]}: a header was forged"
    return None


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_no_text_in_any_field_causes_a_server_error(html_site: HtmlSite, text: str) -> None:
    ann = await html_site.person("ann")
    await html_site.person("bob")
    microblog = html_site.microblog
    post = await microblog.posts.publish(ann.viewer, Draft("Hello #first"))
    chosen = await microblog.lists.create(ann.viewer, "Friends")
    filtered = await microblog.filters.create(
        ann.viewer, "Later", [Context.HOME], keywords=[KeywordChange("spoiler")]
    )
    gaps = {"post": post.id, "list": chosen.id, "filter": filtered.id}
    wrong = []
    for path, sound in {**FORMS, **STRANGERS}.items():
        for number, name in enumerate(sound):
            # Each with a browser of its own: some of them log in, or out.
            browser = html_site.stranger()
            if path in FORMS:
                browser = (await html_site.logged_in(ann.viewer.account)).browser
            await browser.csrf_from("/settings" if path in FORMS else "/login")
            form = {**sound, "key": f"{path}{number}", name: text}
            wrong.append(await ask(browser, "POST", path.format(**gaps), form))
    for path, names in QUERIES.items():
        for name in names:
            query = urlencode({name: text[:2000]})
            logged_in = (await html_site.logged_in(ann.viewer.account)).browser
            wrong += [
                await ask(each, "GET", f"{path.format(**gaps)}?{query}")
                for each in (html_site.stranger(), logged_in)
            ]
    assert [each for each in wrong if each] == []
    assert (await html_site.stranger().get("/@ann")).status == 200


def _addresses(text: str) -> Iterator[str]:
    """Yield each route's path with ``text`` in each of its placeholders in turn."""
    for route in ROUTES:
        for placeholder in re.findall(r"<(?:int:)?(\w+)>", route.path):
            yield path_of(route, **{placeholder: text})


@pytest.mark.parametrize(
    "text", ["nul", "more digits than int() reads", "beyond 64 bits", "other digits", "markup"]
)
async def test_no_address_causes_a_server_error_with_any_method(html_site: HtmlSite, text: str) -> None:
    ann = await html_site.person("ann")
    wrong = []
    for path in _addresses(quote(TEXTS[text], safe="")):
        wrong += [await ask(ann.browser, method, path) for method in METHODS]
    assert [each for each in wrong if each] == []


async def test_addresses_that_only_look_local_do_not_redirect_to_other_sites(html_site: HtmlSite) -> None:
    stranger = html_site.stranger()
    for path in (
        "//evil.example/",
        "//evil.example/%2e%2e/",
        "/%5cevil.example/",
        "/%2fevil.example/",
        "/.//evil.example/",
    ):
        page = await stranger.get(path)
        location = page.headers.get("location", "/")
        assert page.status in (301, 404), path
        assert location.startswith("/"), path
        assert not location.startswith(("//", "/\\")), path
