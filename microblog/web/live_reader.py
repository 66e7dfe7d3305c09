"""Live readers over server-sent events: what connects an `http.event_stream` with the event dispatcher."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.domain.errors import MicroblogError
from microblog.services.live.connection_limit import SUBSCRIPTIONS_PER_HOST
from microblog.services.live.subscription import SlowReader

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from microblog.domain.accounts import Viewer
    from microblog.domain.events import Event
    from microblog.http.event_stream import EventSink
    from microblog.services.live.dispatcher import EventDispatcher
    from microblog.services.live.subscription import Batch, Reader, Subscription
    from microblog.services.microblog import Microblog

log = Logger()


class LiveConnection:
    """What one live connection of the website counts for: itself in the process, and itself and its streams for its
    network address.

    ``streams`` is the number of streams it reads.
    """

    __slots__ = ("_address", "_limit", "_streams")

    def __init__(self, microblog: Microblog, address: str | None, streams: int) -> None:
        """Check the limits. Raises Unavailable and RateLimited, whose text says which limit is reached."""
        limit, config = microblog.dispatcher.connection_limit, microblog.config
        if address == "unix":
            address = None  # a client on a UNIX socket is not limited by its address
        limit.check(config.live_connections)
        limit.connections.check(address, config.live_connections_per_host)
        limit.subscriptions.check(address, SUBSCRIPTIONS_PER_HOST, streams)
        self._limit = limit
        self._address = address
        self._streams = streams

    def acquire(self) -> None:
        """Count the connection, until `release`."""
        self._limit.acquire()
        self._limit.connections.acquire(self._address)
        self._limit.subscriptions.acquire(self._address, self._streams)

    def release(self) -> None:
        """Count the connection no longer."""
        self._limit.release()
        self._limit.connections.release(self._address)
        self._limit.subscriptions.release(self._address, self._streams)

    def add_stream(self) -> None:
        """Count one stream more. Raises RateLimited."""
        self._limit.subscriptions.check(self._address, SUBSCRIPTIONS_PER_HOST)
        self._limit.subscriptions.acquire(self._address)
        self._streams += 1

    def remove_streams(self, count: int = 1) -> None:
        """Count fewer streams."""
        self._limit.subscriptions.release(self._address, count)
        self._streams -= count


class LiveReader:
    """Writes events to an event stream. ``form`` names what ``render`` makes of an event, as for `Batch.joined`."""

    __slots__ = ("_form", "_render", "_sink")

    def __init__(self, sink: EventSink, form: str, render: Callable[[Event], bytes]) -> None:
        self._sink = sink
        self._form = form
        self._render = render

    def deliver(self, batch: Batch) -> None:
        self._sink.send(batch.joined(self._form, self._render))

    def end(self, reason: str) -> None:
        self._sink.end()  # whatever the reason is, the client comes back by itself


def read_live(
    dispatcher: EventDispatcher,
    viewer: Viewer | None,
    sink: EventSink,
    reader: Reader,
    subscribe: Callable[[Subscription], Awaitable[None]],
    connection: LiveConnection,
) -> Callable[[], None]:
    """Connect ``reader`` and let ``subscribe`` choose its streams. Return a function that disconnects it.

    The limits of ``connection`` were checked before. Any error ends the stream, and the client comes back by itself
    with its cursor.
    """
    live = dispatcher.connect(reader, viewer)
    connection.acquire()

    def failed(failure: Failure) -> None:
        if failure.check(MicroblogError):
            # When the database is away, a line for each reader would say less than the database's own line.
            log.debug("A stream could not go on: {error}", error=failure.value)
        else:
            log.failure("A stream failed.", failure)
        sink.end()

    slow = SlowReader(lambda: (live,), failed)

    async def begin() -> None:
        await subscribe(live)
        if slow.paused:
            live.pause()

    def on_flow(reads: bool) -> None:
        if reads:
            slow.resume()
        else:
            slow.pause()

    def disconnect() -> None:
        live.close()
        connection.release()

    sink.on_flow = on_flow
    Deferred.fromCoroutine(begin()).addErrback(failed)
    return disconnect
