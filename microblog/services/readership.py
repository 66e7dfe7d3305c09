"""Who reads live in this process: each with a place in the feed of those who want the same with the same eyes.

How a viewer stands to others is kept here while they read, and read again when an event says that it changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from twisted.internet.defer import CancelledError, DeferredSemaphore
from twisted.logger import Logger

from microblog.domain.accounts import Viewer
from microblog.domain.errors import MicroblogError, Unauthenticated
from microblog.domain.events import Event, Kind
from microblog.domain.streams import Stream, Ties, key, keys
from microblog.services.faults import Faults
from microblog.services.holding import Holdings
from microblog.services.live import CANT_PLACE, Feed, Live
from microblog.services.seats import Seats
from microblog.store.database import Database
from microblog.store.events import Row
from microblog.store.live import live

#: How many readers ask the database at the same time. However many come back at once, as after a restart, pages and
#: posts find a free connection; a herd is served no later by it, since the database has no more processors than that.
TURNS: Final = 4

log = Logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


class Readership:
    """See the module. The notifier is one that knows what to tell them."""

    def __init__(self, db: Database, reactor: Any, now: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._reactor = reactor
        self._now = now
        self.seats = Seats()
        self.faults = Faults(log)
        self._holdings = Holdings(db)
        self._turns = DeferredSemaphore(TURNS)
        self._all: set[Live] = set()
        self._viewers: defaultdict[int, set[Live]] = defaultdict(set)
        self._expiring: dict[Live, Any] = {}  # when the token ends that they came with
        self._feeds: dict[tuple[int | None, frozenset[Stream]], Feed] = {}
        self._index: defaultdict[str, set[Feed]] = defaultdict(set)
        self._ties: dict[int, Ties] = {}
        self._changed: dict[int, int] = {}  # the position of the newest event that said so, of who reads here

    @property
    def readers(self) -> int:
        """Live readers of this process."""
        return len(self._all)

    def remember(self, reader: Live) -> None:
        self._all.add(reader)
        if reader.viewer is not None:
            self._viewers[reader.viewer.id].add(reader)
            if reader.viewer.until is not None:
                left = (reader.viewer.until - self._now()).total_seconds()
                self._expiring[reader] = self._reactor.callLater(max(left, 0.0), self._expired, reader)

    async def confirm(self, reader: Live) -> None:
        """Raise Unauthenticated, and end the reader, where the session or token that it came with has ended.

        To be asked after `remember`: what ends after this is an event, which finds the reader.
        """
        if reader.viewer is None:
            return
        try:
            await self._holdings.check(reader.viewer)
        except Unauthenticated:
            reader.reader.end("revoked")
            raise

    def _expired(self, reader: Live) -> None:
        """The token that a reader came with has had its time: nobody revokes it, and it is void all the same."""
        del self._expiring[reader]
        reader.reader.end("revoked")

    def forget(self, reader: Live) -> None:
        self._all.discard(reader)
        if (expiring := self._expiring.pop(reader, None)) is not None:
            expiring.cancel()
        if reader.viewer is not None:
            same = self._viewers.get(reader.viewer.id)
            if same is not None:
                same.discard(reader)
                if not same:
                    del self._viewers[reader.viewer.id]
                    self._ties.pop(reader.viewer.id, None)
                    self._changed.pop(reader.viewer.id, None)

    def attach(self, reader: Live, ties: Ties | None = None) -> None:
        """Give a reader that has caught up a place in the feed of its kind."""
        viewer_id = reader.viewer.id if reader.viewer is not None else None
        name = (viewer_id, reader.streams)
        feed = self._feeds.get(name)
        if feed is None:
            if ties is None and viewer_id is not None:
                ties = self._ties.get(viewer_id)
            feed = self._feeds[name] = Feed(reader.streams, ties)
            for stream in feed.streams:
                self._index[key(stream, viewer_id)].add(feed)
        feed.readers.add(reader)
        feed.changed()
        reader.feed = feed

    def detach(self, reader: Live) -> None:
        feed = reader.feed
        if feed is None:
            return
        reader.feed = None
        feed.readers.discard(reader)
        feed.changed()
        if feed.readers:
            return
        viewer_id = reader.viewer.id if reader.viewer is not None else None
        self._feeds.pop((viewer_id, feed.streams), None)
        for stream in feed.streams:
            name = key(stream, viewer_id)
            self._index[name].discard(feed)
            if not self._index[name]:
                del self._index[name]

    async def closing(self) -> None:
        """Tell all readers that this process ends."""
        for each in list(self._all):
            each.reader.end("closing")

    async def ties(self, viewer: Viewer | None) -> Ties | None:
        """How the viewer stands to others, kept while they have a reader here."""
        if viewer is None:
            return None
        while (known := self._ties.get(viewer.id)) is None:
            async with self._turns:
                changed = self._changed.get(viewer.id)
                known = await live(self._db.reads).ties(viewer.id)
            if self._changed.get(viewer.id) == changed:  # else these may be from before a block
                if viewer.id in self._viewers:
                    self._ties[viewer.id] = known
                return known
        return known

    def stale(self, ties: Ties | None) -> bool:
        return ties is not None and self._ties.get(ties.id) is not ties

    def _pending(self, happened: Iterable[Event]) -> Iterable[Feed]:
        """Add each event to what is pending of the feeds that want it, and return those feeds."""
        touched: dict[Feed, None] = {}
        for event in happened:
            for feed in self._candidates(event):
                try:
                    wanted = feed.wants(event)
                except Exception:  # noqa: BLE001 - it is this event in this feed; all others go on
                    self.faults.failed(CANT_PLACE)
                    continue
                if wanted:
                    feed.pending.append(event)
                    touched[feed] = None
        return touched

    def _candidates(self, event: Event) -> Iterable[Feed]:
        """Return the feeds that may want an event, each once."""
        try:
            return dict.fromkeys(feed for name in keys(event) for feed in self._index.get(name, ()))
        except Exception:  # noqa: BLE001 - as in _pending
            self.faults.failed(CANT_PLACE)
            return ()

    async def _heed(self, found: list[Row]) -> None:
        """What the events mean to this process itself: ties to read again, readers to end."""
        changed: set[int] = set()
        for row in found:
            if row.kind == Kind.RELATION:
                for each in (row.account_id, row.recipient_id):
                    if each is not None and each in self._viewers:
                        self._changed[each] = row.position
                        if each in self._ties:
                            changed.add(each)
            elif row.kind == Kind.REVOKED and isinstance(row.detail, dict):
                self._revoke(row.detail)
        for account_id in changed:
            try:
                fresh = await live(self._db.reads).ties(account_id)
            except (MicroblogError, CancelledError):
                raise
            except Exception:  # noqa: BLE001 - nobody else waits for it
                self.faults.failed("How a viewer stands to others can't be read; their live streams end.")
                for reader in list(self._viewers.get(account_id, ())):
                    reader.reader.end("error")
                continue
            if account_id in self._ties:
                self._ties[account_id] = fresh
                for reader in self._viewers.get(account_id, ()):
                    if reader.feed is not None:
                        reader.feed.ties = fresh

    def _revoke(self, detail: dict[str, Any]) -> None:
        if "account" in detail:
            for reader in list(self._viewers.get(detail["account"], ())):
                reader.reader.end("suspended")
            return
        token, session = detail.get("token"), detail.get("session")
        for reader in list(self._all):
            viewer = reader.viewer
            if viewer is not None and (
                (token is not None and viewer.token_id == token)
                or (session is not None and viewer.session_id == session)
            ):
                reader.reader.end("revoked")
