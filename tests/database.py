"""A PostgreSQL server for the tests, with a prepared database for each test that asks for one.

The server is an embedded one in a temporary folder, started once a run. With ``MICROBLOG_TEST_DATABASE``
set to a URL of a superuser (``postgresql://postgres@127.0.0.1:5432/postgres``) that server is used instead.

A prepared database is a copy of a template that has all migrations. A thread makes the copies ahead, while tests run,
and drops those that are done with.
"""

from __future__ import annotations

import itertools
import os
import time
from queue import SimpleQueue
from threading import Thread
from typing import Any

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import make_dsn, parse_dsn

from microblog.store.engine.migrate import migrate
from microblog.store.engine.pool import connect

#: How many prepared databases wait for the next tests.
AHEAD = 2
#: Seconds for which a test waits for its database; copying takes less than a tenth of a second on an idle machine.
PATIENCE = 120.0

_numbers = itertools.count(1)


class Cluster:
    """A PostgreSQL server with a migrated template database and copies of it.

    Args:
        dsn: the server, as a superuser.
        strategy: how PostgreSQL copies a database. ``FILE_COPY`` takes half as long as ``WAL_LOG``, and makes two
            checkpoints, which only a server without fsync does at once.
    """

    def __init__(self, dsn: str, reactor: Any, strategy: str = "WAL_LOG") -> None:
        self.dsn = dsn
        self._reactor = reactor
        self._strategy = strategy
        self._template = f"microblog_template_{os.getpid()}"
        self._orders: SimpleQueue[tuple[str, str] | None] = SimpleQueue()
        self._prepared: SimpleQueue[str | Exception] = SimpleQueue()
        self._thread = Thread(target=self._work, name="test databases", daemon=True)

    def database(self, name: str) -> str:
        """Return the DSN of a database of this server."""
        return str(make_dsn(self.dsn, dbname=name))

    async def admin(self, statement: str) -> None:
        """Run one statement as the superuser, outside any transaction."""
        connection = await connect(self.database("postgres"), self._reactor, 20.0)
        try:
            await connection.runOperation(statement)
        finally:
            connection.close()

    async def prepare(self) -> None:
        """Make the template, and begin to copy it."""
        await self.admin(f"CREATE DATABASE {self._template}")
        await migrate(self.database(self._template), self._reactor)
        self._thread.start()
        for _ in range(AHEAD):
            self._orders.put(("copy", self._new_name()))

    async def fresh(self) -> str:
        """Return the DSN of a new database that has all migrations."""
        self._orders.put(("copy", self._new_name()))
        prepared = self._prepared.get(timeout=PATIENCE)
        if isinstance(prepared, Exception):
            raise prepared
        return self.database(prepared)

    async def empty(self) -> str:
        """Return the DSN of a new database without any table."""
        name = self._new_name()
        await self.admin(f"CREATE DATABASE {name}")
        return self.database(name)

    async def drop(self, dsn: str) -> None:
        """Have a database dropped soon, and its connections closed."""
        self._orders.put(("drop", parse_dsn(dsn)["dbname"]))

    async def dispose(self) -> None:
        """Drop the template and all its copies."""
        self._orders.put(None)
        self._thread.join(PATIENCE)
        while not self._prepared.empty():
            prepared = self._prepared.get()
            if isinstance(prepared, str):
                await self.admin(f"DROP DATABASE IF EXISTS {prepared} WITH (FORCE)")
        await self.admin(f"DROP DATABASE IF EXISTS {self._template} WITH (FORCE)")

    @staticmethod
    def _new_name() -> str:
        return f"microblog_test_{os.getpid()}_{next(_numbers)}"

    def _work(self) -> None:
        """Carry out orders until there are no more. Runs in a thread of its own, so that no test's reactor sees it."""
        connection = None
        while (order := self._orders.get()) is not None:
            verb, name = order
            try:
                if connection is None or connection.closed:
                    connection = psycopg2.connect(self.database("postgres"))
                    connection.autocommit = True
                with connection.cursor() as cursor:
                    if verb == "copy":
                        cursor.execute(
                            f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY {self._strategy}"
                        )
                        self._prepared.put(name)
                    else:
                        _drop(cursor, name)
            except Exception as error:  # noqa: BLE001 - the test that waits for the database raises it
                if connection is not None and connection.closed:
                    self._orders.put(order)  # a test ended the connection
                elif verb == "copy":
                    self._prepared.put(error)
        if connection is not None:
            connection.close()


def _drop(cursor: Any, name: str) -> None:
    """Drop a database and close its connections.

    Autovacuum may be, which leaves by itself, and only a superuser may send it away: then try again.
    """
    for _ in range(100):
        try:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        except (errors.InsufficientPrivilege, errors.ObjectInUse):
            time.sleep(0.1)
        else:
            return
