"""Daily statistics: counted once, when the day is over, and stored.

A day is a calendar day of the site's time zone, from its midnight to the next one, however many hours that is.  It is
over by the database's clock, which all processes share, so a wrong clock of a process changes nothing. The row of
``statistic_days`` makes it happen once: the process that inserts it counts the day in the same transaction. Missed days
are counted later, back to the first post. Days that were counted too early, by a clock that ran ahead, are counted
again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from microblog.store.engine.database import Database
from microblog.store.statistics import MEASURES, TagUse, statistics

__all__ = ["MEASURES", "Day", "Statistics", "Summary", "TagUse", "day_of", "start_of"]

TOP_TAGS: Final = 10
#: Counting begins this long after midnight, so that transactions of the day before have been committed.
GRACE: Final = timedelta(minutes=2)
TODAY_IS_KEPT: Final = 10.0  #: seconds that the running figures of today are not counted again
DAYS_AT_A_TIME: Final = 100


@dataclass(frozen=True, slots=True)
class Day:
    """The figures of one day, by :data:`MEASURES`."""

    day: date
    values: Mapping[str, int]
    complete: bool = True  #: False for today, and for a day that is not counted yet


@dataclass(frozen=True, slots=True)
class Summary:
    """Consecutive days, oldest first, today the last; and the tags that most people used on them."""

    days: Sequence[Day]
    tags: Sequence[TagUse]
    time_zone: str

    @property
    def today(self) -> Day:
        return self.days[-1]

    def series(self, measure: str) -> list[int]:
        return [day.values[measure] for day in self.days]

    def total(self, measure: str) -> int:
        return sum(self.series(measure))


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment at which ``day`` begins, in UTC.

    Where a clock change skips midnight it is the moment of the change, and where midnight comes twice the first one: so
    days follow each other without gap or overlap, in any zone.
    """
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """Return the day of a moment: the last day that had begun."""
    day = moment.astimezone(zone).date()
    # A clock set back over midnight shows yesterday's date again; the new day has begun all the same.
    return day + timedelta(days=1) if start_of(day + timedelta(days=1), zone) <= moment else day


class Statistics:
    """Daily figures of the site, in the time zone ``zone``. ``seconds`` is a monotonic clock."""

    def __init__(self, db: Database, zone: ZoneInfo, seconds: Callable[[], float]) -> None:
        self._db = db
        self._zone = zone
        self._seconds = seconds
        self._today: tuple[date, dict[str, int], float] | None = None

    async def summary(self, days: int) -> Summary:
        """Return the last ``days`` days, including today; days without figures are zero."""
        now, _ = await statistics(self._db.reads).moments()
        today = day_of(now, self._zone)
        first = today - timedelta(days=days - 1)
        found: dict[date, dict[str, int]] = {}
        for day, measure, value in await statistics(self._db.reads).stored(first, today):
            found.setdefault(day, {})[measure] = value
        tags = await statistics(self._db.reads).stored_tags(first, today, TOP_TAGS)
        zeros = dict.fromkeys(MEASURES, 0)
        listed = [first + timedelta(days=offset) for offset in range(days - 1)]
        past = [Day(day, zeros | found.get(day, {}), complete=day in found) for day in listed]
        return Summary([*past, Day(today, await self._running(today), complete=False)], tags, self._zone.key)

    async def compute_missing(self, most: int = DAYS_AT_A_TIME) -> int:
        """Count the days that are over and have no figures yet, at most ``most``, the latest first.

        Returns how many it counted.
        """
        counted = 0
        for day in (await self._missing())[:most]:
            counted += await self._compute(day)
        return counted

    async def sample_readers(self, process: str, readers: int) -> None:
        """Record how many live readers this process has. The statistics show the peak of the sum over processes."""
        if readers > 0:
            async with self._db.transaction() as tx:
                await statistics(tx).sample(process, readers)

    async def _running(self, today: date) -> dict[str, int]:
        kept = self._today
        if kept is not None and kept[0] == today and self._seconds() - kept[2] < TODAY_IS_KEPT:
            return kept[1]
        counts = await self._count(self._db.reads, today)
        self._today = (today, counts, self._seconds())
        return counts

    async def _missing(self) -> list[date]:
        now, began = await statistics(self._db.reads).moments()
        if began is None:
            return []
        first = day_of(began, self._zone)
        open_day = day_of(now - GRACE, self._zone)  # the first that may not be counted yet
        computed = set(await statistics(self._db.reads).computed(first))
        if any(day >= open_day for day in computed):
            async with self._db.transaction() as tx:
                await statistics(tx).forget_from(open_day)
        over = (open_day - first).days
        days = (open_day - timedelta(days=ago) for ago in range(1, over + 1))
        return [day for day in days if day not in computed]

    async def _compute(self, day: date) -> bool:
        async with self._db.transaction() as tx:
            await statistics(tx).lock()
            if await statistics(tx).begin(day, self._zone.key) is None:
                return False
            counts = await self._count(tx, day)
            tags: list[TagUse] = await statistics(tx).tags(*self._bounds(day), TOP_TAGS)
            await statistics(tx).store(day, list(counts), list(counts.values()))
            await statistics(tx).store_tags(
                day,
                [each.tag for each in tags],
                [each.people for each in tags],
                [each.posts for each in tags],
            )
        return True

    async def _count(self, session: Any, day: date) -> dict[str, int]:
        counts: dict[str, int] = await statistics(session).counts(*self._bounds(day))
        return counts

    def _bounds(self, day: date) -> tuple[datetime, datetime]:
        return start_of(day, self._zone), start_of(day + timedelta(days=1), self._zone)
