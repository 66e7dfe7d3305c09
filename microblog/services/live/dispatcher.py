"""The event dispatcher of a process, under all live surfaces: push port, server-sent events, WebSocket.

An event goes from a commit to a reader's socket in five steps:

1. *Sequence*: a writer of this process calls `poke` after its commit, and the sequencer gives the new events their
   positions in the log. Or the writer's statement has sequenced its own event, and the writer calls `sequenced`.
   NOTIFY tells the other processes. It is only a hint: each process also polls the log every POLL_INTERVAL, so that a
   lost notification costs at most that long.
2. *Read*: one query reads the events above this process's position, and `event_log.load` their posts. An event that
   this process has just sequenced is not read if it directly follows the position.
3. *Group*: `SubscriberRegistry.queue` finds the groups of readers that want the event.
4. *Render*: `SubscriberGroup.deliver` gives each reader the group's `Batch`, which renders once for each format.
5. *Write*: the reader writes those bytes to its write buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import Context
from datetime import datetime
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, ensureDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from microblog.domain.accounts import Viewer
from microblog.domain.errors import MicroblogError
from microblog.domain.events import Event
from microblog.services.live.connection_limit import ConnectionLimit
from microblog.services.live.event_log import EventLog, load
from microblog.services.live.faults import Faults
from microblog.services.live.registry import SubscriberRegistry, utc_now
from microblog.services.live.subscription import Batch, Reader, Subscription
from microblog.store.engine.database import Database
from microblog.store.engine.listener import Listener
from microblog.store.events import CHANNEL, events

log = Logger()

POLL_INTERVAL: Final = 1.0  #: seconds between two reads of the log without a notification
READ_SIZE: Final = 500  #: events sequenced or read at a time

#: How many readers query the database at the same time. When all readers come back at once, as after a restart, pages
#: and posts still find a free connection. The readers are served no later by it, because the database has no more
#: processors than that.
TURNS: Final = 4

_FAILED: Final = "Dispatching live events failed. The next poll tries again."


class EventDispatcher:
    """Reads the log and delivers its events. ``log`` and ``registry`` are what subscriptions work with."""

    def __init__(
        self,
        db: Database,
        reactor: Any,
        listener: Listener | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        turns = DeferredSemaphore(TURNS)
        self.faults = Faults(log)
        self.connection_limit = ConnectionLimit()
        self.log = EventLog(db, reactor, turns, self.faults, self.poll)
        self.registry = SubscriberRegistry(db, reactor, turns, self.faults, now)
        #: events dispatched in this process, and deliveries of them to readers
        self.dispatched = 0
        self.delivered = 0
        self._db = db
        self._reactor = reactor
        self._commits = 0
        self._must_sequence = False
        self._must_read = False
        self._notify_position = 0  # the newest position that the other processes have not been notified of
        self._local: list[Event] = []  # events that this process has sequenced and not dispatched yet
        self._local_call: Any = None
        self._reading = False
        self._running = False
        self._run_done: Deferred[None] | None = None
        self._started = False
        self._failing = False
        self._poller = LoopingCall(self.poll)
        self._poller.clock = reactor
        if listener is not None:
            listener.on(CHANNEL, self._notified)

    # ------------------------------------------------------------------------------------------------ life

    async def start(self) -> None:
        """Dispatch events from the present end of the log on. Raises Unavailable."""
        while await events(self._db.reads).sequence(READ_SIZE):
            pass
        self.log.position = await events(self._db.reads).last_position()
        self._started = True
        self._poller.start(POLL_INTERVAL, now=False)

    async def stop(self) -> None:
        """Dispatch nothing more."""
        self._started = False
        if self._poller.running:
            self._poller.stop()
        if self._local_call is not None:
            self._local_call.cancel()
            self._local_call = None
            self._local.clear()
        if self._run_done is not None:
            await self._run_done

    def connect(self, reader: Reader, viewer: Viewer | None) -> Subscription:
        """Register a live connection, without a stream yet."""
        subscription = Subscription(self.log, self.registry, reader, viewer)
        self.registry.add(subscription)
        return subscription

    # ------------------------------------------------------------------------------------------------ state

    @property
    def position(self) -> int:
        """The position of the newest event dispatched in this process."""
        return self.log.position

    @property
    def readers(self) -> int:
        """The number of live subscriptions in this process."""
        return len(self.registry.subscribers)

    @property
    def version(self) -> tuple[int, int]:
        """A value that changes with each commit of this process and each event of any: a key for caches."""
        return self.position, self._commits

    @property
    def idle(self) -> bool:
        """Whether nothing is being sequenced, read or dispatched."""
        return not self._running and not self._must_sequence

    # ------------------------------------------------------------------------------------------------ triggers

    def poke(self) -> None:
        """Sequence and dispatch the events that were just committed. Cheap and synchronous."""
        self._commits += 1
        self._must_sequence = True
        self._wake()

    def sequenced(self, position: int, event: Event | None = None) -> None:
        """Dispatch a committed event that has its position already, and notify the other processes.

        With ``event``, equal to what `event_log.load` would return, it need not be read. All events that were committed
        in this turn of the reactor are dispatched in the next one.
        """
        self._commits += 1
        self._notify_position = max(self._notify_position, position)
        if event is None or not self._started:
            self._must_read = True
            self._wake()
            return
        self._local.append(event)
        if self._local_call is None:
            self._local_call = self._reactor.callLater(0, self._dispatch_local)

    def poll(self) -> None:
        """Sequence and dispatch all committed events of all processes."""
        self._must_sequence = self._must_read = True
        self._wake()

    def _notified(self, payload: str | None) -> None:
        if payload is None:  # the listener has (re)connected: notifications may have been lost
            self.poll()
        elif not payload.isdigit() or int(payload) > self.position:
            self._must_read = True
            self._wake()

    def _wake(self) -> None:
        if self._started and not self._running:
            # Set first: without a database to wait for, `_run` is through when this call returns.
            self._running = True
            # An empty context: lines in the log must not carry the id of the request that woke the dispatcher.
            self._run_done = Context().run(ensureDeferred, self._run())

    async def _run(self) -> None:
        try:
            while self._started and (self._must_sequence or self._must_read or self._notify_position):
                if self._must_sequence:
                    self._must_sequence = False
                    count = await events(self._db.reads).sequence(READ_SIZE)
                    self._must_sequence = self._must_sequence or count == READ_SIZE
                    self._must_read = self._must_read or count is not None
                if self._must_read:
                    self._must_read = False
                    await self._dispatch_new()
                if self._notify_position:
                    position, self._notify_position = self._notify_position, 0
                    await events(self._db.reads).notify(position)
            if self._failing:
                self._failing = False
                log.info("live events flow again")
        except (MicroblogError, CancelledError):
            # The next poll tries again. Nothing is lost, because the events are in the database.
            self._must_sequence = self._must_read = True
            if not self._failing:
                self._failing = True
                log.warn("live events wait for the database")
        except Exception:  # noqa: BLE001 - one bad event must not stop the others for good
            self._must_read = True
            self.faults.failed(_FAILED)
        finally:
            self._running = False

    # ------------------------------------------------------------------------------------------------ dispatch

    def _dispatch_local(self) -> None:
        """Dispatch the events that this process has sequenced, if they directly follow the position.

        Not while the log is being read, because that may return the same events.
        """
        self._local_call = None
        local, self._local = sorted(self._local, key=lambda event: event.position), []
        last = local[-1].position
        if not self._reading and [event.position for event in local] == [*range(self.position + 1, last + 1)]:
            try:
                self._dispatch(local, last)
            except Exception:  # noqa: BLE001 - as in _run
                self.faults.failed(_FAILED)
        self._must_read = self._must_read or self.position < last
        self._wake()

    async def _dispatch_new(self) -> None:
        self._reading = True
        try:
            await self._read_and_dispatch()
        finally:
            self._reading = False

    async def _read_and_dispatch(self) -> None:
        while rows := await events(self._db.reads).after(self.position, READ_SIZE):
            await self.registry.apply_control_events(rows)
            if self.registry.empty:  # nobody reads live: the posts of the events need not be read
                self.dispatched += len(rows)
                self.log.advance_to(rows[-1].position)
            else:
                self._dispatch(await load(self._db, rows, self.faults), rows[-1].position)
            if len(rows) < READ_SIZE:
                return

    def _dispatch(self, loaded: Sequence[Event], position: int) -> None:
        """Deliver events to the groups that want them.

        In one turn of the reactor, so that the position and the deliveries always agree.
        """
        self.dispatched += len(loaded)
        groups = self.registry.queue(loaded)
        self.log.advance_to(position)
        rendered: dict[tuple[str, int], bytes] = {}
        for group in groups:
            pending, group.pending = tuple(group.pending), []
            if group.from_log:
                group.from_log = False
                for subscriber in list(group.subscribers):
                    subscriber.fall_behind(pending[0].position - 1)
                continue
            batch = Batch(pending, position, rendered, self.faults)
            self.delivered += len(pending) * len(group.subscribers)
            try:
                group.deliver(batch)
            except Exception:  # noqa: BLE001 - the other groups go on; this one's readers come back with their cursors
                for subscriber in list(group.subscribers):
                    subscriber.fail(batch)
