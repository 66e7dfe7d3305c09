"""Posts that everyone may read, rendered once for everybody who is logged in.

To two readers the same public post differs in five small words: whether they like it, boosted it, bookmarked it, muted
or pinned it.  So a page is read and rendered once, as a stranger sees it, and kept as bytes; for each reader their own
words are put in.  Most have none of them there: they get the same bytes, packed once.

As in ``kept``, all is thrown away as soon as anything happens (the dispatcher's ``version`` moves), and after a
second at
the latest.
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

MOST: Final = 64  #: pages that are kept, of some tens of kilobytes each
MOST_ANSWERS: Final = 32  #: answers that are kept of one page: to most people it is the same
_MOST_POSTS: Final = 2000
_JSON: Final = "application/json; charset=utf-8"
#: How JSON says that a post is nothing special to anybody. It can't be part of a text: there its quotes are escaped.
NOTHING_SPECIAL: Final = (
    b'"favourited":false,"reblogged":false,"bookmarked":false,"muted":false,"pinned":false'
)
_WORDS: Final = {False: b"false", True: b"true"}

Load = Callable[[], Awaitable[Page[Post]]]
Render = Callable[[Post], bytes]
#: What posts are to some people, by their ids: of each post that is anything special to them.
Mark = Callable[[Sequence[Post], Sequence[int]], Awaitable[Mapping[int, tuple[ViewerFlags, ...] | None]]]


class Shared:
    """A page of public posts as a stranger sees it, and what was made of it for others."""

    __slots__ = ("_answers", "_marks", "bodies", "page")

    def __init__(self, page: Page[Post], bodies: Sequence[bytes], mark: Mark) -> None:
        self.page = page
        self.bodies = bodies
        self._marks = BatchLoader(partial(mark, page.items))
        self._answers: dict[tuple[ViewerFlags, ...], CachedResponse] = {}

    async def of(self, viewer_id: int) -> CachedResponse | None:
        """The page as somebody has it; None where that is not a stranger's with other words."""
        flags = await self._marks.of(viewer_id)
        return None if flags is None else self.answer(flags)

    def answer(self, flags: tuple[ViewerFlags, ...]) -> CachedResponse:
        """Its posts as a list in JSON; ``flags`` are of those that are anything special to the one who gets it."""
        kept = self._answers.get(flags)
        if kept is None:
            bodies = self.bodies
            if flags:
                special = {each.id: each for each in flags}
                bodies = [
                    _of(body, special[post.id]) if post.id in special else body
                    for post, body in zip(self.page.items, bodies, strict=True)
                ]
            body = b"[%b]" % b",".join(bodies)
            kept = CachedResponse(body, _JSON, pack(body, _JSON))
            if len(self._answers) < MOST_ANSWERS:
                self._answers[flags] = kept
        return kept


class SharedTimelines:
    """``version`` says what state of the site an answer shows; ``seconds`` is a monotonic clock."""

    def __init__(self, version: Callable[[], object], seconds: Callable[[], float]) -> None:
        self._now_version = version
        self._seconds = seconds
        self._version: object = None
        self._until = 0.0
        self._posts: dict[int, bytes] = {}
        self._pages: dict[object, Shared] = {}
        self._making: dict[object, list[Deferred[Shared | None]]] = {}

    def __len__(self) -> int:
        return len(self._pages)

    async def page(self, key: object, load: Load, render: Render, mark: Mark) -> Shared:
        """The page called ``key``: ``load`` gives it as a stranger has it, ``mark`` says what it is to others.

        Whoever asks while it is being loaded waits for that one, as long as nothing has happened since.
        """
        version = self._look()
        kept = self._pages.get(key)
        if kept is not None:
            return kept
        name = (key, version)
        waiting = self._making.get(name)
        if waiting is not None:
            ready: Deferred[Shared | None] = Deferred()
            waiting.append(ready)
            return await ready or await self._load(load, render, mark)
        waiting = self._making[name] = []
        made: Shared | None = None
        try:
            made = await self._load(load, render, mark)
            # What was written meanwhile may be in it or not: then it is this moment's, and not kept.
            if self._look() == version and len(self._pages) < MOST:
                self._pages[key] = made
                if len(self._posts) <= _MOST_POSTS:
                    self._posts.update(zip((each.id for each in made.page.items), made.bodies, strict=True))
            return made
        finally:
            del self._making[name]
            for each in waiting:
                if not each.called:  # else its client has gone
                    each.callback(made)

    async def _load(self, load: Load, render: Render, mark: Mark) -> Shared:
        page = await load()
        self._look()
        return Shared(page, [self._posts.get(each.id) or render(each) for each in page.items], mark)

    def _look(self) -> object:
        version, now = self._now_version(), self._seconds()
        if version != self._version or now >= self._until:
            self._version, self._until = version, now + SECONDS
            self._posts.clear()
            self._pages.clear()
        return self._version, self._until


def _of(post: bytes, flags: ViewerFlags) -> bytes:
    """``post`` as it is to the one whose ``flags`` these are."""
    words = (
        b'"favourited":%b,"reblogged":%b,"bookmarked":%b,"muted":%b,"pinned":%b'
        % tuple(
            _WORDS[each]
            for each in (flags.favourited, flags.boosted, flags.bookmarked, flags.muted, flags.pinned)
        )
    )  # fmt: skip
    return post.replace(NOTHING_SPECIAL, words, 1)
