"""One WebSocket (RFC 6455) with any number of streams on it.

It takes the connection over from the website (`HTTPRequest.hand_over`), and parses with wsproto as
``twisted.web.websocket`` does. It does not use that module's resource, which can't echo a subprotocol, has no limit for
messages, and buffers without limit for a client that does not read.

A client sends text: ``{"type": "subscribe", "stream": "hashtag", "tag": "cats"}``, or ``unsubscribe``. As in Mastodon,
only errors are answered: ``{"error": "…", "status": 400}``.

* A message has at most MAX_MESSAGE bytes (close code 1009). A client sends at most MAX_MESSAGES between two heartbeats
  (1008).
* The server pings every HEARTBEAT seconds, and cuts a client off that sends nothing between two pings.
* At most ``push_buffer`` bytes wait for a client. Above that its streams pause, and catch up from the log when it has
  read. A client that takes nothing for PATIENCE seconds is cut off.
* Close codes: 1001 the site restarts, come back; 1008 the token was revoked or the account suspended; 1011 a fault of
  the server.
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
from microblog.services.live.subscription import SlowReader
from microblog.web.streaming import names
from microblog.web.streaming.client_messages import ClientMessage, parse, refusal
from microblog.web.streaming.frames import PING, Frames, close_frame
from microblog.web.streaming.names import Channel
from microblog.web.streaming.subscriptions import SocketReader, StreamReader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from microblog.domain.accounts import Viewer
    from microblog.services.live.subscription import Subscription
    from microblog.services.microblog import Microblog
    from microblog.web.live_reader import LiveConnection

log = Logger()

HEARTBEAT: Final = 30.0  #: seconds
PATIENCE: Final = 60.0  #: seconds that a client may take nothing
#: Seconds that a client has to answer a Close frame. A revoked connection ends within a second.
ANSWER: Final = 0.8
LINGER: Final = 5.0  #: seconds that the last bytes may take to arrive
MAX_MESSAGE: Final = 8 * 1024  #: bytes of a client's message
MAX_MESSAGES: Final = 240  #: of a client between two heartbeats, pings included
MAX_STREAMS: Final = 100

_EMPTY_PONG: Final = b"\x8a\x80"  #: the start of a masked Pong frame without data, as silent clients send it
_CODES: Final = {"closing": 1001, "revoked": 1008, "suspended": 1008, "slow": 1008}


def _nothing() -> None: ...


class Socket:
    """The protocol of an upgraded connection. It calls ``lost`` when the connection has ended.

    There may be thousands, so a socket creates the parser only for a client that sends more than pongs.
    """

    __slots__ = (
        "_closed",
        "_greeting",
        "_later",
        "_limits",
        "_messages",
        "_partial_size",
        "_partial_text",
        "_pinged",
        "_reactor",
        "_reader",
        "_received",
        "_slow",
        "_streams",
        "_tcp_closing",
        "_viewer",
        "_wire",
        "_working",
        "frames",
        "lost",
        "microblog",
        "out",
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
        limits: LiveConnection,
    ) -> None:
        """``greeting`` is the answer to the handshake, ``first`` the channel that the address names."""
        self.microblog = microblog
        self.frames = frames
        self.lost: Callable[[], None] = _nothing
        self.transport: Any = None
        self._wire: Connection | None = None  # the parser
        self._reactor = reactor
        self._viewer = viewer
        self._reader: SocketReader | None = None
        self._greeting = greeting
        self._streams: dict[tuple[str, ...], StreamReader] = {}
        self._messages: list[ClientMessage] = []  # those that are not handled yet
        if first is not None:
            self._messages.append(ClientMessage("subscribe", first.name, first.argument, first.argument))
        self._limits = limits
        self._slow = SlowReader(self._subscriptions, self._failed)
        self._working = False
        self._closed = False  # whether a Close frame was sent
        self._tcp_closing = False
        self._received = 0  # messages since the last heartbeat
        self._partial_size = 0
        self._partial_text: list[str] | None = None
        self._later: Any = None
        self._pinged = False

    # -- the connection

    def makeConnection(self, transport: Any) -> None:
        """Answer the handshake, and subscribe to the channel that the address names."""
        self.transport = transport
        watch_for_dead_peers(transport, int(PATIENCE))
        self.out = WriteBuffer(
            transport,
            self.microblog.config.push_buffer,
            self._reactor.seconds,
            self._slow.pause,
            self._slow.resume,
        )
        self._later = self._reactor.callLater(HEARTBEAT, self._beat)
        self.out.write(self._greeting)
        self._greeting = b""
        if self._viewer is not None:
            self._reader = SocketReader(self, self._viewer)
        self._start()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._closed = True
        self._drop_all()
        self.out.abandon()
        if self._later is not None and self._later.active():
            self._later.cancel()
        self.lost()

    def drain(self) -> None:
        """Close because the site shuts down."""
        self.close(1001, "closing")

    def dataReceived(self, data: bytes) -> None:
        if self._closed:
            self._receive_close(data)
            return
        wire = self._wire
        if wire is None:
            if len(data) == 6 and data.startswith(_EMPTY_PONG):
                self._received += 1
                if self._received > MAX_MESSAGES:
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
            self._close_tcp()  # nothing that follows can be parsed (RFC 6455, section 7.1.7)

    def _event(self, event: Any, wire: Connection) -> None:
        self._received += 1
        if self._received > MAX_MESSAGES:
            self.close(1008, "too many messages")
        elif self._closed:
            pass
        elif isinstance(event, TextMessage):
            self._partial_size += len(event.data.encode())
            if self._partial_size > MAX_MESSAGE:
                self.close(1009, f"a message is at most {MAX_MESSAGE} bytes")
                return
            pieces = self._partial_text = self._partial_text or []
            pieces.append(event.data)
            if event.message_finished:
                text, self._partial_text, self._partial_size = "".join(pieces), None, 0
                self._message(text)
        elif isinstance(event, BytesMessage):
            self.close(1003, "text only")
        elif isinstance(event, Ping):
            self.out.write(wire.send(event.response()))
        elif isinstance(event, CloseConnection):
            self._send_close(wire.send(event.response()))
            self._close_tcp()

    # -- messages of the client

    def _message(self, text: str) -> None:
        try:
            message = parse(text)
        except InvalidInput as error:
            self._refuse(error)
            return
        self._messages.append(message)
        if not self._working:
            self._start()

    def _start(self) -> None:
        self._working = True
        Deferred.fromCoroutine(self._work()).addErrback(self._failed)

    async def _work(self) -> None:
        """Handle the client's messages in their order, if the session or token still exists."""
        if self._reader is not None:
            try:
                await self.microblog.dispatcher.registry.confirm(self._reader.live)
            except MicroblogError:
                self.close(1011, "come back in a moment")
        while self._messages and not self._closed:
            message = self._messages.pop(0)
            try:
                await self._handle(message)
            except MicroblogError as error:
                self._refuse(error)
        self._working = False

    async def _handle(self, message: ClientMessage) -> None:
        list_id = None if message.list is None else str(message.list)
        if message.type not in ("subscribe", "unsubscribe"):
            raise InvalidInput("Unknown message type", "type")
        channel = names.channel(message.stream, tag=message.tag, list_id=list_id)
        if message.type == "unsubscribe":
            dropped = self._streams.pop(channel.label, None)
            if dropped is not None:
                dropped.live.close()
                self._limits.remove_streams()
            return
        if channel.label in self._streams:
            return
        if len(self._streams) >= MAX_STREAMS:
            raise InvalidInput(f"At most {MAX_STREAMS} streams on a connection", "stream")
        channel.permit(self._viewer)
        self._limits.add_stream()
        stream_reader = self._streams[channel.label] = StreamReader(self, channel, self._viewer)
        live = stream_reader.live
        try:
            for stream in channel.streams_for(self._viewer):
                await live.subscribe(stream)
        except BaseException:
            if self._streams.pop(channel.label, None) is not None:
                self._limits.remove_streams()
            live.close()
            raise
        if self._closed:
            live.close()
        elif self._slow.paused:
            live.pause()

    def _refuse(self, error: MicroblogError) -> None:
        self.write_events(refusal(error))

    # -- events

    def write_events(self, data: bytes) -> None:
        if not self._closed:
            self.out.write(data)

    def _subscriptions(self) -> Iterable[Subscription]:
        return [each.live for each in self._streams.values()]

    def _failed(self, failure: Failure) -> None:
        """Close after a fault, or because the client can't catch up with the log."""
        self._working = False
        if failure.check(Gone):
            self.close(1011, "too slow: the log does not go back so far")
        elif failure.check(MicroblogError):
            self.close(1011, "come back in a moment")
        else:
            log.failure("A WebSocket failed.", failure)
            self.close(1011)

    # -- heartbeat and closing

    def _beat(self) -> None:
        if (self._received == 0 and self._pinged) or self.out.blocked_for > PATIENCE:
            self.transport.abortConnection()
            return
        self._received = 0
        self._pinged = True
        if not self.out.blocked:
            self.write_events(PING)
        self._later = self._reactor.callLater(HEARTBEAT, self._beat)

    def end(self, reason: str) -> None:
        """Close for one of the reasons of `services.live.groups.Reader`."""
        self.close(_CODES.get(reason, 1011), reason)

    def close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake (RFC 6455, section 7.1.1).

        TCP ends when the client has answered, or ANSWER seconds later.
        """
        if not self._closed:
            self._send_close(close_frame(code, reason))

    def _send_close(self, frame: bytes) -> None:
        if self._closed:
            return
        self.out.write(frame)
        self._closed = True
        self._drop_all()
        self._after(ANSWER, self._close_tcp)

    def _receive_close(self, data: bytes) -> None:
        """Parse what the client sends after our Close frame, only to find its own."""
        if self._tcp_closing:
            return
        wire = self._wire = self._wire or Connection(ConnectionType.SERVER)
        try:
            wire.receive_data(data)
            for event in wire.events():
                self._received += 1
                if isinstance(event, CloseConnection) or self._received > 2 * MAX_MESSAGES:
                    self._close_tcp()
                    return
        except RemoteProtocolError:
            self._close_tcp()

    def _close_tcp(self) -> None:
        """Close TCP when everything is sent, or after LINGER seconds."""
        if not self._tcp_closing:
            self._tcp_closing = True
            self._after(LINGER, self.transport.abortConnection)
            self.out.finish()

    def _after(self, seconds: float, call: Callable[[], object]) -> None:
        if self._later is not None and self._later.active():
            self._later.cancel()
        self._later = self._reactor.callLater(seconds, call)

    def _drop_all(self) -> None:
        for each in self._streams.values():
            each.live.close()
        if self._reader is not None:
            self._reader.live.close()
        self._limits.remove_streams(len(self._streams))
        self._streams.clear()
        self._messages.clear()
