"""Listings that take a short cut on a large site say what the long way says."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from microblog.store.engine.database import Database
from microblog.store.search import SORTED_MOST, search
from microblog.store.timelines import timelines
from microblog.store.trends import trends
from tests.factories import create_viewer

PAGE: dict[str, Any] = {"below": None, "above": None, "ascending": False, "count": 20}


async def run(db: Database, sql: str, *parameters: Any) -> None:
    async with db.transaction() as tx:
        await tx.run(sql, parameters)


async def crowd(db: Database, count: int, prefix: str) -> None:
    """People who are followed by as many others as their number says."""
    await run(
        db,
        "INSERT INTO accounts (name, followers_count) SELECT %s || n, n FROM generate_series(1, %s) n",
        *(prefix, count),
    )


@pytest.mark.parametrize("count", [30, SORTED_MOST + 30])
async def test_people_are_those_most_followed_however_many_match(db: Database, count: int) -> None:
    reader = (await create_viewer(db, "reader")).id
    await crowd(db, count, "z")
    await run(
        db,
        "INSERT INTO follows (follower_id, followee_id, accepted) SELECT %s, id, true FROM accounts WHERE name = 'z3'",
        reader,
    )
    await run(
        db,
        "INSERT INTO blocks (account_id, target_id) SELECT id, %s FROM accounts WHERE name = 'z20'",
        reader,
    )

    async def names(name: str, following: bool = False, offset: int = 0) -> list[str]:
        found = await search(db.reads).accounts(reader, name, f"{name}%", "", following, 3, offset)
        return [each.name for each in found]

    assert await names("z") == ["z3", f"z{count}", f"z{count - 1}"]
    assert await names("z", offset=2) == [f"z{count - number}" for number in (1, 2, 3)]
    assert await names("z7") == (["z7"] if count < 70 else ["z7", "z799", "z798"])
    assert await names("z", following=True) == ["z3"]
    assert await names("z20") == ([] if count < 200 else [f"z{number}" for number in (2030, 2029, 2028)])


async def test_the_directory_goes_on_beyond_those_who_wrote_of_late(db: Database) -> None:
    reader = (await create_viewer(db, "reader")).id
    await crowd(db, 40, "z")
    await run(db, "UPDATE accounts SET discoverable = false WHERE name = 'z39' OR id = %s", reader)
    await run(
        db,
        """WITH made AS (
            INSERT INTO posts (id, author_id, visibility, text, thread_id, created_at)
            SELECT n.number * 1000 + n.copy, a.id, 'public', 'x', 1,
                '2026-01-01'::timestamptz + n.number * interval '1h'
            FROM (SELECT number, copy FROM generate_series(11, 40) number, generate_series(1, 20) copy) n
            JOIN accounts a ON a.name = 'z' || n.number RETURNING author_id, created_at)
        UPDATE accounts a SET last_post_at = made.created_at FROM made WHERE made.author_id = a.id""",
    )
    await run(
        db, "INSERT INTO mutes (account_id, target_id) SELECT %s, id FROM accounts WHERE name = 'z38'", reader
    )
    wrote = [f"z{number}" for number in range(40, 10, -1) if number not in (38, 39)]
    never = [f"z{number}" for number in range(10, 0, -1)]
    for limit in (5, 80):
        seen: list[str] = []
        while page := await trends(db.reads).active(reader, True, len(seen), limit):
            seen += [each.name for each in page]
        assert seen == wrote + never


async def test_tags_together_are_read_off_the_rarest(db: Database) -> None:
    author = (await create_viewer(db, "author")).id
    for number in range(1, 61):
        tags = [
            tag for tag, every in (("tea", 1), ("milk", 3), ("sugar", 5), ("cup", 7)) if number % every == 0
        ]
        await run(
            db,
            "WITH made AS (INSERT INTO posts (id, author_id, visibility, text, thread_id, tags) "
            "VALUES (%s, %s, 'public', 'x', 1, %s) RETURNING id, tags) "
            "INSERT INTO post_tags (tag, post_id) SELECT unnest(tags), id FROM made",
            *(number, author, tags),
        )
    await run(
        db, "INSERT INTO tags (tag, shown, posts_count) SELECT tag, tag, count(*) FROM post_tags GROUP BY tag"
    )

    async def ids(some: list[str], every: list[str], none: list[str], **page: Any) -> list[int]:
        found = await timelines(db.reads).tags(None, some, every, none, **{**PAGE, **page})
        return [each.id for each in found]

    assert await ids(["milk", "sugar"], [], [], count=5) == [60, 57, 55, 54, 51]
    assert await ids(["milk", "sugar"], [], ["tea"]) == []
    assert await ids(["tea"], ["milk", "sugar"], []) == [60, 45, 30, 15]
    assert await ids(["cup", "sugar"], ["tea", "milk"], []) == [60, 45, 42, 30, 21, 15]
    assert await ids(["cup", "sugar"], ["tea", "milk"], ["cup"], below=60) == [45, 30, 15]
    assert await ids(["tea"], ["milk", "sugar"], [], ascending=True, above=15, count=2) == [30, 45]
    assert await ids(["tea"], ["nowhere"], []) == []


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati"])
async def test_days_are_those_of_the_zone_to_the_second(db: Database, zone: str) -> None:
    author = (await create_viewer(db, "author")).id
    await run(
        db,
        "INSERT INTO posts (id, author_id, visibility, text, thread_id, created_at) "
        "SELECT snowflake(at), %s, 'public', at::text, 1, at FROM (SELECT "
        "'2026-03-01 00:00:00'::timestamp AT TIME ZONE %s + n * interval '12h' - interval '1s' * (n %% 2) AS at "
        "FROM generate_series(-4, 4) n) t",
        *(author, zone),
    )

    async def count(after: date | None, before: date | None) -> int:
        found = await search(db.reads).posts(None, "", None, "", None, after, before, zone, **PAGE)
        return len(found)

    assert await count(None, None) == 9
    assert await count(None, date(2026, 3, 1)) == 4
    assert await count(date(2026, 2, 28), None) == 5
    assert await count(date(2026, 2, 27), date(2026, 3, 1)) == 2
    assert await count(date(2026, 2, 28), date(2026, 3, 2)) == 2
    assert await count(date(2026, 3, 2), None) == 1
