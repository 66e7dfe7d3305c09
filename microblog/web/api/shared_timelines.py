"""Public posts as JSON, rendered once for all viewers.

A public post differs between viewers only in five flags: favourited, boosted, bookmarked, muted, pinned. A page is
loaded and rendered once, as an anonymous viewer sees it, and cached as bytes. For each viewer, the flags are replaced.
Most viewers have none set and get the same bytes, compressed once.

As in ``http/page_cache.py``, everything is discarded when an event arrives (the dispatcher's ``version`` changes), and
after a second at the latest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

from twisted.internet.defer import Deferred

from microblog.domain.posts import Page, Post, ViewerFlags
from microblog.http.compression import pack
from microblog.http.page_cache import SECONDS
from microblog.http.responses import CachedResponse
from microblog.services.batch_loader import BatchLoader

MOST: Final = 64  #: cached pages, of some tens of kilobytes each
MOST_ANSWERS: Final = 32  #: cached answers of one page: most viewers share one
_MOST_POSTS: Final = 2000
_JSON: Final = "application/json; charset=utf-8"
#: The flags of an anonymous viewer in JSON. No text contains these bytes, because its quotes are escaped.
NO_FLAGS: Final = b'"favourited":false,"reblogged":false,"bookmarked":false,"muted":false,"pinned":false'
_WORDS: Final = {False: b"false", True: b"true"}

Load = Callable[[], Awaitable[Page[Post]]]
Render = Callable[[Post], bytes]
#: Returns the flags of posts for each viewer id, only of posts that have one set; None if they are not known.
LoadFlags = Callable[[Sequence[Post], Sequence[int]], Awaitable[Mapping[int, tuple[ViewerFlags, ...] | None]]]


class SharedPage:
    """A page of public posts as an anonymous viewer sees it, and the answers made from it."""

    __slots__ = ("_answers", "_flags", "bodies", "page")

    def __init__(self, page: Page[Post], bodies: Sequence[bytes], load_flags: LoadFlags) -> None:
        self.page = page
        self.bodies = bodies
        self._flags = BatchLoader(partial(load_flags, page.items))
        self._answers: dict[tuple[ViewerFlags, ...], CachedResponse] = {}

    async def answer_for(self, viewer_id: int) -> CachedResponse | None:
        """Return the page for a viewer, or None if it differs from the anonymous page in more than flags."""
        flags = await self._flags.of(viewer_id)
        return None if flags is None else self.answer(flags)

    def answer(self, flags: tuple[ViewerFlags, ...]) -> CachedResponse:
        """Return the posts as a JSON list, with ``flags`` set on those that they name."""
        cached = self._answers.get(flags)
        if cached is None:
            bodies = self.bodies
            if flags:
                flagged = {each.id: each for each in flags}
                bodies = [
                    _with_flags(body, flagged[post.id]) if post.id in flagged else body
                    for post, body in zip(self.page.items, bodies, strict=True)
                ]
            body = b"[%b]" % b",".join(bodies)
            cached = CachedResponse(body, _JSON, pack(body, _JSON))
            if len(self._answers) < MOST_ANSWERS:
                self._answers[flags] = cached
        return cached


class SharedTimelines:
    """The cache of pages. ``version`` returns the state of the site, ``seconds`` is a monotonic clock."""

    def __init__(self, version: Callable[[], object], seconds: Callable[[], float]) -> None:
        self._now_version = version
        self._seconds = seconds
        self._version: object = None
        self._until = 0.0
        self._posts: dict[int, bytes] = {}
        self._pages: dict[object, SharedPage] = {}
        self._loading: dict[object, list[Deferred[SharedPage | None]]] = {}

    def __len__(self) -> int:
        return len(self._pages)

    async def page(self, key: object, load: Load, render: Render, load_flags: LoadFlags) -> SharedPage:
        """Return the page ``key``. ``load`` loads it for an anonymous viewer, ``load_flags`` the flags of viewers.

        A request that arrives while the page is being loaded waits for it, unless the site has changed since.
        """
        version = self._refresh()
        cached = self._pages.get(key)
        if cached is not None:
            return cached
        name = (key, version)
        waiting = self._loading.get(name)
        if waiting is not None:
            ready: Deferred[SharedPage | None] = Deferred()
            waiting.append(ready)
            return await ready or await self._load(load, render, load_flags)
        waiting = self._loading[name] = []
        made: SharedPage | None = None
        try:
            made = await self._load(load, render, load_flags)
            # A page that was loaded while the site changed may lack the change, so it is not cached.
            if self._refresh() == version and len(self._pages) < MOST:
                self._pages[key] = made
                if len(self._posts) <= _MOST_POSTS:
                    self._posts.update(zip((each.id for each in made.page.items), made.bodies, strict=True))
            return made
        finally:
            del self._loading[name]
            for each in waiting:
                if not each.called:  # else its client has disconnected
                    each.callback(made)

    async def _load(self, load: Load, render: Render, load_flags: LoadFlags) -> SharedPage:
        page = await load()
        self._refresh()
        return SharedPage(page, [self._posts.get(each.id) or render(each) for each in page.items], load_flags)

    def _refresh(self) -> object:
        """Discard everything that is out of date, and return the current version."""
        version, now = self._now_version(), self._seconds()
        if version != self._version or now >= self._until:
            self._version, self._until = version, now + SECONDS
            self._posts.clear()
            self._pages.clear()
        return self._version, self._until


def _with_flags(post: bytes, flags: ViewerFlags) -> bytes:
    """Return a rendered post with ``flags`` in place of the anonymous ones."""
    words = (
        b'"favourited":%b,"reblogged":%b,"bookmarked":%b,"muted":%b,"pinned":%b'
        % tuple(
            _WORDS[each]
            for each in (flags.favourited, flags.boosted, flags.bookmarked, flags.muted, flags.pinned)
        )
    )  # fmt: skip
    return post.replace(NO_FLAGS, words, 1)
