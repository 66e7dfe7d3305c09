"""A client of server-sent events that reads along: the dispatcher's side of a stream (`sse` is the wire's).

While nothing waits for the client, what is new goes straight to its connection, the same bytes to all who read the same
(`services.live.Subscription.straight`); while it does not read, its events wait in the log, and cost no memory.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from microblog.domain.errors import MicroblogError
from microblog.services.live.connection_limit import SUBSCRIPTIONS_PER_HOST

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from twisted.python.failure import Failure

    from microblog.domain.accounts import Viewer
    from microblog.domain.events import Event
    from microblog.http.event_stream import EventSink
    from microblog.services.live.dispatcher import EventDispatcher
    from microblog.services.live.subscription import Batch, Reader, Subscription
    from microblog.services.microblog import Microblog

log = Logger()


class Place:
    """What one live connection of the website takes: a seat in the process, and shares of its network address.

    ``streams`` is how many streams it reads.
    """

    __slots__ = ("_address", "_seats", "_streams")

    def __init__(self, microblog: Microblog, address: str | None, streams: int) -> None:
        """Check that there is room. Raises Unavailable and RateLimited, which say which limit is reached."""
        connection_limit, config = microblog.dispatcher.connection_limit, microblog.config
        if address == "unix":
            address = None  # whoever may connect there is not limited by it
        connection_limit.check(config.live_connections)
        connection_limit.connections.check(address, config.live_connections_per_host)
        connection_limit.subscriptions.check(address, SUBSCRIPTIONS_PER_HOST, streams)
        self._seats = connection_limit
        self._address = address
        self._streams = streams

    def take(self) -> None:
        self._seats.take()
        self._seats.connections.take(self._address)
        self._seats.subscriptions.take(self._address, self._streams)

    def leave(self) -> None:
        self._seats.leave()
        self._seats.connections.leave(self._address)
        self._seats.subscriptions.leave(self._address, self._streams)

    def add_stream(self) -> None:
        """Take one stream more. Raises RateLimited."""
        self._seats.subscriptions.check(self._address, SUBSCRIPTIONS_PER_HOST)
        self._seats.subscriptions.take(self._address)
        self._streams += 1

    def drop_streams(self, count: int = 1) -> None:
        self._seats.subscriptions.leave(self._address, count)
        self._streams -= count


class LiveReader:
    """``form`` names what ``render`` makes of an event, as for `services.live.Batch.joined`."""

    __slots__ = ("_form", "_framed_form", "_render", "_sink", "live")

    def __init__(self, sink: EventSink, form: str, render: Callable[[Event], bytes]) -> None:
        self._sink = sink
        self._form = form
        self._framed_form = sys.intern(
            f"{form}, {sink.framing}"
        )  # one object for all: `SubscriberGroup.hand_out` compares so
        self._render = render
        self.live: Subscription | None = None

    def deliver(self, batch: Batch) -> None:
        self._sink.send(batch.joined(self._form, self._render))
        if self.live is not None and self.live.send is None and (send := self._sink.straight) is not None:
            self.live.straight(send, self._framed_form, self._framed)

    def fell_short(self, data: bytes, sent: int) -> None:
        self._sink.fell_short(data[sent:])

    def end(self, reason: str) -> None:
        self._sink.end()  # whatever it is, the client asks again

    def _framed(self, event: Event) -> bytes:
        return self._sink.framed(self._render(event))


def read_along(
    dispatcher: EventDispatcher,
    viewer: Viewer | None,
    sink: EventSink,
    reader: Reader,
    begin: Callable[[Subscription], Awaitable[None]],
    place: Place,
) -> Callable[[], None]:
    """Connect ``reader``, and go live by ``begin``; what it returns ends that. ``place`` was checked before.

    Whatever goes wrong ends the stream: the client comes back by itself, with its cursor.
    """
    live = dispatcher.connect(reader, viewer)
    if isinstance(reader, LiveReader):
        reader.live = live
    place.take()

    def on_flow(reads: bool) -> None:
        if reads:
            run(live.resume())
        else:
            live.pause()

    def on_wait() -> None:
        live.straight(None)

    def run(work: Awaitable[None]) -> None:
        Deferred.fromCoroutine(guarded(work)).addErrback(failed)

    async def guarded(work: Awaitable[None]) -> None:
        try:
            await work
        except MicroblogError as error:
            # One line for each reader would say less than the line of `store/engine/database_health.py`.
            log.debug("A stream could not go on: {error}", error=error)
            sink.end()

    def failed(failure: Failure) -> None:
        log.failure("A stream failed.", failure)
        sink.end()

    def leave() -> None:
        live.close()
        place.leave()

    sink.on_flow = on_flow
    sink.on_wait = on_wait
    run(begin(live))
    return leave
