"""Metrics from the database: jobs by state, and the progress of the event log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from dbxs import query

from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import row

#: In the order of the query's columns: due, due later, taken by a worker, given up.
JOB_STATES: Final = ("due", "waiting", "running", "parked")


@dataclass(frozen=True, slots=True)
class SiteMetrics:
    """The metrics at one moment."""

    jobs: Mapping[str, int]  #: by :data:`JOB_STATES`
    unplaced: int  #: events in the outbox that have no position yet, at most :data:`MOST_COUNTED`
    behind: int  #: events in the log that this process has not dispatched
    behind_seconds: float  #: age of the oldest of these in the log


#: A site with more jobs in one state than this has a problem that does not need an exact number.
MOST_COUNTED: Final = 100_000


def _site_metrics(*columns: Any) -> SiteMetrics:
    *jobs, unplaced, behind, seconds = columns
    return SiteMetrics(
        dict(zip(JOB_STATES, map(int, jobs), strict=True)), int(unplaced), int(behind), float(seconds)
    )


def _count(table: str, condition: str) -> str:
    return f"(SELECT count(*) FROM (SELECT FROM {table} WHERE {condition} LIMIT {MOST_COUNTED}) found)"


_HELD = "lease IS NOT NULL AND leased_until >= clock_timestamp()"


_SQL = f"""
SELECT
    {_count("jobs", f"parked_at IS NULL AND run_at <= clock_timestamp() AND ({_HELD}) IS NOT TRUE")},
    {_count("jobs", f"parked_at IS NULL AND run_at > clock_timestamp() AND ({_HELD}) IS NOT TRUE")},
    {_count("jobs", f"parked_at IS NULL AND {_HELD}")},
    {_count("jobs", "parked_at IS NOT NULL")},
    {_count("outbox", "true")},
    {_count("events", "position > {position}")},
    coalesce(extract(epoch FROM clock_timestamp() - (
        SELECT at FROM events WHERE position > {{position}} ORDER BY position LIMIT 1)), 0)
"""


class SiteMetricQueries(Protocol):
    @query(
        sql=_SQL,
        load=row(_site_metrics),
    )
    async def take(self, position: int) -> SiteMetrics:
        """Return the metrics. ``position`` is that of the newest event that this process has dispatched."""


site_metrics = accessor(SiteMetricQueries)
