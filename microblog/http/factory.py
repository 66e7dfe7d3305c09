"""The factory of HTTP connections: it limits and counts them, checks their deadlines and drains them.

::

    factory = HTTPFactory(dispatcher, reactor, https=…, proxies=web.proxies)
    await factory.drain()      # finish running requests, end streams, accept no further request on a connection

``drain`` does not close the port; its owner closes it first.
"""

from __future__ import annotations

import resource as process_limits
import time
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.web import server
from twisted.web.resource import IResource

from microblog.domain.addresses import address_key
from microblog.http.channel import Channel, State, Timeouts
from microblog.http.http_request import HTTPRequest
from microblog.http.proxies import TrustedProxies
from microblog.http.security import header_lines

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, IReactorTime

_GRACE: Final = 0.5  #: seconds that a connection without a request gets when draining begins

#: The words of the log for connections in each state.
_WORDS: Final = {
    State.FRESH: "connections without a request",
    State.IDLE: "connections without a request",
    State.HEAD: "requests that were not whole",
    State.BODY: "requests that were not whole",
    State.BUSY: "requests that were being answered",
    State.CLOSING: "clients that had not read their answer",
    State.UPGRADED: "WebSockets",
}


class HTTPFactory(server.Site):
    """The factory of connections whose root resource is ``resource``, an ``HTTPDispatcher`` or any leaf resource.

    ``https``: answers tell browsers to use HTTPS only.  ``connections``: the largest number at a time, by default the
    number that the limit on open files allows. ``connections_per_host``: the largest number from one address that is
    not a trusted proxy. Further connections get 503.  ``max_unread``: bytes that may wait for a client that has stopped
    reading.
    """

    noisy = False
    requestFactory = HTTPRequest
    _log = Logger()

    def __init__(
        self,
        resource: IResource,
        reactor: IReactorTime,
        *,
        https: bool = False,
        proxies: TrustedProxies | None = None,
        timeouts: Timeouts | None = None,
        connections: int | None = None,
        connections_per_host: int = 256,
        max_unread: int = 4 * 1024 * 1024,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(resource, reactor=reactor, parsePOSTFormSubmission=False)
        self.seconds: Callable[[], float] = reactor.seconds
        self.timeouts = timeouts or Timeouts()
        self.header_lines = header_lines(https=https)
        self.max_unread = max_unread
        self.draining = False
        self._wall_clock = wall_clock
        self._proxies = proxies or TrustedProxies()
        self._max_connections = connections or _descriptors()
        self._max_per_host = connections_per_host
        self._channels: set[Channel] = set()
        self._by_host: dict[str, int] = {}
        self._running = 0
        self._held = 0
        self._sweeping: LoopingCall | None = None
        #: requests that were refused before they had a route, by status
        self.refused: Counter[int] = Counter()
        self._when_draining: set[Callable[[], object]] = set()
        self._drained: list[Deferred[None]] = []
        self._date = (-1, b"")

    # -- connections ------------------------------------------------------------------------------------------

    def buildProtocol(self, addr: IAddress | None) -> Channel:  # type: ignore[override]
        host: str | None = getattr(addr, "host", None)
        if host is not None and self._proxies.trusts(host):
            host = None
        host = None if host is None else address_key(host)
        over_capacity = len(self._channels) >= self._max_connections or (
            host is not None and self._by_host.get(host, 0) >= self._max_per_host
        )
        return Channel(self, host, over_capacity=over_capacity)

    def opened(self, channel: Channel) -> None:
        self._channels.add(channel)
        if channel.remote_host is not None:
            self._by_host[channel.remote_host] = self._by_host.get(channel.remote_host, 0) + 1
        if self._sweeping is None:
            self._sweep_every(1.0)

    def closed(self, channel: Channel) -> None:
        self._channels.discard(channel)
        host = channel.remote_host
        if host is not None:
            left = self._by_host[host] - 1
            if left:
                self._by_host[host] = left
            else:
                del self._by_host[host]
        if not self._channels:
            self._stop_sweeping()
        self._check_drained()

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._channels)

    def _sweep_every(self, interval: float) -> None:
        self._stop_sweeping()
        self._sweeping = LoopingCall(self._sweep)
        self._sweeping.clock = self.reactor
        self._sweeping.start(interval, now=False).addErrback(
            lambda failure: self._log.failure(
                "The deadlines of connections are no longer watched.", failure=failure
            )
        )

    def _stop_sweeping(self) -> None:
        sweeping, self._sweeping = self._sweeping, None
        if sweeping is not None and sweeping.running:
            sweeping.stop()

    def _sweep(self) -> None:
        now = self.seconds()
        for channel in list(self._channels):
            try:
                if channel.deadline is not None and channel.deadline <= now:
                    channel.overdue(now)
                elif channel.stalled_since is not None and channel.stalled_since + self.timeouts.write <= now:
                    channel.abort()
            except Exception:  # noqa: BLE001 - a LoopingCall ends at the first exception, and all other deadlines with it
                self._log.failure("A connection could not be ended in time; it is forgotten.")
                channel.deadline = None

    # -- requests ---------------------------------------------------------------------------------------------

    def began(self) -> None:
        self._running += 1

    def ended(self) -> None:
        self._running -= 1

    @property
    def running(self) -> int:
        """The number of requests that are being answered, streams included."""
        return self._running

    def hold(self, work: Deferred[Any]) -> None:
        """Let draining wait for ``work``, which continues without its client."""
        self._held += 1

        def done(result: object) -> object:
            self._held -= 1
            self._check_drained()
            return result

        work.addBoth(done)

    def date_line(self) -> bytes:
        """Return the ``Date`` header as a line, made once a second."""
        now = int(self._wall_clock())
        if now != self._date[0]:
            self._date = (now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode("ascii"))
        return self._date[1]

    def log(self, request: object) -> None:
        """Write no access log: pages log the events that matter."""

    def startFactory(self) -> None:
        """Do nothing: Twisted's own starts the timer of its access log."""

    def stopFactory(self) -> None:
        """Do nothing: running connections outlive the port."""

    def acceptableProtocols(self) -> list[bytes]:
        return [b"http/1.1"]

    # -- the end ----------------------------------------------------------------------------------------------

    def on_drain(self, call: Callable[[], object]) -> Callable[[], None]:
        """Call ``call`` when draining begins, so that a stream can end; return a function that cancels this."""
        self._when_draining.add(call)
        return lambda: self._when_draining.discard(call)

    def drain(self) -> Deferred[None]:
        """Finish the requests that have arrived; fire when the last request, shielded work and connection have ended.

        Connections without a request get half a second, in case a request is on its way. Each answer carries
        ``Connection: close``. Draining has no deadline of its own.
        """
        if not self.draining:
            self.draining = True
            for call in list(self._when_draining):
                call()
            soon = self.seconds() + _GRACE
            for channel in self._channels:
                if channel.state in (State.FRESH, State.IDLE):
                    channel.deadline = min(channel.deadline or soon, soon)
            if self._channels:
                self._sweep_every(0.1)
        if self._is_drained():
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._drained.append(waiting)
        return waiting

    def abort(self) -> None:
        """Cut every connection at once, when draining takes too long."""
        for channel in list(self._channels):
            channel.abort()

    def unfinished(self) -> str:
        """Describe what draining still waits for, for the log."""
        counts = Counter(_WORDS[channel.state] for channel in self._channels)
        counts["pieces of work whose client had gone"] = self._held
        return ", ".join(f"{what}: {count}" for what, count in counts.items() if count) or "nothing"

    def _is_drained(self) -> bool:
        return self.draining and not self._channels and not self._held

    def _check_drained(self) -> None:
        if self._drained and self._is_drained():
            waiting, self._drained = self._drained, []
            for deferred in waiting:
                deferred.callback(None)


def _descriptors() -> int:
    """Return how many connections the limit on open files allows."""
    soft, _ = process_limits.getrlimit(process_limits.RLIMIT_NOFILE)
    return 10_000 if soft < 0 else max(16, min(10_000, soft - 200))
