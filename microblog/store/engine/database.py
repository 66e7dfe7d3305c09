"""The database as the services see it: single statements and transactions over a pool of connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from microblog.store.engine.pool import Pool
from microblog.store.engine.transactions import PATIENCE, SingleStatements, Transaction


class Database:
    """PostgreSQL at ``dsn``, through a pool of ``size`` connections.

    No statement runs longer than ``statement_timeout`` seconds, or waits for a lock longer than a third of it.
    """

    def __init__(
        self, dsn: str, reactor: Any, *, size: int = 8, statement_timeout: float = 10.0, wait: float = 5.0
    ) -> None:
        self.dsn = dsn
        self.reactor = reactor
        milliseconds = int(statement_timeout * 1000)
        self.setup = (
            "SET TIME ZONE 'UTC'; SET application_name = 'microblog'; "
            f"SET statement_timeout = {milliseconds}; SET lock_timeout = {milliseconds // 3}; "
            f"SET idle_in_transaction_session_timeout = {milliseconds * 3}; SET jit = off; "
            # A prepared statement is planned once, for all parameters (`access`).
            "SET plan_cache_mode = force_generic_plan"
        )
        self.pool = Pool(
            dsn, reactor, size=size, setup=self.setup, wait=wait, patience=statement_timeout + PATIENCE
        )
        self.reads: Any = SingleStatements(self.pool)
        #: Transactions of this process that were committed, or may have been. Caches of rows compare this number.
        #: Statements through ``reads``, such as plain posts (`posts.writing`) and sequencing, do not count.
        self.commits = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Commit at the end of the block ``async with db.transaction() as tx``, or roll back when the block raises.

        Raises Unavailable when the connection is lost. When it is lost during COMMIT, the outcome is unknown and the
        error text says so. The connection goes back to the pool only when it is known to be outside a transaction.
        """
        connection = await self.pool.take()
        tx = Transaction(connection)
        healthy = False
        try:
            try:
                yield tx
            except BaseException:
                healthy = await tx.roll_back()
                raise
            if tx.begun:
                try:
                    await tx.commit()
                finally:
                    self.commits += 1
            healthy = True
        finally:
            if not healthy and not connection.usable:
                self.pool.close_idle()
            self.pool.give(connection, broken=not healthy)

    async def ping(self) -> None:
        """Raises Unavailable unless the database answers."""
        await self.reads.run("SELECT 1")

    async def close(self) -> None:
        await self.pool.close()
