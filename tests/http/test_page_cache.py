"""The page cache holds pages for anonymous visitors, and nothing personal."""

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
    """A site whose pages count how often they are made, with a ``version``."""

    def __init__(self, folder: Path, capacity: int = 4 * 1024 * 1024) -> None:
        self.made = 0
        self.version = 0
        self.held: Deferred[None] | None = None
        self.text = "words " * 400
        routes = Routes("pages")

        @routes.get("/page", public=True, cached=True)
        async def page(_: None, request: Request) -> Response:
            """A public page."""
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
            """A page with an error."""
            self.made += 1
            return Html("wrong", status=410, public=True)

        @routes.get("/flash")
        async def flash(_: None, request: Request) -> Response:
            """Leave a flash message for the next page."""
            request.flash("Well done.")
            return Html("")

        self.harness: Harness = make(folder, routes)
        self.cache = PageCache(lambda: self.version, self.harness.clock.seconds, capacity=capacity)
        self.harness.dispatcher.page_cache = self.cache

    def get(self, path: str = "/page", cookies: dict[str, str] | None = None, **more: Any) -> Deferred[Page]:
        """Request a page at once, in a new browser."""
        client = Client(self.harness.site)
        client.cookies.update(cookies or {})
        return Deferred.fromCoroutine(client.get(path, **more))


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    return Pages(tmp_path)


async def test_cached_page_is_made_once(pages: Pages) -> None:
    first, second = await pages.get(), await pages.get()
    assert first.status == 200
    assert first.body == second.body
    assert pages.made == 1


async def test_page_is_made_again_for_a_new_version(pages: Pages) -> None:
    await pages.get()
    pages.version += 1
    assert b"<p>2 " in (await pages.get()).body


async def test_page_is_made_again_after_a_second(pages: Pages) -> None:
    await pages.get()
    pages.harness.clock.advance(1.1)
    await pages.get()
    assert pages.made == 2


async def test_each_address_and_theme_has_a_copy(pages: Pages) -> None:
    for path, cookies in (("/page", {}), ("/page?max_id=1", {}), ("/page", {"theme": "dark"})):
        await pages.get(path, cookies=cookies)
        await pages.get(path, cookies=cookies)
    assert pages.made == 3
    assert len(pages.cache) == 3


async def test_pages_for_viewers_are_not_cached(pages: Pages) -> None:
    token = pages.harness.sessions.open("token", "alice")
    session = {pages.harness.web.cookies.session_name: token}
    mine = await pages.get(cookies=session)
    assert b"<nav>alice</nav>" in mine.body
    assert mine.headers["cache-control"] == "no-store"
    theirs = await pages.get()
    assert b"<nav>nobody</nav>" in theirs.body
    assert b"<nav>alice</nav>" in (await pages.get(cookies=session)).body


@pytest.mark.parametrize("path", ["/form", "/error"])
async def test_forms_and_errors_are_not_cached(pages: Pages, path: str) -> None:
    await pages.get(path)
    await pages.get(path)
    assert pages.made == 2
    assert len(pages.cache) == 0


async def test_flash_message_is_shown_only_in_its_browser(pages: Pages) -> None:
    await pages.get()
    left = await pages.get("/flash")
    name, _, value = left.cookies[0].partition(";")[0].partition("=")
    shown = await pages.get(cookies={name: value})
    assert b"Well done." in shown.body
    assert b"Well done." not in (await pages.get()).body


async def test_requests_wait_for_the_page_that_is_being_made(pages: Pages) -> None:
    pages.held = Deferred()
    requests = [pages.get() for _ in range(5)]
    assert pages.made == 1
    pages.held.callback(None)
    bodies = {(await each).body for each in requests}
    assert len(bodies) == 1
    assert pages.made == 1


async def test_page_from_before_a_change_does_not_answer_later_requests(pages: Pages) -> None:
    pages.held = held = Deferred()
    early = pages.get()
    pages.version += 1
    pages.held = None
    assert b"<p>2 " in (await pages.get()).body
    held.callback(None)
    await early
    assert b"<p>2 " in (await pages.get()).body
    assert pages.made == 2


async def test_client_may_revalidate_its_copy(pages: Pages) -> None:
    first = await pages.get()
    again = await pages.get(headers={"If-None-Match": first.headers["etag"]})
    assert again.status == 304
    assert again.body == b""
    assert pages.made == 1


async def test_cached_page_is_compressed_once_for_clients_that_accept_gzip(pages: Pages) -> None:
    plain = await pages.get()
    packed = await pages.get(headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.headers.get("content-encoding") is None
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    assert pages.made == 1


async def test_cache_has_a_memory_limit(tmp_path: Path) -> None:
    pages = Pages(tmp_path, capacity=20_000)
    for number in range(50):
        await pages.get(f"/page?max_id={number}")
    assert 0 < pages.cache.size <= 20_000
    assert len(pages.cache) < 50
    # The newest page is cached, the oldest is not.
    await pages.get("/page?max_id=49")
    assert pages.made == 50
    await pages.get("/page?max_id=0")
    assert pages.made == 51


async def test_page_that_is_too_large_is_not_cached(tmp_path: Path) -> None:
    pages = Pages(tmp_path, capacity=4000)
    await pages.get()
    assert len(pages.cache) == 0
