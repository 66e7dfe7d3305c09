"""Readers of live streams: what one is, how they share work, how one catches up.

Readers that want the same streams with the same eyes share a `feeds.SubscriberGroup`.

A reader is *attached* (gets what the dispatcher dispatches) or it is *behind*: then it reads the log from its
cursor until it has reached the dispatcher's position and is attached in that same turn of the reactor, so that there is
neither a gap nor a repeat.  A new reader with a cursor, a slow one that has drained, and one that was cut off
before are all the same case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.domain.accounts import Viewer
from microblog.domain.errors import MicroblogError, Unauthenticated
from microblog.domain.events import Event
from microblog.domain.streams import PERSONAL, Relationships, Stream, belongs
from microblog.services.live.groups import Batch, Reader, SubscriberGroup

if TYPE_CHECKING:
    from microblog.services.live.dispatcher import EventDispatcher

log = Logger()

__all__ = ["Batch", "Reader", "SubscriberGroup", "Subscription"]

CANT_PLACE: Final = "Whether an event belongs on a stream can't be decided; the event is left out there."

REPLAY = 200  #: events read from the log at a time


def _nothing(event: Event) -> bytes:
    return b""


class Subscription:
    """One reader's subscriptions. Made by `EventDispatcher.connect`."""

    __slots__ = (
        "_begun",
        "_cursor",
        "_from",
        "_lock",
        "_notifier",
        "_once",
        "closed",
        "feed",
        "form",
        "paused",
        "reader",
        "render",
        "send",
        "viewer",
    )

    def __init__(self, dispatcher: EventDispatcher, reader: Reader, viewer: Viewer | None) -> None:
        self.reader = reader
        self.viewer = viewer
        self.feed: SubscriberGroup | None = None
        self.closed = False
        self.paused = False
        self.send: Callable[[bytes], int] | None = None
        self.form = ""
        self.render: Callable[[Event], bytes] = _nothing
        self._notifier = dispatcher
        self._cursor = dispatcher.position
        self._from: dict[Stream, int] = {}  # each stream with the position that it counts from
        self._begun: dict[Stream, int] = {}  # each with the position from which on its events were delivered
        self._once = False
        self._lock = DeferredLock()

    @property
    def streams(self) -> frozenset[Stream]:
        return frozenset(self._from)

    @property
    def cursor(self) -> int:
        """All that concerns the reader up to here was delivered."""
        return self._notifier.position if self.feed is not None else self._cursor

    @property
    def batches(self) -> int:
        """Grows with each batch that the reader's feed got."""
        return self.feed.batches if self.feed is not None else 0

    def straight(
        self, send: Callable[[bytes], int] | None, form: str = "", render: Callable[[Event], bytes] = _nothing
    ) -> None:
        """The short way: from now on, give batches in ``form`` to ``send``, which says how much it took, as a socket's
        does; None: to `Reader.deliver` again, which is where replays go in any case."""
        self.send, self.form, self.render = send, form, render
        if self.feed is not None:
            self.feed.changed()

    async def subscribe(self, stream: Stream, since: int | None = None, *, once: bool = False) -> None:
        """Add a stream; with ``since``, what the log has above that cursor is delivered first; with ``once``, less
        what came already on another stream of this reader.

        Raises Unauthenticated for a personal stream without a viewer, and where the viewer's session or token has
        ended (the reader then ends as well), NotFound for a user or thread that isn't there, Gone for a cursor that the
        log no longer (or not yet) covers.
        """
        if stream in PERSONAL and self.viewer is None:
            raise Unauthenticated("Log in first: this stream is somebody's own.")
        await self._notifier.check(stream, since, self.viewer)
        if since is not None:
            await self._notifier.reached(since)
        await self._lock.acquire()
        try:
            self._detach()
            self._once = once
            if not self._from:
                self._cursor = self._notifier.position
            self._from[stream] = self._begun[stream] = self._cursor if since is None else since
            if since is not None:
                self._from = {
                    each: max(at, self._cursor) if each != stream else at for each, at in self._from.items()
                }
                self._cursor = min(self._cursor, since)
            await self._catch_up()
        finally:
            self._lock.release()

    async def subscribe_all(self, streams: Iterable[Stream], since: int | None = None) -> None:
        """Streams of one reader who keeps one cursor for all of them: they are replayed together, in the log's order.

        So whoever is cut off after any event has had all before it.  Raises as `subscribe`; then it has none of them.
        """
        self.paused = True
        try:
            for stream in streams:
                await self.subscribe(stream, since, once=True)
            await self.resume()
        except BaseException:
            self.unsubscribe()
            raise

    def unsubscribe(self, stream: Stream | None = None) -> None:
        """Drop a stream, or all of them."""
        attached = self.feed is not None
        self._detach()
        if stream is None:
            self._from.clear()
            self._begun.clear()
        else:
            self._from.pop(stream, None)
            self._begun.pop(stream, None)
        if attached and self._from:
            self._notifier.attach(self)

    def set_viewer(self, viewer: Viewer | None) -> None:
        """Somebody logged in: what is subscribed to goes on with their eyes after the next `resume` or `subscribe`."""
        self._notifier.forget(self)
        self._detach()
        self.viewer = viewer
        if not self.closed:
            self._notifier.remember(self)

    def pause(self) -> None:
        """Deliver no more until `resume`: the reader is slow, the log waits for it."""
        self.paused = True
        self._detach()

    async def resume(self) -> None:
        """Read on from the cursor. Raises Gone when the log no longer reaches back to it."""
        self.paused = False
        await self._lock.acquire()
        try:
            if not self.closed and self.feed is None and self._from:
                await self._notifier.check_cursor(self._cursor)
                await self._catch_up()
        finally:
            self._lock.release()

    def fail(self, batch: Batch) -> None:
        """Cut the reader off because it can't take ``batch``: its cursor is from before it, so nothing is lost.

        To be called while the exception is handled.
        """
        self._notifier.faults.failed("A live reader failed and is cut off with its cursor.")
        if self.closed:
            return
        self._detach()
        self._cursor = min(self._cursor, batch.after)
        try:
            self.reader.end("error")
        except Exception:  # noqa: BLE001 - it can't even say goodbye
            self._notifier.faults.failed("A live reader that failed can't be told so.")
            self.close()

    def fall_behind(self, after: int) -> None:
        """Read from the log above ``after``, and attach again: for events that take long to be judged."""
        self._detach()
        self._cursor = min(self._cursor, after)
        Deferred.fromCoroutine(self.resume()).addErrback(self._cant_go_on)

    def _cant_go_on(self, failure: Failure) -> None:
        if not failure.check(MicroblogError, CancelledError):
            log.failure("A live reader can't go on.", failure)
        if not self.closed:
            self.reader.end("error")

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._detach()
            self._notifier.forget(self)

    def _detach(self) -> None:
        if self.feed is not None:
            self._cursor = self._notifier.position
            self._notifier.detach(self)

    async def _catch_up(self) -> None:
        """Deliver from the log up to the dispatcher's position, and attach in the same turn."""
        dispatcher = self._notifier
        if self._behind():
            await dispatcher.confirm(self)
        relationships = await dispatcher.relationships(self.viewer)
        while self._behind():
            if self._cursor >= dispatcher.position:
                dispatcher.attach(self, relationships)
                return
            events, position = await dispatcher.read(self._cursor, dispatcher.position, REPLAY)
            if not self._behind():
                return
            wanted = tuple(event for event in events if self._wants(event, relationships))
            if relationships is not None and relationships.filters:
                wanted = await dispatcher.judged(wanted, relationships, self.streams)
                if not self._behind():
                    return
            self._cursor = position
            if wanted:
                batch = Batch(wanted, position, None, dispatcher.faults)
                try:
                    self.reader.deliver(batch)
                except Exception:  # noqa: BLE001 - as in SubscriberGroup
                    self.fail(batch)
                    return
            if dispatcher.stale(relationships):
                relationships = await dispatcher.relationships(self.viewer)

    def _behind(self) -> bool:
        """Whether there is catching up to do: asked again after each wait, in which anything may have happened."""
        return not (self.closed or self.paused or self.feed is not None)

    def _wants(self, event: Event, relationships: Relationships | None) -> bool:
        """Whether it belongs on a stream that hasn't got so far yet (and, with ``once``, on none that has)."""
        try:
            return self._missed(event, relationships)
        except Exception:  # noqa: BLE001 - as in SubscriberRegistry._pending
            self._notifier.faults.failed(CANT_PLACE)
            return False

    def _missed(self, event: Event, relationships: Relationships | None) -> bool:
        wanted = False
        for stream, since in self._from.items():
            if belongs(event, stream, relationships):
                if event.position > since:
                    wanted = True
                elif self._once and event.position > self._begun[stream]:
                    return False
        return wanted
