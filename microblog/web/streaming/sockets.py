"""One WebSocket (RFC 6455) with any number of streams on it.

It takes the connection over from the website (`HTTPRequest.hand_over`), and parses with wsproto, as
``twisted.web.websocket`` does.  The resource of that is not used: it can't echo a subprotocol, caps no message and
buffers without end for a client that does not read.

What a client may say is text: ``{"type": "subscribe", "stream": "hashtag", "tag": "cats"}``, and ``unsubscribe``.
Answers are errors only, as in Mastodon: ``{"error": "…", "status": 400}``.

* A message is at most MAX_MESSAGE bytes (close 1009); so many of them, and no more, a minute (1008).
* A ping every HEARTBEAT seconds; a client from which nothing came within two of them is gone.
* A client that does not read costs ``push_buffer`` bytes at most: then its streams leave the live ones, and go on from
  the log when it has read; one that takes nothing for PATIENCE seconds is cut off.
* Close codes: 1001 the site restarts, come back; 1008 the token was revoked, the account suspended; 1011 a fault here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.utilities import RemoteProtocolError

from microblog.domain.errors import Gone, InvalidInput, MicroblogError
from microblog.net.dead_peers import watch_for_dead_peers
from microblog.net.write_buffer import WriteBuffer
from microblog.web.streaming import names
from microblog.web.streaming.frames import PING, Frames, close_frame
from microblog.web.streaming.names import Channel
from microblog.web.streaming.subscriptions import Presence, StreamSubscription
from microblog.web.streaming.wishes import ClientMessage, read, refusal

if TYPE_CHECKING:
    from microblog.domain.accounts import Viewer
    from microblog.services.microblog import Microblog
    from microblog.web.live_reader import Place

log = Logger()

HEARTBEAT: Final = 30.0  #: seconds
PATIENCE: Final = 60.0  #: seconds that a client may take nothing
ANSWER: Final = (
    0.8  #: seconds that a client has to answer a farewell: a revoked connection ends within a second
)
LINGER: Final = 5.0  #: seconds that a farewell may take to arrive
MAX_MESSAGE: Final = 8 * 1024  #: bytes of what a client says
MAX_MESSAGES: Final = 240  #: in a heartbeat's time, pings included
MAX_STREAMS: Final = 100

_PONG: Final = b"\x8a\x80"  #: the head of one that says nothing, masked: what a silent reader sends

_CODES: Final = {"closing": 1001, "revoked": 1008, "suspended": 1008, "slow": 1008}


def _nothing() -> None: ...


class Socket:
    """The protocol of an upgraded connection. ``lost`` is called when that has ended.

    There are thousands: what a reader who says nothing does not need is not made.
    """

    __slots__ = (
        "_closed",
        "_greeting",
        "_heard",
        "_hung_up",
        "_later",
        "_out",
        "_partial",
        "_pieces",
        "_pinged",
        "_place",
        "_presence",
        "_reactor",
        "_running",
        "_stalled",
        "_stuck_since",
        "_subscriptions",
        "_viewer",
        "_wire",
        "_wishes",
        "frames",
        "lost",
        "microblog",
        "transport",
    )

    def __init__(
        self,
        microblog: Microblog,
        frames: Frames,
        reactor: Any,
        viewer: Viewer | None,
        greeting: bytes,
        first: Channel | None,
        place: Place,
    ) -> None:
        """``greeting``: the answer to the handshake; ``first``: what the address named."""
        self.microblog = microblog
        self.frames = frames
        self.lost: Callable[[], None] = _nothing
        self.transport: Any = None
        self._wire: Connection | None = None  # made when the first frame comes that is more than a bare pong
        self._reactor = reactor
        self._viewer = viewer
        self._presence: Presence | None = None
        self._greeting = greeting
        self._subscriptions: dict[tuple[str, ...], StreamSubscription] = {}
        self._wishes: list[ClientMessage] = []
        if first is not None:
            self._wishes.append(ClientMessage("subscribe", first.name, first.argument, first.argument))
        self._place = place
        self._running = False
        self._closed = False
        self._hung_up = False
        self._stalled = False
        self._heard = 0
        self._partial = 0
        self._pieces: list[str] | None = None
        self._stuck_since: float | None = None
        self._later: Any = None
        self._pinged = False

    # -- the connection

    def makeConnection(self, transport: Any) -> None:
        """Answers the handshake, and subscribes to what the address named."""
        self.transport = transport
        watch_for_dead_peers(transport, int(PATIENCE))
        self._out = WriteBuffer(transport, self._drained)
        self._later = self._reactor.callLater(HEARTBEAT, self._beat)
        self._out.write(self._greeting)
        self._greeting = b""
        if self._viewer is not None:
            self._presence = Presence(self, self._viewer)
        self._start()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._closed = True
        self._drop_all()
        self._out.abandon()
        if self._later is not None and self._later.active():
            self._later.cancel()
        self.lost()

    def drain(self) -> None:
        """The site ends."""
        self.close(1001, "closing")

    def dataReceived(self, data: bytes) -> None:
        if self._closed:
            self._heard_closing(data)
            return
        wire = self._wire
        if wire is None:
            if len(data) == 6 and data.startswith(_PONG):
                self._heard += 1
                if self._heard > MAX_MESSAGES:
                    self.close(1008, "too many messages")
                return
            wire = self._wire = Connection(ConnectionType.SERVER)
        try:
            wire.receive_data(data)
            for event in wire.events():
                self._event(event, wire)
        except RemoteProtocolError as error:
            hint = error.event_hint
            self.close(int(hint.code) if isinstance(hint, CloseConnection) else 1002)
            self._hang_up()  # nothing that follows can be read (RFC 6455, section 7.1.7)

    def _event(self, event: Any, wire: Connection) -> None:
        self._heard += 1
        if self._heard > MAX_MESSAGES:
            self.close(1008, "too many messages")
        elif self._closed:
            pass
        elif isinstance(event, TextMessage):
            self._partial += len(event.data.encode())
            if self._partial > MAX_MESSAGE:
                self.close(1009, f"a message is at most {MAX_MESSAGE} bytes")
                return
            pieces = self._pieces = self._pieces or []
            pieces.append(event.data)
            if event.message_finished:
                text, self._pieces, self._partial = "".join(pieces), None, 0
                self._wished(text)
        elif isinstance(event, BytesMessage):
            self.close(1003, "text only")
        elif isinstance(event, Ping):
            self._out.write(wire.send(event.response()))
        elif isinstance(event, CloseConnection):
            self._say_goodbye(wire.send(event.response()))
            self._hang_up()

    # -- what a client wants

    def _wished(self, text: str) -> None:
        try:
            wish = read(text)
        except InvalidInput as error:
            self._refuse(error)
            return
        self._wishes.append(wish)
        if not self._running:
            self._start()

    def _start(self) -> None:
        self._running = True
        Deferred.fromCoroutine(self._work()).addErrback(self._broken)

    def _broken(self, failure: Failure) -> None:
        log.failure("A WebSocket failed.", failure)
        self._running = False
        self.close(1011)

    async def _work(self) -> None:
        """Do what the client asked for, as long as the token lives that it came with."""
        if self._presence is not None:
            try:
                await self.microblog.dispatcher.confirm(self._presence.live)
            except MicroblogError:
                self.close(1011, "come back in a moment")
        while self._wishes and not self._closed:
            wish = self._wishes.pop(0)
            try:
                await self._handle(wish)
            except MicroblogError as error:
                self._refuse(error)
        self._running = False

    async def _handle(self, wish: ClientMessage) -> None:
        list_id = None if wish.list is None else str(wish.list)
        if wish.type not in ("subscribe", "unsubscribe"):
            raise InvalidInput("Unknown message type", "type")
        channel = names.channel(wish.stream, tag=wish.tag, list_id=list_id)
        if wish.type == "unsubscribe":
            dropped = self._subscriptions.pop(channel.label, None)
            if dropped is not None:
                dropped.live.close()
                self._place.drop_streams()
            return
        if channel.label in self._subscriptions:
            return
        if len(self._subscriptions) >= MAX_STREAMS:
            raise InvalidInput(f"At most {MAX_STREAMS} streams on a connection", "stream")
        channel.permit(self._viewer)
        self._place.add_stream()
        made = self._subscriptions[channel.label] = StreamSubscription(self, channel, self._viewer)
        try:
            for stream in channel.streams_for(self._viewer):
                await made.live.subscribe(stream)
        except BaseException:
            if self._subscriptions.pop(channel.label, None) is not None:
                self._place.drop_streams()
            made.live.close()
            raise
        if self._closed:
            made.live.close()
        elif self._stalled:
            made.live.pause()
        else:
            made.choose_way()

    def _refuse(self, error: MicroblogError) -> None:
        self._send(refusal(error))

    # -- what it gets

    @property
    def straight(self) -> Callable[[bytes], int] | None:
        return None if self._closed else self._out.straight

    def _send(self, data: bytes) -> None:
        if not self._closed and data:
            self._out.write(data)
            if self._out.blocked:
                self._wait()

    def send_events(self, data: bytes) -> None:
        self._send(data)

    def fell_short(self, data: bytes, sent: int) -> None:
        self._out.fell_short(data, sent)
        self._wait()

    def _wait(self) -> None:
        """The client is slow: nothing goes straight now, and above the cap nothing at all until it has read."""
        if self._stuck_since is None:
            self._stuck_since = self._reactor.seconds()
        for each in self._subscriptions.values():
            each.live.straight(None)
        if self._out.backlog > self.microblog.config.push_buffer and not self._stalled:
            self._stalled = True
            for each in self._subscriptions.values():
                each.live.pause()

    def _drained(self) -> None:
        self._stuck_since = None
        if self._closed:
            return
        for each in self._subscriptions.values():
            each.choose_way()
        if self._stalled:
            self._stalled = False
            Deferred.fromCoroutine(self._catch_up()).addErrback(self._broken)

    async def _catch_up(self) -> None:
        try:
            for each in list(self._subscriptions.values()):
                if self._stalled or self._closed:
                    return
                if each.live.paused:
                    await each.live.resume()
        except Gone:
            self.close(1011, "too slow: the log does not go back so far")
        except MicroblogError:
            self.close(1011, "come back in a moment")

    # -- heartbeat and farewell

    def _beat(self) -> None:
        now = self._reactor.seconds()
        if self._heard == 0 and self._pinged:
            self.transport.abortConnection()
            return
        if self._stuck_since is not None and now - self._stuck_since > PATIENCE:
            self.transport.abortConnection()
            return
        self._heard = 0
        self._pinged = True
        if not self._out.blocked:
            self._send(PING)
        self._later = self._reactor.callLater(HEARTBEAT, self._beat)

    def end(self, reason: str) -> None:
        """Of the dispatcher, and of the site when it drains."""
        self.close(_CODES.get(reason, 1011), reason)

    def close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake: TCP ends when the client has answered, or did not in time (section 7.1.1)."""
        if not self._closed:
            self._say_goodbye(close_frame(code, reason))

    def _say_goodbye(self, farewell: bytes) -> None:
        if self._closed:
            return
        self._out.write(farewell)
        self._closed = True
        self._drop_all()
        self._after(ANSWER, self._hang_up)

    def _heard_closing(self, data: bytes) -> None:
        """What comes after our farewell is read for the client's alone."""
        if self._hung_up:
            return
        wire = self._wire = self._wire or Connection(ConnectionType.SERVER)
        try:
            wire.receive_data(data)
            for event in wire.events():
                self._heard += 1
                if isinstance(event, CloseConnection) or self._heard > 2 * MAX_MESSAGES:
                    self._hang_up()
                    return
        except RemoteProtocolError:
            self._hang_up()

    def _hang_up(self) -> None:
        """Close TCP when what was written has gone, or after a while."""
        if not self._hung_up:
            self._hung_up = True
            self._after(LINGER, self.transport.abortConnection)
            self._out.finish()

    def _after(self, seconds: float, call: Callable[[], object]) -> None:
        if self._later is not None and self._later.active():
            self._later.cancel()
        self._later = self._reactor.callLater(seconds, call)

    def _drop_all(self) -> None:
        for each in self._subscriptions.values():
            each.live.close()
        if self._presence is not None:
            self._presence.live.close()
        self._place.drop_streams(len(self._subscriptions))
        self._subscriptions.clear()
        self._wishes.clear()
