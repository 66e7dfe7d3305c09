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
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

from microblog.http.response_writer import pack
from microblog.http.responses import CachedResponse, Document, Html, Json, Response

if TYPE_CHECKING:
    from microblog.http.request import Request

SECONDS: Final = 1.0  #: that a page is kept at most
ROOM: Final = 4 * 1024 * 1024  #: bytes of all pages together

#: The path, the parameters as the page reads them, the theme, and which form of the answer is wanted.
_Key = tuple[str, tuple[tuple[str, str], ...], str, bool, bool]


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
        self._pages: OrderedDict[_Key, tuple[float, CachedResponse]] = OrderedDict()
        self._size = 0
        self._making: dict[tuple[_Key, object], list[Deferred[CachedResponse | None]]] = {}

    def __len__(self) -> int:
        return len(self._pages)

    @property
    def size(self) -> int:
        """Bytes of all that is kept."""
        return self._size

    async def answer(self, request: Request, make: Callable[[], Awaitable[Response]]) -> Response:
        """The kept answer to ``request``, else what ``make`` gives. Raises whatever ``make`` does."""
        if request.viewer is not None or request.method not in ("GET", "HEAD") or request.flashes:
            return await make()
        key = _key(request)
        version = self._look()
        found = self._pages.get(key)
        if found is not None and found[0] > self._seconds():
            self._pages.move_to_end(key)
            return found[1]
        making = self._making.get((key, version))
        if making is not None:
            ready: Deferred[CachedResponse | None] = Deferred()
            making.append(ready)
            return await ready or await make()
        return await self._make(key, version, request, make)

    async def _make(
        self, key: _Key, version: object, request: Request, make: Callable[[], Awaitable[Response]]
    ) -> Response:
        waiting = self._making[key, version] = []
        kept: CachedResponse | None = None
        try:
            response = await make()
            kept = _kept(request, response)
            # What was written meanwhile may be in the page or not: then it is this moment's, and not kept.
            if kept is not None and self._look() == version:
                self._keep(key, kept)
            return kept or response
        finally:
            del self._making[key, version]
            for ready in waiting:
                if not ready.called:  # else its client has gone
                    ready.callback(kept)

    def _look(self) -> object:
        version = self._now_version()
        if version != self._version:
            self._version = version
            self._pages.clear()
            self._size = 0
        return version

    def _keep(self, key: _Key, kept: CachedResponse) -> None:
        if kept.size > self._room // 4:
            return
        old = self._pages.pop(key, None)
        if old is not None:
            self._size -= _size(key, old[1])
        self._pages[key] = (self._seconds() + SECONDS, kept)
        self._size += _size(key, kept)
        while self._size > self._room:
            name, (_, dropped) = self._pages.popitem(last=False)
            self._size -= _size(name, dropped)


def _key(request: Request) -> _Key:
    """Everything about a request that a kept page may read.  Raises MalformedRequest for a broken query."""
    return (
        request.path,
        tuple(request.query),
        request.theme,
        request.is_fragment,
        request.wants_json,
    )


def _size(key: _Key, kept: CachedResponse) -> int:
    """Bytes of memory that a page takes together with its address, which a client may make long."""
    return kept.size + len(key[0]) + sum(len(name) + len(value) for name, value in key[1])


def _kept(request: Request, response: Response) -> CachedResponse | None:
    """``response`` as bytes, when it is the same for every stranger."""
    if (
        not isinstance(response, Html | Document | Json)
        or not response.public
        or response.status != 200
        or request.personal
        or request.cookies_out
    ):
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
