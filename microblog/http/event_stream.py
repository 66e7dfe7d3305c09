"""The transport of server-sent events (WHATWG HTML, section 9.2).

A page returns ``Stream(source)``. The source is an object with ``subscribe``::

    class PublicTimeline:
        def subscribe(self, sink: EventSink) -> Callable[[], None]:
            # sink.last_event_id: the last event that the client has, or None
            # sink.send(frame): send the bytes of a whole event, see event()
            # sink.end(): end the stream; the client reconnects by itself
            return unsubscribe

Each event is encoded once, with ``event``, and the same bytes go to every sink.

The sink calls its source when the client stops reading and when it continues, so that a source that can wait, as the
event log can (`live_reader`), sends nothing meanwhile. A sink ends at ``max_unread`` unread bytes: the browser
reconnects with ``Last-Event-ID`` and loses nothing. A comment every 15 s keeps proxies from closing the connection and
detects dead peers. When the server drains, each sink ends with a random delay for reconnecting, so that clients do not
come back all at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import LoopingCall
from zope.interface import implementer

from microblog.http import response_writer
from microblog.net.dead_peers import watch_for_dead_peers
from microblog.net.write_buffer import write_directly

if TYPE_CHECKING:
    from microblog.http.http_request import HTTPRequest
    from microblog.http.request import Request
    from microblog.http.responses import Stream

HEARTBEAT: Final = 15.0  #: seconds
PATIENCE: Final = 60  #: seconds after which a silent peer counts as dead
MAX_UNREAD: Final = 256 * 1024  #: bytes
_MAX_ID: Final = 100  #: characters of Last-Event-ID
#: A comment without a blank line after it: there, some clients expect an event and fail.
HEARTBEAT_COMMENT: Final = b":thump\n"


class EventSink(Protocol):
    """The client's end of a stream, to which a source writes."""

    #: called with False when the client stops reading, and with True when it continues
    on_flow: Callable[[bool], None] | None

    @property
    def last_event_id(self) -> str | None:
        """The id of the last event that the client has, as it reports it."""
        ...

    def send(self, frame: bytes) -> None:
        """Send one or more whole events. Do nothing after the end."""
        ...

    def end(self) -> None:
        """End the stream; the client reconnects by itself. Do nothing after the end."""
        ...


def event(
    data: str, *, name: str | None = None, identifier: str | None = None, retry: int | None = None
) -> bytes:
    """Return one event's frame: its name, its data, its id. ``retry`` is in milliseconds.

    Some clients of the Mastodon protocol read line by line: the data has to follow the name, and each block that ends
    with a blank line needs both. Line ends in ``data`` become lines of their own, so content can't forge a field.

    :raises ValueError: ``name`` or ``identifier`` has a line end in it.
    """
    for label, value in (("event", name), ("id", identifier)):
        if value is not None and any(character in value for character in "\r\n\0"):
            raise ValueError(f"The {label} of an event is one line.")
    lines = [] if name is None else [f"event: {name}\n"]
    lines.extend(f"data: {line}\n" for line in data.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    if identifier is not None:
        lines.append(f"id: {identifier}\n")
    if retry is not None:
        lines.append(f"retry: {retry}\n")
    return "".join(lines).encode() + b"\n"


@implementer(IPushProducer)
class Sink:
    """A client's stream.  The transport tells it, as a push producer, when the client stops reading and continues."""

    def __init__(self, raw: HTTPRequest, last_event_id: str | None, max_unread: int = MAX_UNREAD) -> None:
        self.last_event_id = last_event_id
        self.on_flow: Callable[[bool], None] | None = None
        self._chunked = raw.clientproto == b"HTTP/1.1"  # as Twisted decides it when it writes the head
        self.ended: Deferred[None] = Deferred()
        self._raw = raw
        self._max_unread = max_unread
        self._paused = False
        self._unread = 0
        self._open = True

    def send(self, frame: bytes) -> None:
        if not self._open or not frame:
            return
        if self._paused:
            self._unread += len(frame)
            if self._unread > self._max_unread:
                self._open = False
                self._raw.channel.abort()  # which cancels send_stream
                return
        if self._paused or not self._raw.startedWriting:
            self._raw.write(frame)
        else:
            # A chunk (RFC 9112, section 7.1); an empty chunk would end the answer.
            data = b"%x\r\n%b\r\n" % (len(frame), frame) if self._chunked else frame
            write_directly(self._raw.channel.transport, data)

    def end(self) -> None:
        self._close()

    def drain(self) -> None:
        """End the stream because the server drains; the client reconnects after a random delay."""
        self.send(event("{}", name="closing", retry=random.randint(500, 3000)))
        self._close()

    def _close(self) -> None:
        if self._open:
            self._open = False
            self.ended.callback(None)

    def pauseProducing(self) -> None:
        self._paused = True
        self._unread = 0
        if self._open and self.on_flow is not None:
            self.on_flow(False)

    def resumeProducing(self) -> None:
        self._paused = False
        if self._open and self.on_flow is not None:
            self.on_flow(True)

    def stopProducing(self) -> None:
        self._close()


async def send_stream(request: Request, response: Stream) -> bytes | None:
    """Serve the stream until the source, the client or a drain ends it.

    The caller cancels this when the client goes away; the source is unsubscribed in any case.
    """
    raw = request.raw
    raw.responseHeaders.setRawHeaders(b"X-Accel-Buffering", [b"no"])
    response_writer.prepare_stream(request, response)
    if request.method == "HEAD":
        return b""
    last = request.header("last-event-id") or request.query.get("last_event_id")
    sink = Sink(raw, last if last and len(last) <= _MAX_ID and last.isprintable() else None)
    raw.registerProducer(sink, True)
    watch_for_dead_peers(raw.channel.transport, PATIENCE)
    heartbeat = LoopingCall(sink.send, HEARTBEAT_COMMENT)
    heartbeat.clock = raw.site.reactor
    forget_drain = raw.site.on_drain(sink.drain)
    unsubscribe: Callable[[], None] | None = None
    try:
        sink.send(HEARTBEAT_COMMENT)  # the headers reach the client now, not with the first event
        heartbeat.start(HEARTBEAT, now=False)
        if raw.site.draining:
            sink.drain()
        else:
            unsubscribe = response.source.subscribe(sink)
        await sink.ended
    finally:
        sink.end()
        forget_drain()
        if heartbeat.running:
            heartbeat.stop()
        if unsubscribe is not None:
            unsubscribe()
        if not raw.gone:
            raw.unregisterProducer()
    return None
