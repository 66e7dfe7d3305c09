"""A cache of pages for anonymous visitors, as bytes.

Such a page depends on its address, on few other properties of the request (``PageKey``) and on the database. Routes
with ``cached=True`` promise this. The cache drops all pages as soon as ``version`` changes: the event dispatcher's
version moves with each commit of this process and with the event log, which reports the commits of other processes.
A page also expires after a second, because a few changes by other processes (a favourite taken back, a new display
name) are in no event, and because "5 min" becomes "6 min".

Requests for a page that is being made wait for it. So after each new post the server renders one page, however many
clients ask. Nothing personal is cached: a viewer, a flash message, a form's token or a cookie make an answer personal,
as they make it ``no-store``.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from twisted.internet.defer import Deferred

from microblog.http.compression import pack
from microblog.http.responses import CachedResponse, Document, Html, Json, Response

SECONDS: Final = 1.0  #: longest age of a page
CAPACITY: Final = 4 * 1024 * 1024  #: bytes of all pages together


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
    """Answers by their keys, of one version of the site.

    ``version`` returns the current version. ``seconds`` is a monotonic clock. ``capacity`` is in bytes.
    """

    def __init__(
        self, version: Callable[[], object], seconds: Callable[[], float], *, capacity: int = CAPACITY
    ) -> None:
        self._current_version = version
        self._seconds = seconds
        self._capacity = capacity
        self._version: object = None
        self._pages: OrderedDict[PageKey, tuple[float, CachedResponse]] = OrderedDict()
        self._size = 0
        self._pending: dict[tuple[PageKey, object], list[Deferred[CachedResponse | None]]] = {}

    def __len__(self) -> int:
        return len(self._pages)

    @property
    def size(self) -> int:
        """Bytes of all cached pages and their keys."""
        return self._size

    async def answer(
        self, key: PageKey, make: Callable[[], Awaitable[Response]], personal: Callable[[], bool]
    ) -> Response:
        """Return the cached answer of ``key``, or what ``make`` returns. Raises what ``make`` raises.

        ``personal`` says, after ``make``, whether the answer holds anything of one visitor; then it is not cached.
        """
        version = self._refresh()
        cached = self._pages.get(key)
        if cached is not None and cached[0] > self._seconds():
            self._pages.move_to_end(key)
            return cached[1]
        pending = self._pending.get((key, version))
        if pending is not None:
            ready: Deferred[CachedResponse | None] = Deferred()
            pending.append(ready)
            return await ready or await make()
        waiting = self._pending[key, version] = []
        made: CachedResponse | None = None
        try:
            response = await make()
            made = None if personal() else _cacheable(response)
            # A change that was committed meanwhile may be in the page or not: such a page is not cached.
            if made is not None and self._refresh() == version:
                self._store(key, made)
            return made or response
        finally:
            del self._pending[key, version]
            for ready in waiting:
                if not ready.called:  # else its client has gone
                    ready.callback(made)

    def _refresh(self) -> object:
        """Drop all pages if the version has changed; return the current one."""
        version = self._current_version()
        if version != self._version:
            self._version = version
            self._pages.clear()
            self._size = 0
        return version

    def _store(self, key: PageKey, page: CachedResponse) -> None:
        if page.size > self._capacity // 4:
            return
        old = self._pages.pop(key, None)
        if old is not None:
            self._size -= key.size + old[1].size
        self._pages[key] = (self._seconds() + SECONDS, page)
        self._size += key.size + page.size
        while self._size > self._capacity:
            dropped_key, (_, dropped) = self._pages.popitem(last=False)
            self._size -= dropped_key.size + dropped.size


def _cacheable(response: Response) -> CachedResponse | None:
    """Return ``response`` as bytes, or None when it is not the same for every anonymous visitor."""
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
