"""The routes of streaming.

``/api/v1/streaming`` is a WebSocket with any number of streams. The others are server-sent events, one stream each. A
token comes in the header ``Authorization``, as ``access_token`` in the query, or as the subprotocol of a WebSocket,
which is echoed, because browsers can't set headers there. Cookies are ignored, so that no other site can read as its
visitor.

Public streams need no token, except for WebSockets of another site's page. That site could otherwise make all of its
visitors hold connections to this one.

The ``id`` of an event is the log's cursor. A client resumes with ``Last-Event-ID`` and misses nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec
from twisted.logger import Logger
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection
from wsproto.events import Request as Handshake
from wsproto.handshake import H11Handshake
from wsproto.utilities import RemoteProtocolError

from microblog.domain.errors import (
    Forbidden,
    Gone,
    NotFound,
    Unauthenticated,
)
from microblog.domain.events import Event
from microblog.domain.ids import parse_id
from microblog.http.forms import MalformedRequest
from microblog.http.responses import Document, Json, Response, Stream, Upgrade
from microblog.http.routing import Routes
from microblog.mastodon import errors
from microblog.mastodon.bearer import bearer_of, header_token
from microblog.mastodon.errors import INVALID_TOKEN
from microblog.web.live_reader import LiveConnection, LiveReader, read_live
from microblog.web.streaming import names
from microblog.web.streaming.conversations import Conversations
from microblog.web.streaming.frames import Frames, sse_event
from microblog.web.streaming.names import Channel
from microblog.web.streaming.sockets import Socket

if TYPE_CHECKING:
    from microblog.domain.accounts import Viewer
    from microblog.http.event_stream import EventSink
    from microblog.http.request import Request
    from microblog.services.live.subscription import Reader, Subscription
    from microblog.services.microblog import Microblog

log = Logger()

VERSION: Final = "13"  #: of the WebSocket protocol: the one of RFC 6455


async def authenticate(microblog: Microblog, request: Request) -> Viewer | None:
    """Return the account that the token of a request stands for, or None.

    Raises Unauthenticated for a token that is not valid, Forbidden when its account is suspended or awaits approval.
    """
    token = _token(request)
    return (await bearer_of(microblog, request, token)).viewer if token else None


def _token(request: Request) -> str:
    return header_token(request) or (request.query.get("access_token") or _subprotocol(request) or "").strip()


def _subprotocol(request: Request) -> str | None:
    """Return the first subprotocol that a WebSocket client offers."""
    return (request.header("sec-websocket-protocol") or "").partition(",")[0].strip() or None


routes = Routes("streaming", authenticate=authenticate, cors=True, errors=errors.answer)


# -- WebSocket


@routes.get("/api/v1/streaming")
async def streaming(microblog: Microblog, request: Request) -> Response:
    """Open a WebSocket or, without an upgrade, send the stream in the query as server-sent events."""
    name = request.query.get("stream")
    if (request.header("upgrade") or "").lower() == "websocket":
        if (refused := _wrong_version(request)) is not None:
            return refused
        _check_origin(request)
        first = None if name is None else _asked_for(request, name)
        if first is not None:
            await _check(microblog, request, first)
        return Upgrade(lambda: _take_over(microblog, request, first))
    if name is None:
        raise NotFound
    return await _sse(microblog, request, _asked_for(request, name))


def _wrong_version(request: Request) -> Response | None:
    """Return the answer to a handshake of an unsupported version (RFC 6455, sections 4.2.2 and 4.4)."""
    offered = request.header("sec-websocket-version")
    if offered is None or offered.strip() == VERSION:
        return None  # `_take_over` refuses a handshake without a version
    return Json(
        {"error": f"This server speaks version {VERSION} of the WebSocket protocol."},
        status=426,
        headers={"Sec-WebSocket-Version": VERSION, "Upgrade": "websocket", "Connection": "Upgrade"},
    )


def _check_origin(request: Request) -> None:
    """Raise Forbidden for another site's page without a token (RFC 6455, section 10.2)."""
    origin = request.header("origin")
    if origin is None or request.viewer is not None:
        return
    here = urlsplit(request.web.public_url)
    if origin.rstrip("/").lower() != f"{here.scheme}://{here.netloc}".lower():
        raise Forbidden("Pages of other sites need an access token")


def _asked_for(request: Request, name: str) -> Channel:
    return names.channel(name, tag=request.query.get("tag"), list_id=request.query.get("list"))


async def _check(microblog: Microblog, request: Request, channel: Channel) -> None:
    channel.permit(request.viewer)
    for stream in channel.streams:
        await microblog.dispatcher.log.check(stream, None, request.viewer)


async def _take_over(microblog: Microblog, request: Request, first: Channel | None) -> None:
    """Answer the handshake and give the connection to a `Socket`.

    Raises MalformedRequest for an invalid handshake, and as `LiveConnection`.
    """
    raw = request.raw
    handshake = H11Handshake(ConnectionType.SERVER)
    headers = [(name, value) for name, values in raw.requestHeaders.getAllRawHeaders() for value in values]
    try:
        handshake.initiate_upgrade_connection(headers, raw.uri.decode("ascii", "replace"))
        asked = next(iter(handshake.events()), None)
        offered = asked.subprotocols if isinstance(asked, Handshake) else []
        chosen = _subprotocol(request)
        answer = handshake.send(AcceptConnection(subprotocol=chosen if chosen in offered else None))
    except RemoteProtocolError as error:
        raise MalformedRequest(f"This is no WebSocket handshake: {error}") from error
    limits = LiveConnection(microblog, request.remote_address, 0)
    limits.acquire()
    socket = Socket(microblog, _frames(microblog), raw.site.reactor, request.viewer, answer, first, limits)
    forget_drain = raw.site.on_drain(socket.drain)

    def lost() -> None:
        forget_drain()
        limits.release()

    socket.lost = lost
    raw.hand_over(socket)


# -- server-sent events


@routes.get("/api/v1/streaming/health", viewer="none", limit=None)
async def health(microblog: Microblog, request: Request) -> Document:
    """Check that streaming works."""
    return Document("OK", "text/plain; charset=utf-8")


@routes.get(
    "/api/v1/streaming/user",
    "/api/v1/streaming/user/notification",
    "/api/v1/streaming/public",
    "/api/v1/streaming/public/local",
    "/api/v1/streaming/public/remote",
    "/api/v1/streaming/hashtag",
    "/api/v1/streaming/hashtag/local",
    "/api/v1/streaming/list",
    "/api/v1/streaming/direct",
)
async def events(microblog: Microblog, request: Request) -> Response:
    """Send a stream as server-sent events."""
    name = request.path.rstrip("/").removeprefix("/api/v1/streaming/").replace("/", ":")
    if name.startswith("public") and request.query.get("only_media") in ("true", "1", "on"):
        name += ":media"
    return await _sse(microblog, request, _asked_for(request, name))


@routes.get("/api/v1/streaming/<path:name>", viewer="none")
async def unknown(microblog: Microblog, request: Request) -> Response:
    """Refuse an address without a stream, before any token is checked."""
    raise names.BadStream("Unknown channel requested")


async def _sse(microblog: Microblog, request: Request, channel: Channel) -> Response:
    if request.viewer is None and channel.personal:
        raise Unauthenticated(INVALID_TOKEN)
    await _check(microblog, request, channel)
    connection = LiveConnection(microblog, request.remote_address, len(channel.streams))
    return Stream(_Source(microblog, request.viewer, channel, connection))


class _Source:
    """An ``EventSource`` that reads from the dispatcher."""

    def __init__(
        self, microblog: Microblog, viewer: Viewer | None, channel: Channel, connection: LiveConnection
    ) -> None:
        self._microblog = microblog
        self._viewer = viewer
        self._channel = channel
        self._connection = connection

    def subscribe(self, sink: EventSink) -> Callable[[], None]:
        channel, viewer = self._channel, self._viewer
        reader: Reader = LiveReader(sink, *_frames(self._microblog).sse(channel))
        if channel.name == "direct" and viewer is not None:

            def write(payload: str, event: Event) -> None:
                sink.send(sse_event("conversation", payload, position=event.position))

            reader = Conversations(self._microblog, viewer, write, lambda _: sink.end())
        return read_live(
            self._microblog.dispatcher,
            viewer,
            sink,
            reader,
            lambda live: self._subscribe(sink, live),
            self._connection,
        )

    async def _subscribe(self, sink: EventSink, live: Subscription) -> None:
        since = parse_id(sink.last_event_id or "")
        streams = self._channel.streams_for(self._viewer)
        try:
            await live.subscribe_all(streams, since)
        except Gone as gone:
            await live.subscribe_all(streams)
            sink.send(_gap(gone.text, live.cursor))


def _gap(text: str, cursor: int) -> bytes:
    """Return an event that tells the client to load the timeline again. Nothing is missing after its id."""
    return sse_event("gap", msgspec.json.encode({"error": text}).decode(), position=cursor)


_FRAMES: Final[dict[str, Frames]] = {}


def _frames(microblog: Microblog) -> Frames:
    """Return the renderer of all streams, so that they share rendered posts."""
    base_url = microblog.config.public_url
    if base_url not in _FRAMES:
        _FRAMES[base_url] = Frames(base_url)
    return _FRAMES[base_url]
