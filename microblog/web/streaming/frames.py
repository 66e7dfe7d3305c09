"""Events as bytes: server-sent events, and whole WebSocket frames.

An event is rendered once for all readers of a stream, and its post's JSON once for all streams. A server does not mask
WebSocket frames (RFC 6455, section 5.1), so the same bytes go to all clients.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET, UnsetType

from microblog.domain.events import Event, Kind
from microblog.mastodon import entities
from microblog.web.streaming.names import Channel

if TYPE_CHECKING:
    from microblog.domain.posts import Post

_encode: Final = msgspec.json.Encoder().encode
_CACHED: Final = 256  #: posts whose JSON is cached for the next stream
_CHANNELS: Final = 1024  #: channels whose renderers are cached: clients may ask for any hashtag
_NAMES: Final = {Kind.POST: "update", Kind.BOOST: "update", Kind.EDIT: "status.update"}

Render = Callable[[Event], bytes]


class Message(msgspec.Struct, frozen=True):
    """A message to a WebSocket client. ``payload`` is JSON as text, and an id for ``delete``."""

    stream: tuple[str, ...]
    event: str
    payload: str | UnsetType = UNSET


def text_frame(payload: bytes) -> bytes:
    """Return a text message in one frame (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 65536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), payload)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), payload)


PING: Final = b"\x89\x00"


def close_frame(code: int, reason: str = "") -> bytes:
    """Return a Close frame (RFC 6455, section 5.5.1). It carries at most 125 bytes, two of them the code."""
    body = code.to_bytes(2, "big") + reason.encode()[:123]
    return b"\x88%c%b" % (len(body), body)


class Frames:
    """Renders events for both transports. ``base_url`` is as in ``entities``."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._payloads: dict[int, tuple[Post, str]] = {}
        #: for each channel the name of its format, one object for all readers, and the function that renders events
        self.socket: Callable[[Channel], tuple[str, Render]] = lru_cache(_CHANNELS)(self._for_sockets)
        self.sse: Callable[[Channel], tuple[str, Render]] = lru_cache(_CHANNELS)(self._for_sse)

    def content(self, event: Event, channel: Channel) -> tuple[str, str | None] | None:
        """Return an event's name and payload in the protocol, or None when it does not belong on the channel.

        A change of filters has no payload.
        """
        if event.kind is Kind.NOTIFICATION and event.notification is not None:
            entity = entities.notification(event.notification, self._base_url, event.filter_results)
            return "notification", _encode(entity).decode()
        if event.kind is Kind.RELATION:
            return ("filters_changed", None) if channel.name == "user" else None
        audience = event.audience
        if audience is None:
            return None
        if channel.where in ("local", "remote") and ("@" in audience.author_name) != (
            channel.where == "remote"
        ):
            return None
        if event.kind is Kind.DELETE:
            return "delete", str(event.post_id)
        if event.post is None:
            return None
        return _NAMES[event.kind], self._payload(event, event.post)

    def _payload(self, event: Event, post: Post) -> str:
        if event.filtered:  # for one viewer
            return _encode(entities.status(post, self._base_url, event.filter_results)).decode()
        cached = self._payloads.get(event.position)
        if cached is not None and cached[0] is post:
            return cached[1]
        if len(self._payloads) >= _CACHED:
            self._payloads.clear()
        payload = _encode(entities.status(post, self._base_url)).decode()
        self._payloads[event.position] = (post, payload)
        return payload

    def _for_sockets(self, channel: Channel) -> tuple[str, Render]:
        def render(event: Event) -> bytes:
            content = self.content(event, channel)
            return b"" if content is None else message(channel, *content)

        return f"ws {channel.label}", render

    def _for_sse(self, channel: Channel) -> tuple[str, Render]:
        def render(event: Event) -> bytes:
            content = self.content(event, channel)
            return b"" if content is None else sse_event(*content, position=event.position)

        return f"sse {channel.where}", render


def message(channel: Channel, event: str, payload: str | None) -> bytes:
    """Return a framed message to a WebSocket client."""
    return text_frame(_encode(Message(channel.label, event, UNSET if payload is None else payload)))


def sse_event(event: str, payload: str | None, *, position: int) -> bytes:
    """Return a server-sent event. Its payload is JSON without line ends, or an id: one line of data.

    Without a payload the data is ``undefined`` as in Mastodon, because clients drop an event without data.
    """
    payload = "undefined" if payload is None else payload
    return f"event: {event}\ndata: {payload}\nid: {position}\n\n".encode()
