"""What the tests stand on: a real PostgreSQL, and for each test a database of its own, cloned from a migrated template.

The cluster is an embedded one in a temporary folder, started once a run.  With ``MICROBLOG_TEST_DATABASE``
set to a URL of a superuser (``postgresql://postgres@127.0.0.1:5432/postgres``) that server is used instead.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from argon2 import PasswordHasher
from psycopg2 import errors
from psycopg2.extensions import make_dsn, parse_dsn
from twisted.internet import defer
from twisted.internet.protocol import ProcessProtocol

from microblog.domain.accounts import Role, Viewer
from microblog.store.accounts import accounts
from microblog.store.engine.migrate import migrate
from microblog.store.engine.pool import connect

_numbers = itertools.count(1)

#: argon2id, at a fraction of its cost
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Cluster:
    """A PostgreSQL server with a migrated template database."""

    def __init__(self, dsn: str, reactor: Any) -> None:
        self.dsn = dsn
        self._reactor = reactor
        self._template = f"microblog_template_{os.getpid()}"

    def database(self, name: str) -> str:
        return str(make_dsn(self.dsn, dbname=name))

    async def admin(self, statement: str) -> None:
        connection = await connect(self.database("postgres"), self._reactor, 20.0)
        try:
            await connection.runOperation(statement)
        finally:
            connection.close()

    async def prepare(self) -> None:
        await self.admin(f"CREATE DATABASE {self._template}")
        await migrate(self.database(self._template), self._reactor)

    async def fresh(self) -> str:
        """The DSN of a new database that has all migrations."""
        name = f"microblog_test_{os.getpid()}_{next(_numbers)}"
        await self.admin(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return self.database(name)

    async def empty(self) -> str:
        """The DSN of a new database without anything."""
        name = f"microblog_test_{os.getpid()}_{next(_numbers)}"
        await self.admin(f"CREATE DATABASE {name}")
        return self.database(name)

    async def drop(self, dsn: str) -> None:
        name = parse_dsn(dsn)["dbname"]
        for _ in range(100):
            try:
                await self.admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            except (errors.InsufficientPrivilege, errors.ObjectInUse):
                # The autovacuum looks at it, and only a superuser may send that away. It leaves by itself.
                waited: defer.Deferred[None] = defer.Deferred()
                self._reactor.callLater(0.1, waited.callback, None)
                await waited
            else:
                return

    async def dispose(self) -> None:
        await self.admin(f"DROP DATABASE IF EXISTS {self._template} WITH (FORCE)")


async def until(
    reactor: Any, holds: Callable[[], bool | Awaitable[bool]], seconds: float = 20.0, every: float = 0.01
) -> None:
    """Wait for something that another process or the reactor does. Fails after ``seconds``."""
    end = reactor.seconds() + seconds
    while True:
        result = holds()
        if await result if not isinstance(result, bool) else result:
            return
        if reactor.seconds() > end:
            raise AssertionError(f"did not happen within {seconds} s: {holds}")
        waited: defer.Deferred[None] = defer.Deferred()
        reactor.callLater(every, waited.callback, None)
        await waited


async def person(
    db: Any, name: str, *, locked: bool = False, state: str = "active", role: str = "user"
) -> Viewer:
    """Somebody, made straight in the database: without the costs of a password, for tests that are not about it."""
    cursor = await db.reads.run(
        "WITH made AS (INSERT INTO accounts (name, locked, state) VALUES (%s, %s, %s) RETURNING id) "
        "INSERT INTO users (account_id, email, password_hash, role) "
        "SELECT id, %s, 'none', %s FROM made RETURNING account_id",
        (name, locked, state, f"{name}@example.org", role),
    )
    [[account_id]] = cursor.fetchall()
    account = await accounts(db.reads).by_id(account_id)
    assert account is not None
    return Viewer(account, Role(role))


class Program(ProcessProtocol):
    """A program that was spawned: what it printed, and when it ended."""

    def __init__(self) -> None:
        self.output = b""
        self.errors = b""
        self.ended: defer.Deferred[None] = defer.Deferred()

    def outReceived(self, data: bytes) -> None:
        self.output += data

    def errReceived(self, data: bytes) -> None:
        self.errors += data

    def processEnded(self, reason: object) -> None:
        self.ended.callback(None)


def now() -> datetime:
    return datetime.now(UTC)
