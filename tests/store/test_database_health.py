"""What the log says of a database that is away, full or slow."""

from __future__ import annotations

import psycopg2
import pytest
from psycopg2 import errors as pg
from twisted.internet.task import Clock

from microblog.domain.errors import Unavailable
from microblog.store.engine.database import Database
from microblog.store.engine.database_health import QUIET, Trouble
from tests.tasks.logs import logged

REFUSED = (
    'connection to server at "db.example", port 5432 failed: Connection refused\n\tIs the server running?\n'
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def trouble(clock: Clock) -> Trouble:
    return Trouble(clock.seconds)


def test_the_reason_is_told_on_one_line(trouble: Trouble) -> None:
    with logged() as lines:
        trouble.seen(psycopg2.OperationalError(REFUSED))
    (line,) = lines
    assert line.startswith("The database is away")
    assert line.endswith(': connection to server at "db.example", port 5432 failed: Connection refused.')


def test_the_same_trouble_is_told_once_a_minute_with_how_often_it_was(trouble: Trouble, clock: Clock) -> None:
    with logged() as lines:
        for _ in range(31):
            trouble.seen(pg.DiskFull('could not extend file "base/1/2": No space left on device'))
            clock.advance(QUIET / 30)
    assert len(lines) == 2
    assert "No space left on device" in lines[0]
    assert "Make room" in lines[0]
    assert lines[1].endswith("(29 times more since this was said last.)")


def test_another_trouble_is_told_beside_it(trouble: Trouble) -> None:
    with logged() as lines:
        trouble.seen(pg.DiskFull("full"))
        trouble.seen(pg.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction"))
        trouble.seen(pg.QueryCanceled("canceling statement due to statement timeout"))
        trouble.silent(12)
    assert len(lines) == 4


def test_it_is_told_when_the_database_is_back_and_when_it_goes_again(trouble: Trouble, clock: Clock) -> None:
    with logged() as lines:
        trouble.answers()
        trouble.seen(psycopg2.OperationalError(REFUSED))
        trouble.seen(psycopg2.OperationalError(REFUSED))
        clock.advance(1.5)
        trouble.answers()
        trouble.answers()
        trouble.seen(psycopg2.OperationalError(REFUSED))
    assert lines[1] == "The database is back after 1.5 s."
    assert lines[2] == lines[0], "what was not told of the last time does not count for this one"
    assert len(lines) == 3


def test_what_is_wrong_with_a_statement_alone_is_no_trouble_of_the_database(trouble: Trouble) -> None:
    with logged() as lines:
        trouble.seen(pg.UniqueViolation("duplicate key"))
        trouble.seen(pg.DeadlockDetected("deadlock detected"))
        trouble.seen(ValueError("NUL (0x00)"))
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
