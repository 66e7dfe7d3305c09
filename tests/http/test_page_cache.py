"""Strangers' pages are kept as bytes until something happens, and nothing that is somebody's ever is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from microblog.http.page_cache import PageCache
from microblog.http.request import Request
from microblog.http.responses import Html, Response
from microblog.http.routing import Routes
from tests.http.client import Client, Page
from tests.http.harness import Harness, make


class Pages:
    """A site with one page that counts how often it is made; ``version`` is that of what it shows."""

    def __init__(self, folder: Path, room: int = 4 * 1024 * 1024) -> None:
        self.made = 0
        self.version = 0
        self.held: Deferred[None] | None = None
        self.text = "words " * 400
        routes = Routes("pages")

        @routes.get("/page", public=True, cached=True)
        async def page(_: None, request: Request) -> Response:
            """A page for everybody."""
            self.made += 1
            if self.held is not None:
                await self.held
            return request.render("pages/plain.html", text=f"{self.made} {self.text}", public=True)

        @routes.get("/form", public=True, cached=True)
        async def form(_: None, request: Request) -> Response:
            """A page with a form's token in it."""
            self.made += 1
            return request.render("pages/form.html", public=True)

        @routes.get("/error", public=True, cached=True)
        async def error(_: None, __: Request) -> Response:
            """A page that says that something is wrong."""
            self.made += 1
            return Html("wrong", status=410, public=True)

        @routes.get("/flash")
        async def flash(_: None, request: Request) -> Response:
            """Leaves a message for the next page."""
            request.flash("Well done.")
            return Html("")

        self.harness: Harness = make(folder, routes)
        self.kept = PageCache(lambda: self.version, self.harness.clock.seconds, capacity=room)
        self.harness.website.page_cache = self.kept

    def get(self, path: str = "/page", cookies: dict[str, str] | None = None, **more: Any) -> Deferred[Page]:
        """Asked at once, in a browser of its own: what one is left, the others don't have."""
        client = Client(self.harness.site)
        client.cookies.update(cookies or {})
        return Deferred.fromCoroutine(client.get(path, **more))


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    return Pages(tmp_path)


async def test_a_page_is_made_once(pages: Pages) -> None:
    first, second = await pages.get(), await pages.get()
    assert first.status == 200
    assert first.body == second.body
    assert pages.made == 1


async def test_it_is_made_again_when_something_happened(pages: Pages) -> None:
    await pages.get()
    pages.version += 1
    assert b"<p>2 " in (await pages.get()).body


async def test_it_is_made_again_after_a_second_for_what_no_event_tells(pages: Pages) -> None:
    await pages.get()
    pages.harness.clock.advance(1.1)
    await pages.get()
    assert pages.made == 2


async def test_addresses_and_themes_have_copies_of_their_own(pages: Pages) -> None:
    for path, cookies in (("/page", {}), ("/page?max_id=1", {}), ("/page", {"theme": "dark"})):
        await pages.get(path, cookies=cookies)
        await pages.get(path, cookies=cookies)
    assert pages.made == 3
    assert len(pages.kept) == 3


async def test_who_is_logged_in_neither_gets_a_kept_page_nor_leaves_one(pages: Pages) -> None:
    token = pages.harness.sessions.open("token", "alice")
    session = {pages.harness.web.cookies.session_name: token}
    mine = await pages.get(cookies=session)
    assert b"<nav>alice</nav>" in mine.body
    assert mine.headers["cache-control"] == "no-store"
    theirs = await pages.get()
    assert b"<nav>nobody</nav>" in theirs.body
    assert b"<nav>alice</nav>" in (await pages.get(cookies=session)).body


@pytest.mark.parametrize("path", ["/form", "/error"])
async def test_forms_and_errors_are_not_kept(pages: Pages, path: str) -> None:
    await pages.get(path)
    await pages.get(path)
    assert pages.made == 2
    assert len(pages.kept) == 0


async def test_a_message_is_shown_to_whom_it_was_left(pages: Pages) -> None:
    await pages.get()
    left = await pages.get("/flash")
    name, _, value = left.cookies[0].partition(";")[0].partition("=")
    shown = await pages.get(cookies={name: value})
    assert b"Well done." in shown.body
    assert b"Well done." not in (await pages.get()).body


async def test_those_who_ask_meanwhile_wait_for_the_one_that_is_made(pages: Pages) -> None:
    pages.held = Deferred()
    asked = [pages.get() for _ in range(5)]
    assert pages.made == 1
    pages.held.callback(None)
    bodies = {(await each).body for each in asked}
    assert len(bodies) == 1
    assert pages.made == 1


async def test_what_was_begun_before_a_change_is_not_given_to_those_who_ask_after_it(pages: Pages) -> None:
    pages.held = held = Deferred()
    early = pages.get()
    pages.version += 1
    pages.held = None
    assert b"<p>2 " in (await pages.get()).body
    held.callback(None)
    await early
    assert b"<p>2 " in (await pages.get()).body
    assert pages.made == 2


async def test_the_client_keeps_its_copy_too(pages: Pages) -> None:
    first = await pages.get()
    again = await pages.get(headers={"If-None-Match": first.headers["etag"]})
    assert again.status == 304
    assert again.body == b""
    assert pages.made == 1


async def test_a_kept_page_is_compressed_once_and_for_those_alone_who_take_it(pages: Pages) -> None:
    plain = await pages.get()
    packed = await pages.get(headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.headers.get("content-encoding") is None
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    assert pages.made == 1


async def test_memory_is_bounded(tmp_path: Path) -> None:
    pages = Pages(tmp_path, room=20_000)
    for number in range(50):
        await pages.get(f"/page?max_id={number}")
    assert 0 < pages.kept.size <= 20_000
    assert len(pages.kept) < 50
    # The newest is among them, the oldest is not.
    await pages.get("/page?max_id=49")
    assert pages.made == 50
    await pages.get("/page?max_id=0")
    assert pages.made == 51


async def test_one_page_that_is_too_large_is_not_kept(tmp_path: Path) -> None:
    pages = Pages(tmp_path, room=4000)
    await pages.get()
    assert len(pages.kept) == 0
