"""An event as bytes: of a server-sent event, or of a whole WebSocket frame.

Both are made once for all readers of a stream, and the post's JSON in them once for all streams.  A WebSocket frame
from a server is not masked (RFC 6455, section 5.1), so the same bytes go to everybody.
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
_KEPT: Final = 256  #: posts whose JSON is kept for the next stream
_CHANNELS: Final = 1024  #: channels whose renderers are kept: anybody may ask for any hashtag
_NAMES: Final = {Kind.POST: "update", Kind.BOOST: "update", Kind.EDIT: "status.update"}

Render = Callable[[Event], bytes]


class Message(msgspec.Struct, frozen=True):
    """What a WebSocket carries; ``payload`` is JSON within JSON, but for ``delete``, where it is an id."""

    stream: tuple[str, ...]
    event: str
    payload: str | UnsetType = UNSET


def text_frame(payload: bytes) -> bytes:
    """A whole text message in one frame (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 65536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), payload)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), payload)


PING: Final = b"\x89\x00"


def close_frame(code: int, reason: str = "") -> bytes:
    """A farewell (RFC 6455, section 5.5.1); a control frame carries at most 125 bytes, two of them the code."""
    said = code.to_bytes(2, "big") + reason.encode()[:123]
    return b"\x88%c%b" % (len(said), said)


class Frames:
    """Renders events for both wires. ``base_url`` as in ``entities``."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._payloads: dict[int, tuple[Post, str]] = {}
        #: for each channel a name of the form, the same object for all who read it, and what renders events in it
        self.socket: Callable[[Channel], tuple[str, Render]] = lru_cache(_CHANNELS)(self._for_sockets)
        self.sse: Callable[[Channel], tuple[str, Render]] = lru_cache(_CHANNELS)(self._for_sse)

    def said(self, event: Event, channel: Channel) -> tuple[str, str | None] | None:
        """Return the event's name and payload, as the protocol has them; None when it is not for that channel.

        A change of filters has no payload.
        """
        if event.kind is Kind.NOTIFICATION and event.notification is not None:
            told = entities.notification(event.notification, self._base_url, event.filter_results)
            return "notification", _encode(told).decode()
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
        kept = self._payloads.get(event.position)
        if kept is not None and kept[0] is post:
            return kept[1]
        if len(self._payloads) >= _KEPT:
            self._payloads.clear()
        made = _encode(entities.status(post, self._base_url)).decode()
        self._payloads[event.position] = (post, made)
        return made

    def _for_sockets(self, channel: Channel) -> tuple[str, Render]:
        def render(event: Event) -> bytes:
            said = self.said(event, channel)
            return b"" if said is None else message(channel, *said)

        return f"ws {channel.label}", render

    def _for_sse(self, channel: Channel) -> tuple[str, Render]:
        def render(event: Event) -> bytes:
            said = self.said(event, channel)
            return b"" if said is None else sse_event(*said, position=event.position)

        return f"sse {channel.where}", render


def message(channel: Channel, event: str, payload: str | None) -> bytes:
    """A message of a WebSocket, framed."""
    return text_frame(_encode(Message(channel.label, event, UNSET if payload is None else payload)))


def sse_event(event: str, payload: str | None, *, position: int) -> bytes:
    """A server-sent event. A payload is JSON without line ends, or an id, so it is one line of data.

    Without one the data is ``undefined``, as Mastodon has it: an event without data is none.
    """
    payload = "undefined" if payload is None else payload
    return f"event: {event}\ndata: {payload}\nid: {position}\n\n".encode()
