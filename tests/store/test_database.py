"""The database: transactions, reads, and what happens when connections die (on a real PostgreSQL)."""

from __future__ import annotations

from typing import Any, Protocol

import pytest
import pytest_twisted
from dbxs import query
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred

from microblog.domain.errors import Conflict, InvalidInput, NotFound, Unavailable
from microblog.store.engine.access import accessor
from microblog.store.engine.database import Database
from microblog.store.engine.loaders import maybe_row, row, rows, scalar
from tests.database import Cluster
from tests.waiting import until


class _Things(Protocol):
    @query(sql="SELECT n FROM things ORDER BY n", load=rows(int))
    async def all(self) -> list[int]: ...

    @query(sql="SELECT n FROM things WHERE n = {n}", load=maybe_row(int))
    async def maybe(self, n: int) -> int | None: ...

    @query(sql="SELECT n FROM things WHERE n = {n}", load=row(int))
    async def one(self, n: int) -> int: ...

    @query(sql="SELECT '%%' || {text}", load=scalar)
    async def percent(self, text: str) -> str: ...

    @query(sql="SELECT '%%'", load=scalar)
    async def bare_percent(self) -> str: ...

    @query(sql="INSERT INTO things VALUES ({n})", load=scalar)
    async def put(self, n: int) -> None: ...


things = accessor(_Things)


@pytest_twisted.async_fixture
async def ready(db: Database) -> Database:
    async with db.transaction() as tx:
        await tx.run(
            "CREATE TABLE things (n integer PRIMARY KEY CHECK (n < 100), parent integer REFERENCES things)"
        )
    return db


async def backends(db: Database) -> list[int]:
    cursor = await db.reads.run(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return [pid for (pid,) in cursor.fetchall()]


async def kill_backends(cluster: Cluster, db: Database) -> None:
    from psycopg2.extensions import parse_dsn

    await cluster.admin(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{parse_dsn(db.dsn)['dbname']}' AND application_name = 'microblog'"
    )


async def test_a_block_that_ends_is_committed_and_one_that_raises_is_not(ready: Database) -> None:
    async with ready.transaction() as tx:
        await things(tx).put(1)
    with pytest.raises(ZeroDivisionError):
        async with ready.transaction() as tx:
            await things(tx).put(2)
            raise ZeroDivisionError
    assert await things(ready.reads).all() == [1]


async def test_an_async_interaction_is_awaited_before_the_commit(ready: Database) -> None:
    """txpostgres' own runInteraction commits an empty transaction when given a coroutine function."""
    async with ready.transaction() as tx:
        await things(tx).put(1)
        assert await things(tx).all() == [1]
        assert await things(ready.reads).all() == []
    assert await things(ready.reads).all() == [1]


async def test_loaders_give_one_none_or_not_found(ready: Database) -> None:
    async with ready.transaction() as tx:
        await things(tx).put(7)
    assert await things(ready.reads).one(7) == 7
    assert await things(ready.reads).maybe(8) is None
    with pytest.raises(NotFound):
        await things(ready.reads).one(8)


async def test_percent_signs_are_doubled_with_and_without_parameters(ready: Database) -> None:
    assert await things(ready.reads).percent("x%s") == "%x%s"
    assert await things(ready.reads).bare_percent() == "%"


async def test_the_drivers_errors_become_the_domains(ready: Database) -> None:
    async with ready.transaction() as tx:
        await things(tx).put(1)
    with pytest.raises(Conflict) as conflict:
        async with ready.transaction() as tx:
            await things(tx).put(1)
    assert conflict.value.constraint == "things_pkey"
    with pytest.raises(InvalidInput):
        async with ready.transaction() as tx:
            await things(tx).put(100)
    with pytest.raises(NotFound):
        async with ready.transaction() as tx:
            await tx.run("INSERT INTO things VALUES (2, 50)")
    assert await things(ready.reads).all() == [1]


async def test_what_no_text_of_postgresql_holds_is_told_apart_from_our_mistakes(ready: Database) -> None:
    for text in ("a\0b", "\ud800"):
        with pytest.raises(InvalidInput):
            await things(ready.reads).percent(text)
        with pytest.raises(InvalidInput):
            async with ready.transaction() as tx:
                await things(tx).percent(text)
    assert await things(ready.reads).percent("whole") == "%whole"


async def test_a_statement_over_its_time_says_so_and_leaves_the_pool_whole(dsn: str, reactor_: Any) -> None:
    db = Database(dsn, reactor_, size=1, statement_timeout=0.05)
    with pytest.raises(Unavailable):
        await db.reads.run("SELECT pg_sleep(5)")
    await db.ping()
    await db.close()


async def test_reads_survive_the_death_of_idle_connections(ready: Database, cluster: Cluster) -> None:
    await ready.ping()
    await kill_backends(cluster, ready)
    await ready.ping()


async def test_a_backend_killed_inside_a_transaction_ends_it_and_nothing_else(
    ready: Database, cluster: Cluster
) -> None:
    """txpostgres' own pool takes the connection back poisoned."""
    with pytest.raises(Unavailable):
        async with ready.transaction() as tx:
            await things(tx).put(1)
            await kill_backends(cluster, ready)
            await things(tx).put(2)
    for _ in range(10):
        assert await things(ready.reads).all() == []
    async with ready.transaction() as tx:
        await things(tx).put(3)
    assert await things(ready.reads).all() == [3]


async def test_a_cancelled_read_gives_its_connection_back_once_answered(dsn: str, reactor_: Any) -> None:
    db = Database(dsn, reactor_, size=1)
    await db.ping()
    reading: Deferred[Any] = ensureDeferred(db.reads.run("SELECT pg_sleep(0.2)"))
    reading.cancel()
    with pytest.raises(CancelledError):
        await reading
    await db.ping()
    assert db.pool.lent == 0
    await db.close()


async def test_a_cancelled_transaction_is_rolled_back_and_its_connection_stays_good(
    dsn: str, reactor_: Any
) -> None:
    db = Database(dsn, reactor_, size=1)
    async with db.transaction() as tx:
        await tx.run("CREATE TABLE things (n integer PRIMARY KEY)")

    async def slow() -> None:
        async with db.transaction() as tx:
            await things(tx).put(1)
            await tx.run("SELECT pg_sleep(0.3)")

    started = ensureDeferred(slow())
    await until(reactor_, lambda: db.pool.lent == 1)
    reactor_.callLater(0.1, started.cancel)
    with pytest.raises(CancelledError):
        await started
    assert await things(db.reads).all() == []
    await db.close()


async def test_waiting_for_a_connection_is_bounded_in_time_and_number(dsn: str, reactor_: Any) -> None:
    db = Database(dsn, reactor_, size=1, wait=0.5)
    db.pool.queue = 1
    async with db.transaction() as tx:
        await tx.run("SELECT 1")
        first = ensureDeferred(db.ping())
        with pytest.raises(Unavailable):
            await db.ping()
        with pytest.raises(Unavailable):
            await first
    await db.ping()
    await db.close()


async def test_those_who_wait_are_served_in_order_by_one_connection(dsn: str, reactor_: Any) -> None:
    db = Database(dsn, reactor_, size=1)
    order: list[int] = []
    waiting = [
        ensureDeferred(db.reads.run(f"SELECT {n}")).addCallback(lambda c: order.append(c.fetchall()[0][0]))
        for n in range(20)
    ]
    for each in waiting:
        await each
    assert order == list(range(20))
    await db.close()


async def test_a_database_that_is_not_there_is_unavailable(reactor_: Any) -> None:
    db = Database("postgresql://nobody@127.0.0.1:1/none", reactor_, size=2)
    with pytest.raises(Unavailable):
        await db.ping()
    with pytest.raises(Unavailable):
        async with db.transaction() as tx:
            await tx.run("SELECT 1")
    await db.close()


async def test_a_read_only_database_refuses_writes_clearly_and_serves_reads(ready: Database) -> None:
    with pytest.raises(Unavailable, match="only be read"):
        async with ready.transaction() as tx:
            await tx.run("SET TRANSACTION READ ONLY")
            await things(tx).put(1)
    assert await things(ready.reads).all() == []


async def test_a_transaction_that_may_take_longer_is_not_given_up_by_the_pool(
    dsn: str, reactor_: Any
) -> None:
    db = Database(dsn, reactor_, size=1, statement_timeout=0.5)
    db.pool.patience = 0.5
    async with db.transaction() as tx:
        await tx.allow(20.0)
        await tx.run("SELECT pg_sleep(2.2)")
    assert db.pool._idle[0].patience is None
    with pytest.raises(Unavailable):
        await db.reads.run("SELECT pg_sleep(5)")
    await db.close()
