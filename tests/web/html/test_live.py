"""What an open page hears of what is new."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from microblog.services.filters import KeywordChange
from microblog.web.html.live import frame
from tests.http.client import Client, Connection
from tests.waiting import until
from tests.web.html.html_site import HtmlSite


class Page:
    """A page that listens."""

    def __init__(self, browser: Client, reactor: Any, streams: str, **headers: str) -> None:
        self.reactor = reactor
        self.connection: Connection = browser.connect()
        lines = {"Host": browser.host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if browser.cookies:
            lines["Cookie"] = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.connection.send(f"GET /live?streams={streams} HTTP/1.1\r\n{head}\r\n".encode())

    @property
    def text(self) -> str:
        return self.connection.received.decode()

    @property
    def events(self) -> list[dict[str, str]]:
        found = re.findall(r"event: \w+\n(?:id: \d+\n)?data: (\{.*\})", self.text)
        return [json.loads(each) for each in found]

    @property
    def cursors(self) -> list[int]:
        return [int(each) for each in re.findall(r"^id: (\d+)$", self.text, re.MULTILINE)]

    async def ready(self) -> None:
        await until(self.reactor, lambda: bool(self.cursors))

    async def hears(self, count: int) -> list[dict[str, str]]:
        await until(self.reactor, lambda: len(self.events) >= count)
        return self.events


async def test_anonymous_stream_has_public_posts_only(html_site: HtmlSite, reactor_: Any) -> None:
    alice = (await html_site.person("alice")).viewer
    page = Page(html_site.stranger(), reactor_, "public")
    await page.ready()
    posts = html_site.microblog.posts
    await posts.publish(alice, Draft("for friends", visibility=Visibility.FOLLOWERS))
    written = await posts.publish(alice, Draft("for all"))
    assert await page.hears(1) == [{"kind": "post", "id": str(written.id), "author": str(alice.id)}]
    assert "text/event-stream" in page.text
    assert "no-store" in page.text
    page.connection.hang_up()


async def test_deletions_are_sent_and_edits_are_not(html_site: HtmlSite, reactor_: Any) -> None:
    alice = (await html_site.person("alice")).viewer
    posts = html_site.microblog.posts
    page = Page(html_site.stranger(), reactor_, f"user:{alice.id}")
    await page.ready()
    written = await posts.publish(alice, Draft("one"))
    await posts.edit(alice, written.id, Draft("two"))
    await posts.delete(alice, written.id)
    assert [each["kind"] for each in await page.hears(2)] == ["post", "delete"]
    page.connection.hang_up()


@pytest.mark.parametrize("resumes_by", ["Last-Event-ID", "since"])
async def test_page_resumes_from_its_cursor(html_site: HtmlSite, reactor_: Any, resumes_by: str) -> None:
    alice = (await html_site.person("alice")).viewer
    posts = html_site.microblog.posts
    page = Page(html_site.stranger(), reactor_, "public")
    await page.ready()
    await posts.publish(alice, Draft("one"))
    await page.hears(1)
    cursor = page.cursors[-1]
    page.connection.hang_up()
    missed = await posts.publish(alice, Draft("two"))
    if resumes_by == "since":
        page = Page(html_site.stranger(), reactor_, f"public&since={cursor}")
    else:
        page = Page(html_site.stranger(), reactor_, "public", Last_Event_ID=str(cursor))
    await page.ready()
    assert [each["id"] for each in await page.hears(1)] == [str(missed.id)]
    page.connection.hang_up()


async def test_cursor_out_of_reach_sends_gap_and_goes_live(html_site: HtmlSite, reactor_: Any) -> None:
    alice = (await html_site.person("alice")).viewer
    page = Page(html_site.stranger(), reactor_, "public&since=999999")
    await page.ready()
    assert "event: gap\n" in page.text
    await html_site.microblog.posts.publish(alice, Draft("one"))
    await until(reactor_, lambda: '"kind":"post"' in page.text)
    page.connection.hang_up()


async def test_personal_streams_require_a_log_in(html_site: HtmlSite, reactor_: Any) -> None:
    bob = await html_site.person("bob")
    alice = (await html_site.person("alice")).viewer
    refused = await html_site.stranger().get("/live?streams=notifications")
    assert refused.status in (303, 401)
    page = Page(bob.browser, reactor_, "notifications")
    await page.ready()
    await html_site.microblog.posts.publish(alice, Draft("Hello @bob"))
    assert [each["kind"] for each in await page.hears(1)] == ["notification"]
    page.connection.hang_up()


async def test_ended_session_ends_its_streams(html_site: HtmlSite, reactor_: Any) -> None:
    bob = await html_site.person("bob")
    page = Page(bob.browser, reactor_, "home")
    await page.ready()
    assert (await bob.send("/logout")).status == 303
    await until(reactor_, lambda: not page.connection.open or page.text.endswith("0\r\n\r\n"))
    page.connection.hang_up()


@pytest.mark.parametrize(
    "streams",
    [
        "everything",
        "user:bob",
        "tag:%23x",
        "tag:X",
        "thread:-1",
        ",",
        ",".join(f"tag:a{n}" for n in range(11)),
    ],
)
async def test_unknown_stream_is_refused(html_site: HtmlSite, streams: str) -> None:
    assert (await html_site.stranger().get(f"/live?streams={streams}")).status == 422


async def test_stream_of_a_nonexistent_account_is_not_found(html_site: HtmlSite) -> None:
    assert (await html_site.stranger().get("/live?streams=user:12345")).status == 404


def test_events_that_the_banner_does_not_count_are_not_sent() -> None:
    from microblog.domain.events import Kind
    from tests.protocols.fakes import about, post

    assert frame(about(Kind.RELATION, post(7))) == b""
    assert frame(about(Kind.EDIT, post(7))) == b""
    assert b'"id":"7"' in frame(about(Kind.POST, post(7)))


async def test_page_does_not_count_what_the_viewers_filters_hide(html_site: HtmlSite, reactor_: Any) -> None:
    alice, bob = await html_site.person("alice"), await html_site.person("bob")
    await html_site.microblog.filters.create(
        bob.viewer, "cats", ["public"], action="hide", keywords=[KeywordChange("cat")]
    )
    page = Page(bob.browser, reactor_, "public")
    await page.ready()
    posts = html_site.microblog.posts
    await posts.publish(alice.viewer, Draft("a cat"))
    shown = await posts.publish(alice.viewer, Draft("a dog"))
    assert [each["id"] for each in await page.hears(1)] == [str(shown.id)]
    page.connection.hang_up()
