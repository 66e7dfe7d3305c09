"""A client of server-sent events that reads along: the notifier's side of a stream (`sse` is the wire's).

While nothing waits for the client, what is new goes straight to its connection, the same bytes to all who read the same
(`services.live.Live.straight`); while it does not read, its events wait in the log, and cost no memory.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from microblog.domain.errors import MicroblogError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from twisted.python.failure import Failure

    from microblog.domain.accounts import Viewer
    from microblog.domain.events import Event
    from microblog.services.live import Batch, Live, Reader
    from microblog.services.notifier import Notifier
    from microblog.web.sse import EventSink

log = Logger()


class LiveReader:
    """``form`` names what ``render`` makes of an event, as for `services.live.Batch.joined`."""

    __slots__ = ("_form", "_framed_form", "_render", "_sink", "live")

    def __init__(self, sink: EventSink, form: str, render: Callable[[Event], bytes]) -> None:
        self._sink = sink
        self._form = form
        self._framed_form = sys.intern(
            f"{form}, {sink.framing}"
        )  # one object for all: `Feed.hand_out` compares so
        self._render = render
        self.live: Live | None = None

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
    notifier: Notifier,
    viewer: Viewer | None,
    sink: EventSink,
    reader: Reader,
    begin: Callable[[Live], Awaitable[None]],
) -> Callable[[], None]:
    """Connects ``reader``, and goes live by ``begin``; what it returns ends that. A seat was asked for before.

    Whatever goes wrong ends the stream: the client comes back by itself, with its cursor.
    """
    live = notifier.connect(reader, viewer)
    if isinstance(reader, LiveReader):
        reader.live = live
    notifier.seats.take()

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
            # As many lines as there are readers would say less than the database's own (`store/trouble.py`).
            log.debug("A stream could not go on: {error}", error=error)
            sink.end()

    def failed(failure: Failure) -> None:
        log.failure("A stream failed.", failure)
        sink.end()

    def leave() -> None:
        live.close()
        notifier.seats.leave()

    sink.on_flow = on_flow
    sink.on_wait = on_wait
    run(begin(live))
    return leave
