"""Cached relationships of the viewers who read live in this process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from twisted.internet.defer import DeferredSemaphore

from microblog.domain.accounts import Viewer
from microblog.domain.filters import Compiled, within_budget
from microblog.domain.streams import Relationships
from microblog.store.engine.database import Database
from microblog.store.filters import filters
from microblog.store.live import live


class RelationshipCache:
    """The relationships and filters of each connected viewer, read again when an event says that they changed.

    ``turns`` bounds how many readers query the database at the same time.
    """

    def __init__(self, db: Database, turns: DeferredSemaphore) -> None:
        self._db = db
        self._turns = turns
        self._by_viewer: dict[int, Relationships] = {}
        #: the position of the newest change for each connected viewer
        self._changed_at: dict[int, int] = {}

    def __contains__(self, viewer_id: int) -> bool:
        return viewer_id in self._by_viewer

    def get(self, viewer_id: int | None) -> Relationships | None:
        """Return what is cached for a viewer."""
        return None if viewer_id is None else self._by_viewer.get(viewer_id)

    def put(self, relationships: Relationships) -> None:
        """Cache a viewer's relationships."""
        self._by_viewer[relationships.id] = relationships

    def forget(self, viewer_id: int) -> None:
        """Drop a viewer who has no reader left."""
        self._by_viewer.pop(viewer_id, None)
        self._changed_at.pop(viewer_id, None)

    def changed(self, viewer_id: int, position: int) -> None:
        """Note that an event at ``position`` changes a viewer's relationships."""
        self._changed_at[viewer_id] = position

    async def load(self, viewer: Viewer, connected: Iterable[int]) -> Relationships:
        """Return a viewer's relationships, from the cache or the database.

        They are cached if the viewer is among the ``connected`` ones by then. When an event changes them during the
        query, they are read again, because the query may have run before the change.
        """
        while (known := self._by_viewer.get(viewer.id)) is None:
            async with self._turns:
                changed_at = self._changed_at.get(viewer.id)
                known = await self.read(viewer.id)
            if self._changed_at.get(viewer.id) == changed_at:
                if viewer.id in connected:
                    self._by_viewer[viewer.id] = known
                return known
        return known

    async def read(self, viewer_id: int) -> Relationships:
        """Read a viewer's relationships and filters from the database."""
        known: Relationships = await live(self._db.reads).relationships(viewer_id)
        applying = within_budget(await filters(self._db.reads).applying(viewer_id, None))
        return replace(known, filters=tuple(Compiled.of(each) for each in applying)) if applying else known

    async def differing(self, pairs: Iterable[tuple[int, int]]) -> set[int]:
        """Return the viewers, of pairs of a viewer and another account, whose cached relationships are outdated.

        Another account's act seldom changes a viewer's relationships: a new follower does not. So one query compares
        the pairs, in constant work for each, however many relationships the viewers have.
        """
        asked = list(pairs)
        if not asked:
            return set()
        viewers, others = zip(*asked, strict=True)
        outdated = set()
        for viewer_id, other_id, boosts, blocked_by, blocking in await live(self._db.reads).pairs(
            [*viewers], [*others]
        ):
            known = self._by_viewer.get(viewer_id)
            if known is not None and (boosts, blocked_by, blocking) != (
                known.follows.get(other_id),
                other_id in known.blocked_by,
                other_id in known.blocking,
            ):
                outdated.add(viewer_id)
        return outdated
