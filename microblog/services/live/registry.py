"""Who reads live in this process: each with a place in the feed of those who want the same with the same eyes.

How a viewer stands to others is kept here while they read, and read again when an event says that it changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from twisted.internet.defer import CancelledError, DeferredSemaphore
from twisted.logger import Logger

from microblog.domain.accounts import Viewer
from microblog.domain.errors import MicroblogError, Unauthenticated
from microblog.domain.events import Event, Kind
from microblog.domain.filters import Compiled, within_budget
from microblog.domain.streams import HOME, Relationships, Stream, key, keys
from microblog.services.filtering import Texts, is_heavy, judged, judged_in_time
from microblog.services.holding import Holdings
from microblog.services.live.connection_limit import ConnectionLimit
from microblog.services.live.faults import Faults
from microblog.services.live.followed import Followed
from microblog.services.live.subscription import CANT_PLACE, SubscriberGroup, Subscription
from microblog.store.engine.database import Database
from microblog.store.events import Row
from microblog.store.filters import filters
from microblog.store.live import live

#: How many readers ask the database at the same time. However many come back at once, as after a restart, pages and
#: posts find a free connection; a herd is served no later by it, since the database has no more processors than that.
TURNS: Final = 4

log = Logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


class SubscriberRegistry:
    """See the module. The dispatcher is one that knows what to tell them."""

    def __init__(self, db: Database, reactor: Any, now: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._reactor = reactor
        self._now = now
        self.connection_limit = ConnectionLimit()
        self.faults = Faults(log)
        self._holdings = Holdings(db)
        self._turns = DeferredSemaphore(TURNS)
        self._all: set[Subscription] = set()
        self._viewers: defaultdict[int, set[Subscription]] = defaultdict(set)
        self._by_credential: defaultdict[tuple[str, int], set[Subscription]] = defaultdict(set)
        self._followed = Followed()
        self._expiring: dict[Subscription, Any] = {}  # when the token ends that they came with
        self._feeds: dict[tuple[int | None, frozenset[Stream]], SubscriberGroup] = {}
        self._index: defaultdict[str, set[SubscriberGroup]] = defaultdict(set)
        self._ties: dict[int, Relationships] = {}
        self._changed: dict[int, int] = {}  # the position of the newest event that said so, of who reads here

    @property
    def readers(self) -> int:
        """Subscription readers of this process."""
        return len(self._all)

    def remember(self, reader: Subscription) -> None:
        self._all.add(reader)
        if reader.viewer is not None:
            self._viewers[reader.viewer.id].add(reader)
            for credential in _credentials(reader.viewer):
                self._by_credential[credential].add(reader)
            if reader.viewer.until is not None:
                left = (reader.viewer.until - self._now()).total_seconds()
                self._expiring[reader] = self._reactor.callLater(max(left, 0.0), self._expired, reader)

    async def confirm(self, reader: Subscription) -> None:
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

    def _expired(self, reader: Subscription) -> None:
        """The token that a reader came with has had its time: nobody revokes it, and it is void all the same."""
        del self._expiring[reader]
        reader.reader.end("revoked")

    def forget(self, reader: Subscription) -> None:
        self._all.discard(reader)
        if (expiring := self._expiring.pop(reader, None)) is not None:
            expiring.cancel()
        if reader.viewer is not None:
            for credential in _credentials(reader.viewer):
                if (held := self._by_credential.get(credential)) is not None:
                    held.discard(reader)
                    if not held:
                        del self._by_credential[credential]
            same = self._viewers.get(reader.viewer.id)
            if same is not None:
                same.discard(reader)
                if not same:
                    del self._viewers[reader.viewer.id]
                    self._ties.pop(reader.viewer.id, None)
                    self._changed.pop(reader.viewer.id, None)

    def attach(self, reader: Subscription, relationships: Relationships | None = None) -> None:
        """Give a reader that has caught up a place in the feed of its kind."""
        viewer_id = reader.viewer.id if reader.viewer is not None else None
        name = (viewer_id, reader.streams)
        feed = self._feeds.get(name)
        if feed is None:
            if relationships is None and viewer_id is not None:
                relationships = self._ties.get(viewer_id)
            feed = self._feeds[name] = SubscriberGroup(reader.streams, relationships)
            for stream in feed.streams:
                self._index[_name(stream, viewer_id)].add(feed)
                if relationships is not None and _name(stream, viewer_id) == _home(relationships.id):
                    self._followed.put(relationships)
        feed.readers.add(reader)
        feed.changed()
        reader.feed = feed

    def detach(self, reader: Subscription) -> None:
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
            name = _name(stream, viewer_id)
            self._index[name].discard(feed)
            if not self._index[name]:
                del self._index[name]
                if viewer_id is not None and name == _home(viewer_id):
                    self._followed.drop(viewer_id)

    async def closing(self) -> None:
        """Tell all readers that this process ends."""
        for each in list(self._all):
            each.reader.end("closing")

    async def relationships(self, viewer: Viewer | None) -> Relationships | None:
        """How the viewer stands to others, kept while they have a reader here."""
        if viewer is None:
            return None
        while (known := self._ties.get(viewer.id)) is None:
            async with self._turns:
                changed = self._changed.get(viewer.id)
                known = await self._read_ties(viewer.id)
            if self._changed.get(viewer.id) == changed:  # else these may be from before a block
                if viewer.id in self._viewers:
                    self._ties[viewer.id] = known
                return known
        return known

    async def judged(
        self, events: tuple[Event, ...], relationships: Relationships | None, streams: frozenset[Stream]
    ) -> tuple[Event, ...]:
        """Return events with what the viewer's filters say of them."""
        return await judged_in_time(self._reactor, events, relationships, streams)

    async def _read_ties(self, viewer_id: int) -> Relationships:
        known: Relationships = await live(self._db.reads).relationships(viewer_id)
        found = within_budget(await filters(self._db.reads).applying(viewer_id, None))
        return replace(known, filters=tuple(Compiled.of(each) for each in found)) if found else known

    def stale(self, relationships: Relationships | None) -> bool:
        return relationships is not None and self._ties.get(relationships.id) is not relationships

    def _pending(self, happened: Iterable[Event]) -> Iterable[SubscriberGroup]:
        """Add each event to what is pending of the feeds that want it, and return those feeds."""
        touched: dict[SubscriberGroup, None] = {}
        texts: Texts = {}
        for event in happened:
            for feed in self._candidates(event):
                try:
                    wanted = feed.wants(event)
                    if wanted:
                        feed.heavy = feed.heavy or is_heavy(event, feed.relationships)
                        feed.pending.append(
                            event if feed.heavy else judged(event, feed.relationships, feed.streams, texts)
                        )
                except Exception:  # noqa: BLE001 - it is this event in this feed; all others go on
                    self.faults.failed(CANT_PLACE)
                    continue
                if wanted:
                    touched[feed] = None
        return touched

    def _candidates(self, event: Event) -> Iterable[SubscriberGroup]:
        """Return the feeds that may want an event, each once."""
        try:
            found: dict[SubscriberGroup, None] = {}
            for name in keys(event):
                if name == HOME:
                    for viewer_id in self._followed.viewers(event):
                        found.update(dict.fromkeys(self._index.get(_home(viewer_id), ())))
                else:
                    found.update(dict.fromkeys(self._index.get(name, ())))
            return found
        except Exception:  # noqa: BLE001 - as in _pending
            self.faults.failed(CANT_PLACE)
            return ()

    async def _apply_control_event(self, found: list[Row]) -> None:
        """What the events mean to this process itself: relationships to read again, readers to end.

        An act of another account changes a viewer's relationships seldom: that somebody follows the viewer does
        not. So the one
        pair is looked at first, however many relations the viewer has.
        """
        changed: set[int] = set()
        concerned: dict[tuple[int, int], None] = {}
        for row in found:
            if row.kind == Kind.RELATION:
                for each, other in ((row.account_id, None), (row.recipient_id, row.account_id)):
                    if each is not None and each in self._viewers:
                        self._changed[each] = row.position
                        if each in self._ties:
                            if other is None:
                                changed.add(each)
                            else:
                                concerned[each, other] = None
            elif row.kind == Kind.REVOKED and isinstance(row.detail, dict):
                self._revoke(row.detail)
        pairs = [pair for pair in concerned if pair[0] not in changed]
        if pairs:
            accounts, others = zip(*pairs, strict=True)
            for pair in await live(self._db.reads).pairs([*accounts], [*others]):
                relationships = self._ties.get(pair[0])
                if relationships is not None and _differ(relationships, pair):
                    changed.add(pair[0])
        for account_id in changed:
            try:
                fresh = await self._read_ties(account_id)
            except (MicroblogError, CancelledError):
                raise
            except Exception:  # noqa: BLE001 - nobody else waits for it
                self.faults.failed("How a viewer stands to others can't be read; their live streams end.")
                for reader in list(self._viewers.get(account_id, ())):
                    reader.reader.end("error")
                continue
            if account_id in self._ties:
                self._ties[account_id] = fresh
                if account_id in self._followed:
                    self._followed.put(fresh)
                for reader in self._viewers.get(account_id, ()):
                    if reader.feed is not None:
                        reader.feed.relationships = fresh

    def _revoke(self, detail: dict[str, Any]) -> None:
        if "account" in detail:
            for reader in list(self._viewers.get(detail["account"], ())):
                reader.reader.end("suspended")
            return
        for name in _CREDENTIALS:
            if name in detail:
                for reader in list(self._by_credential.get((name, detail[name]), ())):
                    reader.reader.end("revoked")


_CREDENTIALS: Final = ("token", "session")


def _credentials(viewer: Viewer) -> Iterable[tuple[str, int]]:
    """Return what a viewer came with, as an event of its revocation names it."""
    held = zip(_CREDENTIALS, (viewer.token_id, viewer.session_id), strict=True)
    return [(name, each) for name, each in held if each is not None]


def _home(viewer_id: int) -> str:
    return f"{HOME}@{viewer_id}"


def _name(stream: Stream, viewer_id: int | None) -> str:
    """Return under which name a subscription is in the index. Home and lists are found through `Followed`."""
    name = key(stream, viewer_id)
    return name if name != HOME or viewer_id is None else _home(viewer_id)


def _differ(relationships: Relationships, pair: tuple[int, int, bool | None, bool, bool]) -> bool:
    """Return whether a viewer stands to one account in another way than its relationships say: see
    `LiveQueries.pairs`.
    """
    _, other_id, boosts, blocked_by, blocking = pair
    known = (
        relationships.follows.get(other_id),
        other_id in relationships.blocked_by,
        other_id in relationships.blocking,
    )
    return known != (boosts, blocked_by, blocking)
