"""Every error code of PostgreSQL means the same to the pool, to the services and to the log."""

from __future__ import annotations

import psycopg2
import pytest
from psycopg2 import errorcodes
from psycopg2 import errors as pg
from psycopg2._psycopg import sqlstate_errors
from twisted.internet.task import Clock

from microblog.domain.errors import Conflict, Contended, InvalidInput, NotFound, TookTooLong, Unavailable
from microblog.store.engine.database_health import DatabaseHealth
from microblog.store.engine.sqlstate import Fault, fault_of, is_lost
from microblog.store.engine.transactions import domain_error
from tests.tasks.logs import logged

CODES = sorted({code for name, code in vars(errorcodes).items() if name.isupper() and len(code) == 5})

#: What the services hear of each fault, and whether the operator does.
MEANINGS = {
    Fault.LOST: (Unavailable, True),
    Fault.ENDED: (Unavailable, True),
    Fault.CONTENDED: (Contended, False),
    Fault.SLOW: (TookTooLong, True),
    Fault.FULL: (Unavailable, True),
    Fault.SHORT: (Unavailable, True),
    Fault.READ_ONLY: (Unavailable, True),
    Fault.BROKEN: (Unavailable, True),
    Fault.OTHER: (Unavailable, True),
    Fault.TAKEN: (Conflict, False),
    Fault.MISSING: (NotFound, False),
    Fault.INVALID: (InvalidInput, False),
    Fault.MISTAKE: (type(None), False),
}


def error_with(code: str) -> psycopg2.Error:
    """Return an error as the driver raises it for a code of the server."""
    kind = sqlstate_errors.get(code, psycopg2.DatabaseError)
    error = kind(f"an error with the code {code}")
    error.__setstate__({"pgcode": code})
    assert error.pgcode == code
    return error


@pytest.mark.parametrize("code", CODES)
def test_pool_services_and_log_agree_about_every_code(code: str) -> None:
    error = error_with(code)
    heard, told = MEANINGS[fault_of(error)]
    assert type(domain_error(error)) is heard
    with logged() as lines:
        DatabaseHealth(Clock().seconds).failed(error)
    assert bool(lines) is told
    assert ("is away" in "".join(lines)) is (fault_of(error) is Fault.LOST)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("08006", Fault.LOST),
        ("57P01", Fault.LOST),
        ("57P05", Fault.LOST),
        ("25P03", Fault.ENDED),
        ("40P01", Fault.CONTENDED),
        ("40001", Fault.CONTENDED),
        ("57014", Fault.SLOW),
        ("55P03", Fault.SLOW),
        ("53100", Fault.FULL),
        ("53200", Fault.SHORT),
        ("53300", Fault.SHORT),
        ("53400", Fault.SHORT),
        ("25006", Fault.READ_ONLY),
        ("58030", Fault.BROKEN),
        ("XX001", Fault.BROKEN),
        ("55006", Fault.OTHER),
        ("42601", Fault.MISTAKE),
    ],
)
def test_a_code_means_what_the_documentation_says(code: str, fault: Fault) -> None:
    assert fault_of(error_with(code)) is fault


@pytest.mark.parametrize("code", ["53200", "53100", "53300", "25006", "40P01", "57014", "58030"])
def test_an_error_of_the_server_does_not_lose_the_connection(code: str) -> None:
    assert not is_lost(error_with(code))


def test_an_error_of_libpq_without_a_code_is_a_lost_connection() -> None:
    assert is_lost(psycopg2.OperationalError("server closed the connection unexpectedly"))
    assert is_lost(psycopg2.InterfaceError("connection already closed"))


def test_an_error_made_without_a_code_is_known_by_its_class() -> None:
    assert fault_of(pg.OutOfMemory("out of memory")) is Fault.SHORT
