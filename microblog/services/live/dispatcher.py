"""One dispatcher a process, under all live surfaces: push port, server-sent events, WebSocket.

After each commit of its own process it is poked, and has the sequencer place what was written; other processes tell by
NOTIFY.  Either way it then reads the log above its position, in one query for the events and one for their posts, and
hands each feed what belongs to it.  Nothing live is decided from a notification's content: a lost one costs at most
the second until the next look.

A post that its writer placed is not read back where nothing comes between it and what was dispatched last: the next
turn of the reactor dispatches it, and all others that were committed in this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import Context
from datetime import datetime
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from microblog.domain.accounts import Viewer
from microblog.domain.errors import Gone, MicroblogError, NotFound, Unavailable
from microblog.domain.events import Event
from microblog.domain.streams import WITH_ID, Stream
from microblog.services.live.event_log import load
from microblog.services.live.registry import SubscriberRegistry, utc_now
from microblog.services.live.subscription import Batch, Reader, Subscription
from microblog.store.engine.database import Database
from microblog.store.engine.listener import Listener
from microblog.store.events import CHANNEL, events
from microblog.store.live import live

log = Logger()

PATIENCE: Final = 5.0  #: seconds that a reader from another process waits for this one to be as far
LOOK: Final = 1.0  #: seconds between looks without being told
MOST: Final = 500  #: events placed, or read, at a time


class EventDispatcher(SubscriberRegistry):
    """See the module. ``position`` is that of the newest event dispatched in this process."""

    def __init__(
        self,
        db: Database,
        reactor: Any,
        listener: Listener | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(db, reactor, now)
        self.position = 0
        self._pokes = 0
        #: events that were dispatched in this process, and pieces of them that were handed to readers
        self.dispatched = 0
        self.delivered = 0
        self._waiting: list[Deferred[None]] = []
        self._to_place = False
        self._to_read = False
        self._to_tell = 0  # the newest position of ours that others have not heard of
        self._own: list[Event] = []  # committed and placed by this process, not dispatched yet
        self._own_turn: Any = None
        self._reading = False
        self._busy = False
        self._running: Deferred[None] | None = None
        self._started = False
        self._failing = False
        self._looking = LoopingCall(self.look)
        self._looking.clock = reactor
        if listener is not None:
            listener.on(CHANNEL, self._heard)

    # ------------------------------------------------------------------------------------------------ life

    async def start(self) -> None:
        """From the log's present end on. Raises Unavailable."""
        while await events(self._db.reads).sequence(MOST):
            pass
        self.position = await events(self._db.reads).settled()
        self._started = True
        self._looking.start(LOOK, now=False)

    async def stop(self) -> None:
        """After `closing`: dispatch no more."""
        self._started = False
        if self._looking.running:
            self._looking.stop()
        if self._own_turn is not None:
            self._own_turn.cancel()
            self._own_turn = None
            self._own.clear()
        if self._running is not None:
            await self._running

    def connect(self, reader: Reader, viewer: Viewer | None) -> Subscription:
        made = Subscription(self, reader, viewer)
        self.remember(made)
        return made

    def poke(self) -> None:
        """Something was committed: have it placed and dispatch it. Cheap, and synchronous."""
        self._pokes += 1
        self._to_place = True
        self._wake()

    def placed(self, position: int, event: Event | None = None) -> None:
        """Something was committed that has its position already: dispatch it, and tell the other processes.

        ``event`` is it, for whoever knows what `event_log.load` would make of it: then it need not be read.
        """
        self._pokes += 1
        self._to_tell = max(self._to_tell, position)
        if event is None or not self._started:
            self._to_read = True
            self._wake()
            return
        self._own.append(event)
        if self._own_turn is None:
            self._own_turn = self._reactor.callLater(0, self._dispatch_own)

    @property
    def version(self) -> tuple[int, int]:
        """Another one after each commit of this process, and after each event of any: what a cache hangs on."""
        return self.position, self._pokes

    def look(self) -> None:
        """Place and dispatch whatever is there, by whomever it was written or placed."""
        self._to_place = self._to_read = True
        self._wake()

    def _heard(self, payload: str | None) -> None:
        if payload is None:  # (re)connected: something may have come in between
            self.look()
        elif not payload.isdigit() or int(payload) > self.position:
            self._to_read = True
            self._wake()

    def _wake(self) -> None:
        if self._started and not self._busy:
            # Before it runs: it may be through when it returns, as when there is no database to wait for.
            self._busy = True
            # Outside of the context of whoever woke it: its lines in the log are not of their request.
            self._running = Context().run(ensureDeferred, self._run())

    async def _run(self) -> None:
        try:
            while self._started and (self._to_place or self._to_read or self._to_tell):
                if self._to_place:
                    self._to_place = False
                    placed = await events(self._db.reads).sequence(MOST)
                    self._to_place = self._to_place or placed == MOST
                    self._to_read = self._to_read or placed is not None
                if self._to_read:
                    self._to_read = False
                    await self._dispatch_new()
                if self._to_tell:
                    told, self._to_tell = self._to_tell, 0
                    await events(self._db.reads).tell(told)
            if self._failing:
                self._failing = False
                log.info("live events flow again")
        except (MicroblogError, CancelledError):
            # The next look, within a second, tries again; nothing is lost, it is in the database.
            self._to_place = self._to_read = True
            if not self._failing:
                self._failing = True
                log.warn("live events wait for the database")
        except Exception:  # noqa: BLE001 - one bad event must not stop the others for good
            self._to_read = True
            self.faults.failed("Subscription events stumbled; the next look tries again.")
        finally:
            self._busy = False

    # ------------------------------------------------------------------------------------------------ what readers ask

    async def check(self, stream: Stream, since: int | None, viewer: Viewer | None) -> None:
        """Raises NotFound for a user, thread or list that the viewer can't see, Gone for a cursor out of reach."""
        name, _, rest = stream.partition(":")
        if name in WITH_ID:
            viewer_id = viewer.id if viewer is not None else None
            async with self._turns:
                there = rest.isdigit() and await live(self._db.reads).exists(name, int(rest), viewer_id)
            if not there:
                raise NotFound(f"There is no such {name}.")
        if since is not None:
            await self.check_cursor(since)

    async def check_cursor(self, cursor: int) -> None:
        async with self._turns:
            last, oldest = await events(self._db.reads).kept()
        if cursor > last:
            raise Gone(
                f"The cursor {cursor} is newer than this site's log, which ends at {last}. "
                "Read the timeline, then subscribe without a cursor."
            )
        # An empty log was pruned, or is about to get its first event: that may have its number before it is visible.
        reach = min(last, self.position) if oldest is None else oldest - 1
        if cursor < reach:
            raise Gone(
                f"The cursor {cursor} is too old. The log starts at {reach}. Read the timeline for older posts."
            )

    async def reached(self, position: int) -> None:
        """Until this process has dispatched all up to there.

        Another process may be ahead of it, and a reader come from there: what it has seen must not be dispatched to it.
        Raises Unavailable when that takes longer than PATIENCE.
        """
        while self.position < position:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            self.look()
            try:
                await waiting.addTimeout(PATIENCE, self._reactor)
            except TookTooLong as error:
                raise Unavailable("Subscription posts are late here. Try again in a moment.") from error

    def _reach(self, position: int) -> None:
        self.position = position
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            self._reactor.callLater(0, each.callback, None)  # after this turn's dispatch

    async def read(self, after: int, up_to: int, most: int) -> tuple[list[Event], int]:
        """Events of the log above ``after``, at most up to ``up_to``, and the cursor after them."""
        async with self._turns:
            found = [row for row in await events(self._db.reads).after(after, most) if row.position <= up_to]
            return await load(self._db, found, self.faults), found[-1].position if found else up_to

    # ------------------------------------------------------------------------------------------------ dispatch

    def _dispatch_own(self) -> None:
        """What was committed here in one turn: at once, if that is all that there is above the position.

        Not while the log is being read: what is read then may have these in it.
        """
        self._own_turn = None
        own, self._own = sorted(self._own, key=lambda event: event.position), []
        last = own[-1].position
        if not self._reading and [event.position for event in own] == [*range(self.position + 1, last + 1)]:
            try:
                self._dispatch(own, last)
            except Exception:  # noqa: BLE001 - as in _run
                self.faults.failed("Subscription events stumbled; the next look tries again.")
        self._to_read = self._to_read or self.position < last
        self._wake()

    async def _dispatch_new(self) -> None:
        self._reading = True
        try:
            await self._read_and_dispatch()
        finally:
            self._reading = False

    async def _read_and_dispatch(self) -> None:
        while True:
            found = await events(self._db.reads).after(self.position, MOST)
            if not found:
                return
            await self._apply_control_event(found)
            if self._index:
                self._dispatch(await load(self._db, found, self.faults), found[-1].position)
            else:  # nobody listens: what it is about need not be read
                self.dispatched += len(found)
                self._reach(found[-1].position)
            if len(found) < MOST:
                return

    def _dispatch(self, loaded: Sequence[Event], position: int) -> None:
        """Hand each feed what belongs to it. In one turn of the reactor: the position and the deliveries agree."""
        self.dispatched += len(loaded)
        touched = self._pending(loaded)
        self._reach(position)
        rendered: dict[tuple[str, int], bytes] = {}
        for feed in touched:
            if feed.heavy:
                feed.heavy = False
                after = feed.pending[0].position - 1
                feed.pending.clear()
                for reader in list(feed.readers):
                    reader.fall_behind(after)
                continue
            batch = Batch(tuple(feed.pending), position, rendered, self.faults)
            feed.pending.clear()
            self.delivered += len(batch.events) * len(feed.readers)
            try:
                feed.hand_out(batch)
            except Exception:  # noqa: BLE001 - the other feeds get theirs; the readers of this one come back
                for reader in list(feed.readers):
                    reader.fail(batch)
