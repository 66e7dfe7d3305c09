"""An HTTP connection with deadlines and limits.

Twisted's HTTPChannel parses. It does not limit slow or greedy clients: measured, headers sent at one line a second held
a connection for minutes, a 300 MB body was buffered, a client that never reads filled 200 MB. This subclass adds:

- absolute deadlines for the head and the body of a request, and one for an idle connection. They are plain numbers
  that the factory compares once a second, so no request needs a timer;
- refusals as whole answers, after which the connection closes;
- a limit on the body before it is buffered;
- a limit on unsent bytes, and a deadline for a client that does not read them.

It uses names of HTTPChannel that Twisted does not promise (``_command``, ``_path``, ``_version``, ``_dataBuffer``,
``_networkProducer``, ``_respondToBadRequestAndDisconnect``); tests/http/test_channel.py fails if they change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers
from zope.interface import implementer

from microblog.http import guard
from microblog.http.security import CSP_LINE, OPENER_LINE, OPENER_POLICY


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines in seconds.  ``head`` and ``body`` are absolute: bytes that arrive do not extend them."""

    head: float = 10.0
    body: float = 60.0
    idle: float = 75.0
    write: float = 30.0  #: for a client that does not read its answer
    linger: float = 2.0  #: for a client that continues to send after a refusal


class Host(Protocol):
    """The part of the connection factory that connections and requests use; Twisted calls this attribute ``site``."""

    reactor: Any
    requestFactory: Any
    resource: Any
    seconds: Callable[[], float]
    timeouts: Timeouts
    header_lines: bytes
    max_unread: int
    draining: bool
    refused: Counter[int]

    def opened(self, channel: Channel) -> None:
        """Count a new connection."""

    def closed(self, channel: Channel) -> None:
        """Forget a connection that has ended."""

    def began(self) -> None:
        """Count a request whose answer begins."""

    def ended(self) -> None:
        """Count a request whose answer has ended."""

    def date_line(self) -> bytes:
        """Return the ``Date`` header as a line with its CRLF."""

    def getResourceFor(self, request: Any) -> Any:
        """Return the resource that answers a request."""

    def hold(self, work: Deferred[Any]) -> None:
        """Let draining wait for work whose client may have gone."""

    def on_drain(self, call: Callable[[], object]) -> Callable[[], None]:
        """Call ``call`` when draining begins; return a function that cancels this."""


class ArrivingRequest(Protocol):
    """The part of a request that its connection uses while the request arrives."""

    requestHeaders: Headers

    def drop_body(self) -> None:
        """Discard the part of the body that has arrived."""


class State(Enum):
    """The phase of a connection."""

    FRESH = auto()  #: connected, no byte has arrived
    IDLE = auto()  #: between two requests
    HEAD = auto()  #: a request's head is arriving
    BODY = auto()  #: a request's body is arriving
    BUSY = auto()  #: a request is being answered
    CLOSING = auto()  #: the last answer is written; waiting for the client to close
    UPGRADED = auto()  #: another protocol has the connection


@implementer(IHalfCloseableProtocol)
class Channel(HTTPChannel):
    """A connection; the module's docstring explains it.  ``deadline`` is by the factory's clock, or None."""

    maxHeaders = guard.MAX_HEADERS + 1
    totalHeadersSize = guard.MAX_HEAD * 2  # guard.MAX_HEAD applies first, with an answer of its own
    MAX_LENGTH = guard.MAX_HEADER_LINE
    timeOut = None
    site: Host
    requests: list[Any]
    transport: Any  # TCP, TLS and Unix sockets differ beyond ITransport

    def __init__(self, site: Host, host: str | None, *, over_capacity: bool = False) -> None:
        super().__init__()
        self.site = site
        self.factory = site
        self.requestFactory: Any = site.requestFactory
        self.callLater: Any = site.reactor.callLater
        self.remote_host = host
        self.state = State.FRESH
        self.deadline: float | None = None
        self.stalled_since: float | None = None
        self._over_capacity = over_capacity
        self._unread = 0
        self._head_size = 0
        self._head_count = 0

    # -- the connection ---------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        super().connectionMade()
        self.deadline = self.site.seconds() + self.site.timeouts.head
        self.site.opened(self)
        if self._over_capacity:
            self.refuse(guard.TOO_MANY, b"Retry-After: 5\r\n")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.state = State.CLOSING
        super().connectionLost(reason)
        self.site.closed(self)

    def readConnectionLost(self) -> None:
        """Answer the current request although the client has closed its half: some clients do so early."""
        if self.state not in (State.BUSY, State.CLOSING):
            self.transport.loseConnection()
        elif self.state is State.CLOSING:
            self.transport.abortConnection()
        else:
            self.persistent = False

    def writeConnectionLost(self) -> None:
        """Ignore the end of our own half: after a refusal, the rest of the request is read and dropped."""

    def overdue(self, now: float) -> None:
        """End the connection after its deadline: with a refusal, in good order or by force, by its state."""
        if self.state in (State.HEAD, State.BODY):
            self.refuse(guard.SLOW)
        elif self.state in (State.FRESH, State.IDLE):
            self.close(now)
        else:
            self.transport.abortConnection()

    def close(self, now: float) -> None:
        """End the connection when the unsent bytes are written, or by force if that takes too long."""
        self.state = State.CLOSING
        self.deadline = now + self.site.timeouts.write
        self.loseConnection()

    def refuse(self, refusal: guard.Refusal, extra: bytes = b"") -> None:
        """Answer with a refusal and end the connection.

        Closing at once, with unread bytes of the client, would make the client's system discard the answer (RFC 9112,
        section 9.6). So only our half is closed, and the bytes that still arrive are dropped for ``linger`` seconds.
        """
        if self.state is State.CLOSING:
            return
        self.state = State.CLOSING
        self.persistent = False
        self.site.refused[refusal.status] += 1
        self.deadline = self.site.seconds() + self.site.timeouts.linger
        self.clearLineBuffer()
        for request in self.requests:
            request.drop_body()
        self.transport.write(guard.refusal_bytes(refusal, extra + self.site.header_lines + OPENER_LINE))
        half_close = getattr(self.transport, "loseWriteConnection", None)
        if (
            half_close is None or self._over_capacity or self.isSecure()
        ):  # TLS closes with a message of its own
            self.loseConnection()
        else:
            half_close()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(guard.MALFORMED)

    def hand_over(self, protocol: Any) -> None:
        """Give the connection to ``protocol``. The factory still counts it.

        ``protocol`` also gets the bytes that the client sent before the answer.
        """
        self.state = State.UPGRADED
        self.deadline = None
        early = b"".join(self._dataBuffer)
        self._dataBuffer = []
        self.requests.clear()

        def connection_lost(reason: Failure = connectionDone) -> None:
            protocol.connectionLost(reason)
            self.site.closed(self)

        self.dataReceived = protocol.dataReceived  # type: ignore[method-assign]
        self.connectionLost = connection_lost  # type: ignore[method-assign]
        self._networkProducer.resumeProducing()  # it may be paused, with early bytes
        self.transport.unregisterProducer()
        protocol.makeConnection(self.transport)
        if early:
            protocol.dataReceived(early)

    # -- requests, arriving -----------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        state = self.state
        if state is State.CLOSING:
            return
        if state is State.FRESH:
            self.state = State.HEAD  # the deadline was set when the connection was made
        elif state is State.IDLE:
            self._begin_head()
        super().dataReceived(data)

    def _begin_head(self) -> None:
        self.state = State.HEAD
        self.deadline = self.site.seconds() + self.site.timeouts.head

    def lineReceived(self, line: bytes) -> None:
        if self.state is State.CLOSING:
            return
        if self.state is State.IDLE:
            self._begin_head()
        self._head_size += len(line) + 2
        self._head_count += 1
        if self._head_size > guard.MAX_HEAD or self._head_count > guard.MAX_HEADERS + 2:
            self.refuse(guard.HEAD_TOO_LARGE)
        elif line[:1] in (b" ", b"\t"):
            self.refuse(guard.FOLDED)
        else:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        self.refuse(guard.TARGET_TOO_LONG if self._head_count == 0 else guard.HEAD_TOO_LARGE)

    def headerReceived(self, line: bytes) -> bool:
        if len(line.translate(None, guard.CONTROLS)) != len(line):
            self.refuse(guard.BAD_HEADER)
            return False
        if len(line) > 64 and line[:14].lower() == b"content-length":
            self.refuse(guard.BAD_LENGTH)  # more digits than int() accepts
            return False
        return bool(super().headerReceived(line))

    def allHeadersReceived(self) -> None:
        if self.state is State.CLOSING:
            return
        request: ArrivingRequest = self.requests[-1]
        absolute = None if self._path[:1] == b"/" else guard.split_absolute(self._path)
        if absolute is not None:
            host, self._path = absolute
            request.requestHeaders.setRawHeaders(b"Host", [host])
        refusal = guard.check_head(self._command, self._path, self._version, request.requestHeaders)
        if refusal is not None:
            self.refuse(refusal)
            return
        if self.length != 0:
            if self.length is not None and self.length > guard.MAX_BODY:
                self.refuse(guard.BODY_TOO_LARGE)
                return
            self.state = State.BODY
            self.deadline = self.site.seconds() + self.site.timeouts.body
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        if self.state is State.CLOSING:
            return
        self.state = State.BUSY
        self.deadline = None
        self._head_size = self._head_count = 0
        super().allContentReceived()

    def rawDataReceived(self, data: bytes) -> None:
        if self.state is not State.CLOSING:
            super().rawDataReceived(data)

    # -- answers, leaving -------------------------------------------------------------------------------------

    def abort(self) -> None:
        """Cut the connection at once, with unsent bytes."""
        self.transport.abortConnection()

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        lines = [b"%b %b %b\r\n" % (version, code, reason), self.site.date_line(), self.site.header_lines]
        if not headers.hasHeader(b"Content-Security-Policy"):
            lines.append(CSP_LINE)
        if not headers.hasHeader(OPENER_POLICY):
            lines.append(OPENER_LINE)
        if self.site.draining and self.persistent:
            self.persistent = False
            headers.setRawHeaders(b"Connection", [b"close"])
        for name, values in headers.getAllRawHeaders():
            lines.extend([b"%b: %b\r\n" % (name, value) for value in values])
        lines.append(b"\r\n")
        self.write(b"".join(lines))

    def write(self, data: bytes) -> None:
        if self.stalled_since is None or self._may_wait(len(data)):
            self.transport.write(data)

    def writeSequence(self, iovec: Sequence[bytes]) -> None:
        if self.stalled_since is None or self._may_wait(sum(map(len, iovec))):
            self.transport.writeSequence(iovec)

    def _may_wait(self, size: int) -> bool:
        """Return whether more bytes may wait for a client that has stopped reading; if not, cut the connection.

        The write that exceeds the limit is the last that is accepted, whatever its size: a complete answer is in memory
        anyway, and a slow client may have it.
        """
        if self._unread > self.site.max_unread:
            self.abort()
            return False
        self._unread += size
        return True

    def requestDone(self, request: Any) -> None:
        now = self.site.seconds()
        if self.persistent and self.state is State.BUSY:
            self.state = State.IDLE
            self.deadline = now + self.site.timeouts.idle
            if self.stalled_since is not None:
                # Further requests wait until the client reads this answer; otherwise their answers would pile up.
                self.paused = True
                self._networkProducer.pauseProducing()
        else:
            self.state = State.CLOSING
            self.deadline = now + self.site.timeouts.write
        super().requestDone(request)

    def pauseProducing(self) -> None:
        if self.stalled_since is None:
            self.stalled_since = self.site.seconds()
            self._unread = 0
        super().pauseProducing()

    def resumeProducing(self) -> None:
        self.stalled_since = None
        super().resumeProducing()
        if self.paused:
            self.paused = False
            # Resume the line parser directly: waiting bytes do not change the state, and there may be none.
            super().dataReceived(b"")
