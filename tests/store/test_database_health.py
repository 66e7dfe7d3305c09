"""What the log says of a database that is away, full or slow."""

from __future__ import annotations

import psycopg2
import pytest
from psycopg2 import errors as pg
from twisted.internet.task import Clock

from microblog.domain.errors import Unavailable
from microblog.store.engine.database import Database
from microblog.store.engine.database_health import INTERVAL, DatabaseHealth
from tests.tasks.logs import logged

REFUSED = (
    'connection to server at "db.example", port 5432 failed: Connection refused\n\tIs the server running?\n'
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> DatabaseHealth:
    return DatabaseHealth(clock.seconds)


def test_the_reason_is_logged_on_one_line(health: DatabaseHealth) -> None:
    with logged() as lines:
        health.failed(psycopg2.OperationalError(REFUSED))
    (line,) = lines
    assert line.startswith("The database is away")
    assert line.endswith(': connection to server at "db.example", port 5432 failed: Connection refused.')


def test_the_same_problem_is_logged_once_a_minute_with_its_count(
    health: DatabaseHealth, clock: Clock
) -> None:
    with logged() as lines:
        for _ in range(31):
            health.failed(pg.DiskFull('could not extend file "base/1/2": No space left on device'))
            clock.advance(INTERVAL / 30)
    assert len(lines) == 2
    assert "No space left on device" in lines[0]
    assert "Make room" in lines[0]
    assert lines[1].endswith("(29 times more since this was said last.)")


def test_another_problem_is_logged_too(health: DatabaseHealth) -> None:
    with logged() as lines:
        health.failed(pg.DiskFull("full"))
        health.failed(pg.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction"))
        health.failed(pg.QueryCanceled("canceling statement due to statement timeout"))
        health.timed_out(12)
    assert len(lines) == 4


def test_recovery_and_the_next_loss_are_logged(health: DatabaseHealth, clock: Clock) -> None:
    with logged() as lines:
        health.connected()
        health.failed(psycopg2.OperationalError(REFUSED))
        health.failed(psycopg2.OperationalError(REFUSED))
        clock.advance(1.5)
        health.connected()
        health.connected()
        health.failed(psycopg2.OperationalError(REFUSED))
    assert lines[1] == "The database is back after 1.5 s."
    assert lines[2] == lines[0], "what was not told of the last time does not count for this one"
    assert len(lines) == 3


def test_a_fault_of_one_statement_is_not_logged(health: DatabaseHealth) -> None:
    with logged() as lines:
        health.failed(pg.UniqueViolation("duplicate key"))
        health.failed(pg.DeadlockDetected("deadlock detected"))
        health.failed(ValueError("NUL (0x00)"))
    assert lines == []


async def test_statements_and_connections_that_fail_are_told(db: Database) -> None:
    with logged() as lines:
        async with db.transaction() as tx:
            await tx.run("SET LOCAL statement_timeout = 20")
            with pytest.raises(Unavailable):
                await tx.run("SELECT pg_sleep(10)")
        with pytest.raises(Unavailable):
            await db.reads.run("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(5)")
        await db.ping()
    told = [line for line in lines if line.startswith("The database")]
    assert "statement timeout" in told[0]
    assert told[1].startswith("The database is away")
    assert told[2].startswith("The database is back after ")
