"""Markers: read and set by programs, the website's own count of unread notifications follows them."""

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
        """Those that were ever set."""
        found: list[Marker] = await markers(self.db.reads).of(viewer.id, [each.value for each in timelines])
        return found

    @retried
    async def set(self, viewer: Viewer, positions: Mapping[MarkedTimeline, int]) -> list[Marker]:
        """Set them, back too; notifications up to theirs count as seen, and stay so."""
        async with self.db.transaction() as tx:
            made = [
                await markers(tx).put(viewer.id, timeline.value, last_read_id)
                for timeline, last_read_id in sorted(positions.items())
            ]
            if (seen := positions.get(MarkedTimeline.NOTIFICATIONS)) is not None:
                await notifications(tx).mark_read(viewer.id, seen, None)
        return made
