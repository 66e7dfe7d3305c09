"""Migrations: numbered, under a lock, once; and releases that meet a schema of another age."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred

from microblog.domain.errors import Unavailable
from microblog.store.engine.database import Database
from microblog.store.engine.migrate import Migration, SchemaError, current, migrate, migrations
from tests.database import Cluster
from tests.waiting import until

FIRST = Migration(1, "first", "CREATE TABLE one (n integer);", None)
SECOND = Migration(2, "second", "CREATE TABLE two (n integer);", None)
BREAKING = Migration(3, "breaking", "DROP TABLE one;", 3)
BROKEN = Migration(4, "broken", "CREATE TABLE four (n integer); SELECT 1 / 0;", None)


def test_the_numbers_are_unique_and_the_names_say_what() -> None:
    numbers = [each.number for each in migrations()]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 1


async def test_two_processes_that_start_at_once_apply_each_once(cluster: Cluster, reactor_: Any) -> None:
    dsn = await cluster.empty()
    both = [ensureDeferred(migrate(dsn, reactor_)) for _ in range(3)]
    applied = [await each for each in both]
    assert sorted(len(each) for each in applied) == [0, 0, len(migrations())]
    assert await migrate(dsn, reactor_) == []
    db = Database(dsn, reactor_)
    await current(db.reads)
    await db.close()
    await cluster.drop(dsn)


async def test_a_migration_that_fails_leaves_what_was_before_it(cluster: Cluster, reactor_: Any) -> None:
    dsn = await cluster.empty()
    with pytest.raises(Exception, match="division by zero"):
        await migrate(dsn, reactor_, [FIRST, SECOND, BROKEN])
    db = Database(dsn, reactor_)
    assert (await db.reads.run("SELECT version FROM schema_version")).fetchall() == [(2,)]
    assert (await db.reads.run("SELECT to_regclass('four')")).fetchall() == [(None,)]
    with pytest.raises(Unavailable, match="microblog migrate"):
        await current(db.reads)
    await db.close()
    await cluster.drop(dsn)


async def test_an_older_release_starts_on_a_newer_schema_unless_that_says_otherwise(
    cluster: Cluster, reactor_: Any
) -> None:
    dsn = await cluster.empty()
    await migrate(dsn, reactor_, [FIRST, SECOND])
    assert await migrate(dsn, reactor_, [FIRST]) == []
    await migrate(dsn, reactor_, [FIRST, SECOND, BREAKING])
    with pytest.raises(SchemaError, match="newer release"):
        await migrate(dsn, reactor_, [FIRST, SECOND])
    await cluster.drop(dsn)


async def test_a_database_that_is_away_says_so(reactor_: Any) -> None:
    with pytest.raises(Unavailable, match=r"on 127\.0\.0\.1 port 1 can't be reached") as caught:
        await migrate("postgresql://nobody:canary@127.0.0.1:1/none", reactor_)
    assert "canary" not in str(caught.value)


async def test_a_database_url_that_libpq_cannot_read_says_so(reactor_: Any) -> None:
    with pytest.raises(Unavailable, match=r"^The database can't be reached: .*nonsense"):
        await migrate("postgresql://nobody@127.0.0.1:1/none?nonsense=1", reactor_)


async def test_a_migration_does_not_hold_up_a_busy_site_behind_itself(
    cluster: Cluster, reactor_: Any
) -> None:
    dsn = await cluster.empty()
    await migrate(dsn, reactor_, [FIRST])
    altering = Migration(2, "altering", "CREATE TABLE two (n integer); ALTER TABLE one ADD m integer;", None)
    db = Database(dsn, reactor_, size=2)
    async with db.transaction() as busy:
        await busy.run("SELECT * FROM one")  # a long transaction that has read the table
        waiting = ensureDeferred(migrate(dsn, reactor_, [FIRST, altering], patience=0.3))
        queued = "SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"

        async def behind() -> bool:
            return bool((await db.reads.run(queued)).fetchall())

        await until(reactor_, behind)
        await db.reads.run("SELECT * FROM one")  # came after it, and is answered all the same: it gave up
        with pytest.raises(Unavailable, match=r"0002 \(altering\) needs a table that something else holds"):
            await waiting
    assert (await db.reads.run("SELECT version, to_regclass('two') FROM schema_version")).fetchall() == [
        (1, None)
    ]
    assert [each.number for each in await migrate(dsn, reactor_, [FIRST, altering])] == [2]
    await db.close()
    await cluster.drop(dsn)
