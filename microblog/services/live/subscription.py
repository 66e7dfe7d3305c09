"""A reader's subscriptions, and how a reader catches up with the event log.

A subscription is *attached* (its group delivers what the dispatcher dispatches) or it is *behind*. A subscription that
is behind reads the log from its cursor. It is attached in the same turn of the reactor in which it reaches the
dispatcher's position, so that no event is missed and none comes twice. This covers a new reader with a cursor, a slow
reader that has caught up with its socket, and a reader that was cut off before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.domain.accounts import Viewer
from microblog.domain.errors import MicroblogError, Unauthenticated
from microblog.domain.events import Event
from microblog.domain.streams import PERSONAL, Relationships, Stream, belongs
from microblog.services.live.event_log import EventLog
from microblog.services.live.groups import Batch, Buffer, Reader, Render, SubscriberGroup
from microblog.services.live.registry import UNDECIDED, SubscriberRegistry

log = Logger()

__all__ = ["Batch", "Reader", "SlowReader", "SubscriberGroup", "Subscription"]

REPLAY_SIZE: Final = 200  #: events read from the log at a time


def _no_bytes(event: Event) -> bytes:
    return b""


class Subscription:
    """The streams of one reader, with one cursor. `EventDispatcher.connect` makes it."""

    __slots__ = (
        "_cursor",
        "_delivered_from",
        "_distinct",
        "_lock",
        "_log",
        "_registry",
        "_starts",
        "buffer",
        "closed",
        "form",
        "group",
        "paused",
        "reader",
        "render",
        "viewer",
    )

    def __init__(
        self, event_log: EventLog, registry: SubscriberRegistry, reader: Reader, viewer: Viewer | None
    ) -> None:
        self.reader = reader
        self.viewer = viewer
        self.group: SubscriberGroup | None = None
        self.closed = False
        self.paused = False
        self.buffer: Buffer | None = None
        self.form = ""
        self.render: Render = _no_bytes
        self._log = event_log
        self._registry = registry
        self._cursor = event_log.position
        #: for each stream the position above which its events are still to be delivered
        self._starts: dict[Stream, int] = {}
        #: for each stream the position from which on its events were delivered
        self._delivered_from: dict[Stream, int] = {}
        self._distinct = False
        self._lock = DeferredLock()

    @property
    def streams(self) -> frozenset[Stream]:
        return frozenset(self._starts)

    @property
    def cursor(self) -> int:
        """The position up to which all events for the reader were delivered."""
        return self._log.position if self.group is not None else self._cursor

    @property
    def batches(self) -> int:
        """A number that grows with each batch for the reader's group."""
        return self.group.batches if self.group is not None else 0

    def write_to(self, buffer: Buffer | None, form: str = "", render: Render = _no_bytes) -> None:
        """Let the group write batches in ``form`` to the reader's buffer itself; with None, call `Reader.deliver`.

        Replays from the log go to `Reader.deliver` in any case.
        """
        self.buffer, self.form, self.render = buffer, form, render

    async def subscribe(self, stream: Stream, since: int | None = None, *, distinct: bool = False) -> None:
        """Add a stream. With ``since``, first deliver its events above that cursor.

        ``distinct`` leaves out the events that another stream of this reader has brought.

        Raises Unauthenticated for a personal stream without a viewer, and when the viewer's session or token has ended
        (the reader then ends as well). Raises NotFound for an account, thread or list that the viewer can't see, and
        Gone for a cursor outside of the log.
        """
        if stream in PERSONAL and self.viewer is None:
            raise Unauthenticated("Log in first: this stream is somebody's own.")
        await self._log.check(stream, since, self.viewer)
        if since is not None:
            await self._log.wait_for(since)
        await self._lock.acquire()
        try:
            self._detach()
            self._distinct = distinct
            if not self._starts:
                self._cursor = self._log.position
            self._starts[stream] = self._delivered_from[stream] = self._cursor if since is None else since
            if since is not None:
                self._starts = {
                    each: start if each == stream else max(start, self._cursor)
                    for each, start in self._starts.items()
                }
                self._cursor = min(self._cursor, since)
            await self._catch_up()
        finally:
            self._lock.release()

    async def subscribe_all(self, streams: Iterable[Stream], since: int | None = None) -> None:
        """Add several streams and replay them together, in the order of the log.

        So a reader that is cut off after any event has had all events before it. Raises as `subscribe`, and then has
        none of the streams.
        """
        self.paused = True
        try:
            for stream in streams:
                await self.subscribe(stream, since, distinct=True)
            await self.resume()
        except BaseException:
            self.unsubscribe()
            raise

    def unsubscribe(self, stream: Stream | None = None) -> None:
        """Drop a stream, or all of them."""
        attached = self.group is not None
        self._detach()
        if stream is None:
            self._starts.clear()
            self._delivered_from.clear()
        else:
            self._starts.pop(stream, None)
            self._delivered_from.pop(stream, None)
        if attached and self._starts:
            self._registry.attach(self)

    def set_viewer(self, viewer: Viewer | None) -> None:
        """Change the viewer after a login. The streams go on for the new viewer after `resume` or `subscribe`."""
        self._registry.remove(self)
        self._detach()
        self.viewer = viewer
        if not self.closed:
            self._registry.add(self)

    def pause(self) -> None:
        """Deliver nothing until `resume`. The events wait in the log."""
        self.paused = True
        self._detach()

    async def resume(self) -> None:
        """Read on from the cursor. Raises Gone when the log no longer reaches back to it."""
        self.paused = False
        await self._lock.acquire()
        try:
            if self._is_behind() and self._starts:
                if self._cursor < self._log.position:
                    await self._log.check_cursor(self._cursor)
                await self._catch_up()
        finally:
            self._lock.release()

    def fail(self, batch: Batch) -> None:
        """End the reader because it can't take ``batch``. Its cursor is from before the batch, so nothing is lost.

        Call this while the exception is handled.
        """
        faults = self._registry.faults
        faults.failed("A live reader failed and is cut off with its cursor.")
        if self.closed:
            return
        self._detach()
        self._cursor = min(self._cursor, batch.after)
        try:
            self.reader.end("error")
        except Exception:  # noqa: BLE001 - a reader in any state must not stop the others
            faults.failed("A live reader that failed can't be told so.")
            self.close()

    def fall_behind(self, after: int) -> None:
        """Read the events above ``after`` from the log, then attach again: for filters that take long."""
        self._detach()
        self._cursor = min(self._cursor, after)
        Deferred.fromCoroutine(self.resume()).addErrback(self._end_after)

    def _end_after(self, failure: Failure) -> None:
        if not failure.check(MicroblogError, CancelledError):
            log.failure("A live reader can't go on.", failure)
        if not self.closed:
            self.reader.end("error")

    def close(self) -> None:
        """Deliver nothing any more."""
        if not self.closed:
            self.closed = True
            self._detach()
            self._registry.remove(self)

    def _detach(self) -> None:
        if self.group is not None:
            self._cursor = self._log.position
            self._registry.detach(self)

    async def _catch_up(self) -> None:
        """Deliver from the log up to the dispatcher's position, and attach in the same turn of the reactor."""
        if not self._is_behind():
            return
        await self._registry.confirm(self)
        relationships = await self._registry.relationships(self.viewer)
        while self._is_behind():
            if self._cursor >= self._log.position:
                self._registry.attach(self, relationships)
                return
            events, position = await self._log.read(self._cursor, self._log.position, REPLAY_SIZE)
            if not self._is_behind():
                return
            wanted = tuple(event for event in events if self._wants(event, relationships))
            if relationships is not None and relationships.filters:
                wanted = await self._registry.filtered(wanted, relationships, self.streams)
                if not self._is_behind():
                    return
            self._cursor = position
            if wanted:
                batch = Batch(wanted, position, None, self._registry.faults)
                try:
                    self.reader.deliver(batch)
                except Exception:  # noqa: BLE001 - as in SubscriberGroup.deliver
                    self.fail(batch)
                    return
            if self._registry.is_stale(relationships):
                relationships = await self._registry.relationships(self.viewer)

    def _is_behind(self) -> bool:
        """Return whether to catch up. Asked again after each wait, because other calls may have come in between."""
        return not (self.closed or self.paused or self.group is not None)

    def _wants(self, event: Event, relationships: Relationships | None) -> bool:
        """Return whether the reader still has to get an event."""
        try:
            return self._is_missing(event, relationships)
        except Exception:  # noqa: BLE001 - the fault is in this event alone
            self._registry.faults.failed(UNDECIDED)
            return False

    def _is_missing(self, event: Event, relationships: Relationships | None) -> bool:
        """Return whether an event is new on one of the streams and, if ``distinct``, was delivered on none."""
        missing = False
        for stream, start in self._starts.items():
            if belongs(event, stream, relationships):
                if event.position > start:
                    missing = True
                elif self._distinct and event.position > self._delivered_from[stream]:
                    return False
        return missing


class SlowReader:
    """Flow control of one connection: pauses its subscriptions when too much waits for the client, and resumes them.

    While they are paused, their events wait in the log and cost no memory. ``subscriptions`` returns those of the
    connection. ``failed`` gets the error when they can't go on; it has to close the connection.
    """

    __slots__ = ("_catching_up", "_failed", "_subscriptions", "paused")

    def __init__(
        self, subscriptions: Callable[[], Iterable[Subscription]], failed: Callable[[Failure], None]
    ) -> None:
        self.paused = False
        self._subscriptions = subscriptions
        self._failed = failed
        self._catching_up = False

    def pause(self) -> None:
        """Deliver nothing more: too much waits for the client."""
        self.paused = True
        for each in self._subscriptions():
            each.pause()

    def resume(self) -> None:
        """Catch up with the log: the client has read everything."""
        if self.paused:
            self.paused = False
            if not self._catching_up:
                self._catching_up = True
                Deferred.fromCoroutine(self._catch_up()).addErrback(self._failed)

    async def _catch_up(self) -> None:
        try:
            while not self.paused:
                paused = [each for each in self._subscriptions() if each.paused and not each.closed]
                if not paused:
                    return
                await paused[0].resume()
        finally:
            self._catching_up = False
