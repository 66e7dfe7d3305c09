"""Markers: read positions of timelines, which clients save. Unread notifications follow them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from microblog.domain.accounts import Viewer
from microblog.domain.markers import MarkedTimeline, Marker
from microblog.store.engine.database import Database
from microblog.store.locks import retried
from microblog.store.markers import markers
from microblog.store.notifications import notifications


class Markers:
    def __init__(self, *, db: Database) -> None:
        self.db = db

    async def of(self, viewer: Viewer, timelines: Iterable[MarkedTimeline]) -> list[Marker]:
        """Return the viewer's markers of these timelines, without those that were never set."""
        found: list[Marker] = await markers(self.db.reads).of(viewer.id, [each.value for each in timelines])
        return found

    @retried
    async def set(self, viewer: Viewer, positions: Mapping[MarkedTimeline, int]) -> list[Marker]:
        """Set markers, also to earlier positions. Notifications up to theirs become read, and stay read."""
        async with self.db.transaction() as tx:
            made = [
                await markers(tx).put(viewer.id, timeline.value, last_read_id)
                for timeline, last_read_id in sorted(positions.items())
            ]
            if (seen := positions.get(MarkedTimeline.NOTIFICATIONS)) is not None:
                await notifications(tx).mark_read(viewer.id, seen, None)
        return made
