"""The statistics of a day, and the stored statistics of past days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Protocol

from dbxs import query, statement

from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import row, rows, scalar


@dataclass(frozen=True, slots=True)
class TagUse:
    """A hashtag with the numbers of accounts and public posts that used it."""

    tag: str
    people: int
    posts: int


def _kept(day: date, measure: str, value: int) -> tuple[date, str, int]:
    return day, measure, value


def _moments(now: datetime, first: datetime | None) -> tuple[datetime, datetime | None]:
    return now, first


# One statement counts everything in one snapshot, so that the numbers agree. Only local accounts count.
_COUNTS: Final = """
    WITH written AS (
        SELECT p.author_id, p.boost_of_id, p.reply_to_account_id FROM posts p JOIN accounts a ON a.id = p.author_id
        WHERE p.created_at >= {start} AND p.created_at < {end} AND a.domain IS NULL),
    liked AS (
        SELECT f.account_id FROM favourites f JOIN accounts a ON a.id = f.account_id
        WHERE f.id >= floor(extract(epoch FROM {start}::timestamptz) * 1000)::bigint << 16
            AND f.id < floor(extract(epoch FROM {end}::timestamptz) * 1000)::bigint << 16 AND a.domain IS NULL),
    minutes AS (
        SELECT sum(readers) AS readers FROM reader_samples WHERE at >= {start} AND at < {end} GROUP BY at)
    SELECT
        (SELECT count(*) FROM written WHERE boost_of_id IS NULL) AS posts,
        (SELECT count(*) FROM written WHERE reply_to_account_id IS NOT NULL) AS replies,
        (SELECT count(*) FROM written WHERE boost_of_id IS NOT NULL) AS boosts,
        (SELECT count(*) FROM liked) AS favourites,
        (SELECT count(*) FROM (SELECT author_id FROM written UNION SELECT account_id FROM liked) people) AS active,
        (SELECT count(*) FROM accounts WHERE domain IS NULL AND state <> 'pending'
            AND created_at >= {start} AND created_at < {end}) AS sign_ups,
        (SELECT coalesce(max(readers), 0) FROM minutes) AS readers
"""

#: In the order of the columns above.
MEASURES: Final = ("posts", "replies", "boosts", "favourites", "active", "sign_ups", "readers")


def _counts(*values: int) -> dict[str, int]:
    return {measure: int(value) for measure, value in zip(MEASURES, values, strict=True)}


class StatisticsQueries(Protocol):
    @query(
        sql="""
        SELECT clock_timestamp(), least(
            (SELECT min(created_at) FROM posts),
            (SELECT created_at FROM accounts WHERE domain IS NULL ORDER BY id LIMIT 1))
        """,
        load=row(_moments),
    )
    async def moments(self) -> tuple[datetime, datetime | None]:
        """Return the time of the database and that of the oldest account, or None on an empty site."""

    @query(sql="SELECT pg_advisory_xact_lock(7102, 1)", load=scalar)
    async def lock(self) -> None:
        """Lock, so that one process at a time determines the missing days."""

    @query(sql="SELECT day FROM statistic_days WHERE day >= {first} ORDER BY day", load=rows(lambda day: day))
    async def computed(self, first: date) -> list[date]: ...

    @statement(sql="DELETE FROM statistic_days WHERE day >= {day}")
    async def forget_from(self, day: date) -> None:
        """Delete days that are not over, which a clock that was ahead computed."""

    @query(
        sql="""
        INSERT INTO statistic_days (day, time_zone) VALUES ({day}, {time_zone})
        ON CONFLICT DO NOTHING RETURNING true
        """,
        load=scalar,
    )
    async def begin(self, day: date, time_zone: str) -> bool | None:
        """Claim a day, and return whether this process computes it."""

    @query(sql=_COUNTS, load=row(_counts))
    async def counts(self, start: datetime, end: datetime) -> dict[str, int]: ...

    @query(
        sql="""
        SELECT t.tag, count(DISTINCT p.author_id)::integer AS people, count(*)::integer AS posts
        FROM posts p JOIN accounts a ON a.id = p.author_id CROSS JOIN unnest(p.tags) AS t (tag)
        WHERE p.created_at >= {start} AND p.created_at < {end} AND p.visibility = 'public'
            AND p.boost_of_id IS NULL AND a.state = 'active'
        GROUP BY t.tag ORDER BY people DESC, posts DESC, t.tag LIMIT {limit}
        """,
        load=rows(TagUse),
    )
    async def tags(self, start: datetime, end: datetime, limit: int) -> list[TagUse]: ...

    @statement(
        sql="""
        INSERT INTO daily_statistics (day, measure, value)
        SELECT {day}, * FROM unnest({measures}::text[], {numbers}::bigint[])
        """
    )
    async def store(self, day: date, measures: Sequence[str], numbers: Sequence[int]) -> None: ...

    @statement(
        sql="""
        INSERT INTO daily_tags (day, tag, people, posts)
        SELECT {day}, * FROM unnest({tags}::text[], {people}::integer[], {posts}::integer[])
        """
    )
    async def store_tags(
        self, day: date, tags: Sequence[str], people: Sequence[int], posts: Sequence[int]
    ) -> None: ...

    @query(
        sql="SELECT day, measure, value FROM daily_statistics WHERE day >= {first} AND day < {end} ORDER BY day",
        load=rows(_kept),
    )
    async def stored(self, first: date, end: date) -> list[tuple[date, str, int]]: ...

    @query(
        sql="""
        SELECT tag, sum(people)::integer AS people, sum(posts)::integer AS posts FROM daily_tags
        WHERE day >= {first} AND day < {end} GROUP BY tag ORDER BY people DESC, posts DESC, tag LIMIT {limit}
        """,
        load=rows(TagUse),
    )
    async def stored_tags(self, first: date, end: date, limit: int) -> list[TagUse]: ...

    @statement(
        sql="""
        INSERT INTO reader_samples (at, process, readers)
        VALUES (date_trunc('minute', clock_timestamp()), {process}, {readers})
        ON CONFLICT (at, process) DO UPDATE SET readers = greatest(reader_samples.readers, excluded.readers)
        """
    )
    async def sample(self, process: str, readers: int) -> None: ...


statistics = accessor(StatisticsQueries)
