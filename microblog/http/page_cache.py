"""Pages for strangers, kept as bytes until something happens.

A stranger's page depends on its address, on few things about the request (the chosen theme, whether a fragment is
wanted) and on what is in the database.  Routes that say ``cached=True`` promise so.  Their answers are kept while the
``version`` of what is shown stays the same (the dispatcher's: it moves with every commit of this process and with the
event log, which tells of all others'), and for a second at most, because a few changes by other processes (a
favourite taken back, a new display name) are in no event, and because "5 min" becomes "6 min".

Whoever asks while a page is being made waits for that one: after each new post, one reader's page is rendered, however
many are reading.  Nothing personal is ever kept: a viewer, a message to show, a form's token or a cookie keep an answer
out, as they make it ``no-store``.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from twisted.internet.defer import Deferred

from microblog.http.compression import pack
from microblog.http.responses import CachedResponse, Document, Html, Json, Response

SECONDS: Final = 1.0  #: that a page is kept at most
ROOM: Final = 4 * 1024 * 1024  #: bytes of all pages together


class PageKey(NamedTuple):
    """Everything about a request that a cached page may read."""

    path: str
    query: tuple[tuple[str, str], ...]
    theme: str
    fragment: bool
    json: bool

    @property
    def size(self) -> int:
        """Bytes of memory of the parts that a client may make long."""
        return len(self.path) + sum(len(name) + len(value) for name, value in self.query)


class PageCache:
    """``version`` says what state of the site an answer shows: pages of another one are thrown away.

    ``seconds`` is a monotonic clock.
    """

    def __init__(
        self, version: Callable[[], object], seconds: Callable[[], float], *, room: int = ROOM
    ) -> None:
        self._now_version = version
        self._seconds = seconds
        self._room = room
        self._version: object = None
        self._pages: OrderedDict[PageKey, tuple[float, CachedResponse]] = OrderedDict()
        self._size = 0
        self._making: dict[tuple[PageKey, object], list[Deferred[CachedResponse | None]]] = {}

    def __len__(self) -> int:
        return len(self._pages)

    @property
    def size(self) -> int:
        """Bytes of all that is kept."""
        return self._size

    async def answer(
        self, key: PageKey, make: Callable[[], Awaitable[Response]], personal: Callable[[], bool]
    ) -> Response:
        """Return the cached answer of ``key``, or what ``make`` returns. Raises what ``make`` raises.

        ``personal`` says, after ``make``, whether the answer holds anything of one visitor; then it is not cached.
        """
        version = self._look()
        cached = self._pages.get(key)
        if cached is not None and cached[0] > self._seconds():
            self._pages.move_to_end(key)
            return cached[1]
        making = self._making.get((key, version))
        if making is not None:
            ready: Deferred[CachedResponse | None] = Deferred()
            making.append(ready)
            return await ready or await make()
        waiting = self._making[key, version] = []
        made: CachedResponse | None = None
        try:
            response = await make()
            made = None if personal() else _cacheable(response)
            # What was written meanwhile may be in the page or not: such a page is not cached.
            if made is not None and self._look() == version:
                self._keep(key, made)
            return made or response
        finally:
            del self._making[key, version]
            for ready in waiting:
                if not ready.called:  # else its client has gone
                    ready.callback(made)

    def _look(self) -> object:
        version = self._now_version()
        if version != self._version:
            self._version = version
            self._pages.clear()
            self._size = 0
        return version

    def _keep(self, key: PageKey, kept: CachedResponse) -> None:
        if kept.size > self._room // 4:
            return
        old = self._pages.pop(key, None)
        if old is not None:
            self._size -= key.size + old[1].size
        self._pages[key] = (self._seconds() + SECONDS, kept)
        self._size += key.size + kept.size
        while self._size > self._room:
            name, (_, dropped) = self._pages.popitem(last=False)
            self._size -= name.size + dropped.size


def _cacheable(response: Response) -> CachedResponse | None:
    """Return ``response`` as bytes, or None when it is not the same for every stranger."""
    if not isinstance(response, Html | Document | Json) or not response.public or response.status != 200:
        return None
    body = response.encode()
    return CachedResponse(
        body,
        response.media_type,
        pack(body, response.media_type),
        headers=response.headers,
        public=True,
        max_age=response.max_age,
        etag=response.etag or hashlib.blake2b(body, digest_size=12).hexdigest(),
    )
