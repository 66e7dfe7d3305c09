"""Each change that a person makes is answered with words about it."""

from __future__ import annotations

import inspect
import re

import pytest

from microblog.domain.posts import Draft, Span
from microblog.http.route import Route
from microblog.web.html import TABLES
from tests.web.html.html_site import PASSWORD, HtmlSite, Person, flashes

CHANGES = [route for table in TABLES for route in table if route.method == "POST" and route.csrf]
#: Buttons that show by themselves that they were pressed, and steps to a page that speaks for itself.
SILENT = {
    *(f"actions.{verb}" for each in ("favourite", "boost", "bookmark") for verb in (each, f"un{each}")),
    "oauth.decide",
}


async def said(person: Person, path: str, form: dict[str, str] | None = None) -> list[str]:
    answer = await person.send(path, form)
    assert answer.status == 303, answer.text
    return flashes(await person.get(answer.headers["location"].partition("#")[0]))


@pytest.mark.parametrize("route", CHANGES, ids=lambda route: route.name)
def test_each_change_shows_a_message(route: Route) -> None:
    source = inspect.getsource(route.page)
    assert route.name in SILENT or re.search(r"\bredirect(_back)?\(|flash\(|\.render\(|_page\(", source)


async def test_a_new_post_and_a_reply_are_confirmed_and_the_reply_is_in_view(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    assert await said(ann, "/posts", {"text": "Hello"}) == ["Your post is published."]
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("A question"))
    answer = await ann.send("/posts", {"text": "An answer", "reply_to": str(post.id), "next": post.path})
    path, _, fragment = answer.headers["location"].partition("#")
    assert path == post.path
    page = await ann.get(path)
    assert flashes(page) == ["Your reply is published."]
    (reply,) = page.html.xpath(f"//article[@id='{fragment}']")
    assert "An answer" in reply.text_content()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Hello @nobody", "No account here is called @nobody, so nobody was notified."),
        (
            "@one @two @bob @three",
            "No account here is called @one or @two and 1 more, so nobody was notified.",
        ),
        (
            "@bob@elsewhere.example",
            "This site cannot notify people on other sites, such as @bob@elsewhere.example.",
        ),
        ("Hello @Bob, @bob@localhost", None),
        ("mail@nobody.example", None),
    ],
)
async def test_unknown_mention_is_pointed_out(html_site: HtmlSite, text: str, hint: str | None) -> None:
    ann = await html_site.person("ann")
    await html_site.person("bob")
    assert await said(ann, "/posts", {"text": text}) == ["Your post is published.", *([hint] if hint else [])]
    (post,) = (await html_site.microblog.timelines.home(ann.viewer, Span())).items
    assert await said(ann, f"/posts/{post.id}/edit", {"text": f"{text}!"}) == [
        "Your changes are saved.",
        *([hint] if hint else []),
    ]


async def test_sign_up_mentions_the_mail_and_the_role_of_the_owner(
    html_site: HtmlSite,
) -> None:
    for name, is_first in (("ann", True), ("bob", False)):
        browser = html_site.stranger()
        await browser.csrf_from("/signup")
        form = {"name": name, "email": f"{name}@example.org", "password": PASSWORD}
        page = await browser.post("/signup", form=form, follow=True)
        texts = " ".join(flashes(page))
        assert "We sent you an email" in texts
        assert ("this site is yours" in texts) is is_first


async def test_a_pinned_post_and_a_muted_thread_are_confirmed(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    for verb in ("pin", "unpin", "mute", "unmute"):
        (text,) = await said(ann, f"/posts/{post.id}/{verb}")
        assert ("pinned" in text) is verb.endswith("pin")
