"""The live subscribers of this process, grouped by viewer and streams so that each group is filtered once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from twisted.internet.defer import CancelledError, DeferredSemaphore

from microblog.domain.accounts import Viewer
from microblog.domain.errors import MicroblogError, Unauthenticated
from microblog.domain.events import Event, Kind
from microblog.domain.streams import HOME, Relationships, Stream, key, keys
from microblog.services.filtering import Texts, is_heavy, judged, judged_in_time
from microblog.services.holding import Holdings
from microblog.services.live.faults import Faults
from microblog.services.live.followed import Followed
from microblog.services.live.groups import Subscriber, SubscriberGroup
from microblog.services.live.relationship_cache import RelationshipCache
from microblog.store.engine.database import Database
from microblog.store.events import Row

UNDECIDED: Final = "Whether an event belongs on a stream can't be decided; the event is left out there."

_CREDENTIALS: Final = ("token", "session")


def utc_now() -> datetime:
    return datetime.now(UTC)


class SubscriberRegistry:
    """Finds subscribers by viewer and credential, and groups by stream and by followed author.

    ``turns`` bounds how many readers query the database at the same time.
    """

    def __init__(
        self,
        db: Database,
        reactor: Any,
        turns: DeferredSemaphore,
        faults: Faults,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.faults = faults
        self.subscribers: set[Subscriber] = set()
        self.by_viewer: defaultdict[int, set[Subscriber]] = defaultdict(set)
        self.by_credential: defaultdict[tuple[str, int], set[Subscriber]] = defaultdict(set)
        self._reactor = reactor
        self._now = now
        self._holdings = Holdings(db)
        self._relationships = RelationshipCache(db, turns)
        self._expiries: dict[Subscriber, Any] = {}  # delayed calls at the end of the viewers' tokens
        self._groups: dict[tuple[int | None, frozenset[Stream]], SubscriberGroup] = {}
        self._by_stream: defaultdict[str, set[SubscriberGroup]] = defaultdict(set)
        self._followed = Followed()

    @property
    def empty(self) -> bool:
        """Whether no group wants events."""
        return not self._groups

    # ------------------------------------------------------------------------------------------- subscribers

    def add(self, subscriber: Subscriber) -> None:
        """Register a connection, so that a revocation finds it."""
        self.subscribers.add(subscriber)
        viewer = subscriber.viewer
        if viewer is None:
            return
        self.by_viewer[viewer.id].add(subscriber)
        for credential in _credentials(viewer):
            self.by_credential[credential].add(subscriber)
        if viewer.until is not None:
            seconds = (viewer.until - self._now()).total_seconds()
            self._expiries[subscriber] = self._reactor.callLater(max(seconds, 0.0), self._expire, subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Forget a connection."""
        self.subscribers.discard(subscriber)
        if (expiry := self._expiries.pop(subscriber, None)) is not None:
            expiry.cancel()
        if (viewer := subscriber.viewer) is None:
            return
        for credential in _credentials(viewer):
            _discard(self.by_credential, credential, subscriber)
        if _discard(self.by_viewer, viewer.id, subscriber):
            self._relationships.forget(viewer.id)

    async def confirm(self, subscriber: Subscriber) -> None:
        """Raise Unauthenticated, and end the reader, when its session or token has ended.

        Call this after `add`: a later revocation is an event, which finds the subscriber.
        """
        if subscriber.viewer is None:
            return
        try:
            await self._holdings.check(subscriber.viewer)
        except Unauthenticated:
            subscriber.reader.end("revoked")
            raise

    def _expire(self, subscriber: Subscriber) -> None:
        """End a reader whose token has expired. No event says so."""
        del self._expiries[subscriber]
        subscriber.reader.end("revoked")

    # ------------------------------------------------------------------------------------------- groups

    def attach(self, subscriber: Subscriber, relationships: Relationships | None = None) -> None:
        """Put a subscriber that has caught up into its group."""
        viewer_id = subscriber.viewer.id if subscriber.viewer is not None else None
        name = (viewer_id, subscriber.streams)
        group = self._groups.get(name)
        if group is None:
            relationships = relationships or self._relationships.get(viewer_id)
            group = self._groups[name] = SubscriberGroup(subscriber.streams, relationships)
            for stream in group.streams:
                indexed = _index_key(stream, viewer_id)
                self._by_stream[indexed].add(group)
                if relationships is not None and indexed == _home(relationships.id):
                    self._followed.put(relationships)
        group.subscribers.add(subscriber)
        subscriber.group = group

    def detach(self, subscriber: Subscriber) -> None:
        """Take a subscriber out of its group, and drop the group when it was the last."""
        group, subscriber.group = subscriber.group, None
        if group is None:
            return
        group.subscribers.discard(subscriber)
        if group.subscribers:
            return
        viewer_id = subscriber.viewer.id if subscriber.viewer is not None else None
        self._groups.pop((viewer_id, group.streams), None)
        for stream in group.streams:
            indexed = _index_key(stream, viewer_id)
            unused = _discard(self._by_stream, indexed, group)
            if unused and viewer_id is not None and indexed == _home(viewer_id):
                self._followed.drop(viewer_id)

    def queue(self, events: Iterable[Event]) -> Iterable[SubscriberGroup]:
        """Add each event to the pending events of the groups that want it, and return those groups."""
        groups: dict[SubscriberGroup, None] = {}
        texts: Texts = {}
        for event in events:
            for group in self._candidates(event):
                try:
                    if not group.wants(event):
                        continue
                    group.from_log = group.from_log or is_heavy(event, group.relationships)
                    group.pending.append(
                        event if group.from_log else judged(event, group.relationships, group.streams, texts)
                    )
                    groups[group] = None
                except Exception:  # noqa: BLE001 - the fault is in this event for this group alone
                    self.faults.failed(UNDECIDED)
        return groups

    def _candidates(self, event: Event) -> Iterable[SubscriberGroup]:
        """Return the groups that may want an event, each once."""
        try:
            groups: dict[SubscriberGroup, None] = {}
            for name in keys(event):
                if name == HOME:
                    for viewer_id in self._followed.viewers(event):
                        groups.update(dict.fromkeys(self._by_stream.get(_home(viewer_id), ())))
                else:
                    groups.update(dict.fromkeys(self._by_stream.get(name, ())))
            return groups
        except Exception:  # noqa: BLE001 - the fault is in this event alone
            self.faults.failed(UNDECIDED)
            return ()

    # ------------------------------------------------------------------------------------------- relationships

    async def relationships(self, viewer: Viewer | None) -> Relationships | None:
        """Return a viewer's relationships, cached while the viewer has a reader here."""
        return None if viewer is None else await self._relationships.load(viewer, self.by_viewer)

    def is_stale(self, relationships: Relationships | None) -> bool:
        """Return whether newer relationships of the viewer are cached."""
        return relationships is not None and self._relationships.get(relationships.id) is not relationships

    async def filtered(
        self, events: tuple[Event, ...], relationships: Relationships | None, streams: frozenset[Stream]
    ) -> tuple[Event, ...]:
        """Return events with the results of the viewer's filters."""
        return await judged_in_time(self._reactor, events, relationships, streams)

    async def apply_control_events(self, rows: Iterable[Row]) -> None:
        """Apply the events that concern this process: read changed relationships, end revoked readers."""
        changed: set[int] = set()
        to_compare: dict[tuple[int, int], None] = {}
        for row in rows:
            if row.kind == Kind.RELATION:
                for viewer_id, other_id in ((row.account_id, None), (row.recipient_id, row.account_id)):
                    if viewer_id is None or viewer_id not in self.by_viewer:
                        continue
                    self._relationships.changed(viewer_id, row.position)
                    if viewer_id in self._relationships:
                        if other_id is None:
                            changed.add(viewer_id)
                        else:
                            to_compare[viewer_id, other_id] = None
            elif row.kind == Kind.REVOKED:
                self._revoke(row.account_id, row.detail)
        changed |= await self._relationships.differing(pair for pair in to_compare if pair[0] not in changed)
        for viewer_id in changed:
            await self._refresh(viewer_id)

    async def _refresh(self, viewer_id: int) -> None:
        """Read a viewer's relationships again, for all of the viewer's groups."""
        try:
            fresh = await self._relationships.read(viewer_id)
        except (MicroblogError, CancelledError):
            raise
        except Exception:  # noqa: BLE001 - the fault concerns this viewer alone
            self.faults.failed("How a viewer stands to others can't be read; their live streams end.")
            for subscriber in list(self.by_viewer.get(viewer_id, ())):
                subscriber.reader.end("error")
            return
        if viewer_id not in self._relationships:  # the last reader has gone meanwhile
            return
        self._relationships.put(fresh)
        if viewer_id in self._followed:
            self._followed.put(fresh)
        for subscriber in self.by_viewer.get(viewer_id, ()):
            if subscriber.group is not None:
                subscriber.group.relationships = fresh

    def _revoke(self, account_id: int | None, detail: object) -> None:
        """End the readers of a suspended account, or of a session or token that has ended.

        A newer release may name what has ended in a form that this one can't read. It may be any credential of the
        account, so all readers of the account end. They can come back with a credential that is still valid.
        """
        named = (
            {name: each for name, each in detail.items() if isinstance(each, int)}
            if isinstance(detail, dict)
            else {}
        )
        if "account" in named:
            for subscriber in list(self.by_viewer.get(named["account"], ())):
                subscriber.reader.end("suspended")
            return
        ended = [(name, named[name]) for name in _CREDENTIALS if name in named]
        for credential in ended:
            for subscriber in list(self.by_credential.get(credential, ())):
                subscriber.reader.end("revoked")
        if not ended and account_id is not None:
            for subscriber in list(self.by_viewer.get(account_id, ())):
                subscriber.reader.end("revoked")


def _credentials(viewer: Viewer) -> Iterable[tuple[str, int]]:
    """Return a viewer's token and session, as an event of their revocation names them."""
    held = zip(_CREDENTIALS, (viewer.token_id, viewer.session_id), strict=True)
    return [(name, each) for name, each in held if each is not None]


def _home(viewer_id: int) -> str:
    return f"{HOME}@{viewer_id}"


def _index_key(stream: Stream, viewer_id: int | None) -> str:
    """Return the index key of a subscription. `Followed` finds those of home and of lists, by viewer."""
    name = key(stream, viewer_id)
    return name if name != HOME or viewer_id is None else _home(viewer_id)


def _discard(index: defaultdict[Any, set[Any]], name: Any, member: Any) -> bool:
    """Take a member out of an index; return whether its entry is empty now, and gone."""
    members = index.get(name)
    if members is None:
        return False
    members.discard(member)
    if members:
        return False
    del index[name]
    return True
