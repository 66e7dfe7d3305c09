"""Markers in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from dbxs import query

from microblog.domain.markers import MarkedTimeline, Marker
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import row, rows


def _marker(timeline: str, last_read_id: int, version: int, updated_at: datetime) -> Marker:
    return Marker(MarkedTimeline(timeline), last_read_id, version, updated_at)


class MarkerQueries(Protocol):
    @query(
        sql="SELECT timeline, last_read_id, version, updated_at FROM markers "
        "WHERE account_id = {account_id} AND timeline = ANY({timelines}::text[]) ORDER BY timeline",
        load=rows(_marker),
    )
    async def of(self, account_id: int, timelines: Sequence[str]) -> list[Marker]: ...

    @query(
        sql="INSERT INTO markers AS m (account_id, timeline, last_read_id) "
        "VALUES ({account_id}, {timeline}, {last_read_id}) "
        "ON CONFLICT (account_id, timeline) DO UPDATE SET last_read_id = excluded.last_read_id, "
        "version = m.version + 1, updated_at = clock_timestamp() "
        "RETURNING timeline, last_read_id, version, updated_at",
        load=row(_marker),
    )
    async def put(self, account_id: int, timeline: str, last_read_id: int) -> Marker: ...


markers = accessor(MarkerQueries)
