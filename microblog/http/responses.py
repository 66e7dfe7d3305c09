"""The answers that pages return: records, never bare strings or dicts.

========================================== ===========================================================
``Html(markup, status=200)``               a page, or a fragment of one
``Json(value, status=200)``                anything msgspec can encode: dicts, lists, Structs, dataclasses
``Document(body, content_type)``           feeds, CSV, SVG, plain text, bytes
``Redirect(to, status=303)``               to a path of this site only
``ExternalRedirect(url, status=302)``      to an address that was registered before (OAuth)
``Empty(status=204)``                      no body
``NotModified(etag)``                      304: the client has this version already
``Stream(source)``                         server-sent events, see ``event_stream``
``Upgrade(take_over)``                     another protocol takes the connection (WebSocket)
========================================== ===========================================================

Keyword arguments of all of them:

``headers``   a mapping of further headers.
``public``    whether the answer is the same for all anonymous visitors.  Such an answer gets an ETag and ``Vary``.  It
              stays ``no-store`` if there is a viewer, or if a form's token or a cookie goes out with it.
``max_age``   seconds for which a cache may reuse a public answer without asking.
``etag``      an opaque text that the page makes, instead of a hash of the body.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from microblog.domain.errors import InvalidInput

_encode_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Response:
    """The base of all answers; the module's docstring explains the arguments."""

    status: int = field(default=200, kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    public: bool = field(default=False, kw_only=True)
    max_age: int = field(default=0, kw_only=True)
    etag: str | None = field(default=None, kw_only=True)

    @property
    def media_type(self) -> str:
        """The value of ``Content-Type``; empty for an answer without a body."""
        return ""

    def encode(self) -> bytes:
        """The body."""
        return b""


@dataclass(frozen=True, slots=True)
class Html(Response):
    markup: str

    @property
    def media_type(self) -> str:
        return "text/html; charset=utf-8"

    def encode(self) -> bytes:
        return self.markup.encode()


@dataclass(frozen=True, slots=True)
class Json(Response):
    value: object
    content_type: str = field(default="application/json; charset=utf-8", kw_only=True)

    @property
    def media_type(self) -> str:
        return self.content_type

    def encode(self) -> bytes:
        """Return the value as JSON; ``bytes`` and ``msgspec.Raw`` are JSON already."""
        return self.value if isinstance(self.value, bytes) else _encode_json(self.value)


@dataclass(frozen=True, slots=True)
class Document(Response):
    body: str | bytes
    content_type: str = "text/plain; charset=utf-8"

    @property
    def media_type(self) -> str:
        return self.content_type

    def encode(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else self.body


@dataclass(frozen=True, slots=True)
class CachedResponse(Response):
    """An answer as bytes, to be sent many times.  ``packed`` is the body compressed, or None if that gains nothing.

    Caches make it, pages do not.
    """

    body: bytes
    content_type: str
    packed: bytes | None

    @property
    def media_type(self) -> str:
        return self.content_type

    @property
    def size(self) -> int:
        """Approximate bytes of memory."""
        return len(self.body) + len(self.packed or b"")

    def encode(self) -> bytes:
        return self.body


@dataclass(frozen=True, slots=True)
class Redirect(Response):
    """A redirect to a path of this site, by GET (303).

    :raises InvalidInput: ``to`` leads to another site.  For a target from a client, use ``next_path``.
    """

    to: str
    status: int = field(default=303, kw_only=True)

    def __post_init__(self) -> None:
        if not is_local_path(self.to):
            raise InvalidInput("The page to go to next has to be one of this site.", "next")

    @property
    def location(self) -> str:
        return quote(self.to, safe=_URI_CHARACTERS)


@dataclass(frozen=True, slots=True)
class ExternalRedirect(Response):
    """A redirect to an absolute address; only for targets that were registered before and match exactly."""

    url: str
    status: int = field(default=302, kw_only=True)

    def __post_init__(self) -> None:
        if not urlsplit(self.url).scheme or any(ord(c) <= 0x20 or ord(c) == 0x7F for c in self.url):
            raise InvalidInput("The address to go to next has to be a whole one.", "redirect_uri")

    @property
    def location(self) -> str:
        return quote(self.url, safe=_URI_CHARACTERS)


@dataclass(frozen=True, slots=True)
class Empty(Response):
    status: int = field(default=204, kw_only=True)


@dataclass(frozen=True, slots=True)
class NotModified(Response):
    """An answer without a body: the client's copy, with the ETag ``tag``, is current."""

    tag: str
    status: int = field(default=304, kw_only=True)
    public: bool = field(default=True, kw_only=True)


class EventSource(Protocol):
    """The source of a ``Stream``'s events."""

    def subscribe(self, sink: Any) -> Callable[[], None]:
        """Begin to write to ``sink``, an ``event_stream.EventSink``.

        The returned function is called once, when the sink has ended.
        """
        ...


@dataclass(frozen=True, slots=True)
class Stream(Response):
    """Server-sent events from ``source``, until the client leaves, the source ends or the server drains."""

    source: EventSource

    @property
    def media_type(self) -> str:
        return "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Upgrade(Response):
    """A change of the connection's protocol (RFC 9110, section 7.8); ``take_over`` calls `HTTPRequest.hand_over`."""

    take_over: Callable[[], Awaitable[None]]
    status: int = field(default=101, kw_only=True)


_URI_CHARACTERS = "/:?#[]@!$&'()*+,;=%~-._"


#: Characters of the longest address that fits a request line (``guard.MAX_HEADER_LINE``) with method and version.
LONGEST_PATH: Final = 8000


def is_local_path(target: str) -> bool:
    """Return whether a redirect to ``target`` stays on this site.

    Browsers drop tabs and newlines, and read a backslash as a slash, so ``/\\evil.example`` and
    ``/<TAB>/evil.example`` leave the site as ``//evil.example`` does (WHATWG URL, basic URL parser).
    """
    return (
        target.startswith("/")
        and not target.startswith("//")
        and "\\" not in target
        and not any(ord(character) < 0x20 or ord(character) == 0x7F for character in target)
    )


def next_path(raw: str | None, default: str = "/") -> str:
    """Return the next path: ``raw``, from a client's ``?next=``, if it stays on this site, else ``default``."""
    return raw if raw and len(raw) <= LONGEST_PATH and is_local_path(raw) else default


def not_prefetched() -> Empty:
    """Refuse to prefetch a page whose reading changes something; the browser asks again when the person opens it."""
    return Empty(status=503, headers={"Retry-After": "0", "Cache-Control": "no-store"})


def moved(path: str, query: Iterable[tuple[str, str]]) -> Redirect:
    """Return the redirect to the canonical address of a page, with the query of the request."""
    encoded = urlencode(list(query))
    return Redirect(f"{path}?{encoded}" if encoded else path, status=301)
