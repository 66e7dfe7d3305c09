"""Statements on connections: single ones, and transactions.

Only this package touches psycopg2. `domain_error` turns the driver's errors into the domain's, here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import psycopg2
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionClosed
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.domain.errors import (
    Conflict,
    Contended,
    InvalidInput,
    MicroblogError,
    NotFound,
    TookTooLong,
    Unavailable,
)
from microblog.store.engine.access import Prepared
from microblog.store.engine.pool import Connection, Pool
from microblog.store.engine.sqlstate import Fault, fault_of, is_lost

log = Logger()

#: Seconds beyond the server's own limit on a statement after which this process gives the statement up.
PATIENCE: Final = 2.0

_TEXTS: Final = {
    Fault.READ_ONLY: ("The site can only be read at the moment. Nothing was changed; try again later.", 30.0),
    Fault.FULL: ("The database has no room left. Nothing was changed; try again later.", 60.0),
    Fault.SHORT: ("The database has too much to do. Nothing was changed; try again later.", 30.0),
    Fault.BROKEN: ("The database has a problem of its own. Nothing was changed; try again later.", 60.0),
}


def domain_error(error: psycopg2.Error) -> MicroblogError | None:
    """Return the domain's error for an error of the driver, or None for a mistake in our statement."""
    fault = fault_of(error)
    constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
    match fault:
        case Fault.TAKEN:
            return Conflict(constraint=constraint)
        case Fault.MISSING:
            return NotFound()
        case Fault.INVALID:
            return InvalidInput(f"That can't be kept as it is ({constraint or 'wrong form'}).")
        case Fault.CONTENDED:
            return Contended()
        case Fault.SLOW:
            return TookTooLong()
        case Fault.MISTAKE:
            return None
    return Unavailable(*_TEXTS[fault]) if fault in _TEXTS else Unavailable()


def unstorable_character() -> InvalidInput:
    """Return the error for a text that PostgreSQL can't store: one with NUL, or with half of a surrogate pair.

    Services remove most of these from texts that people read. This error is for keys, codes and other values that are
    stored as they came.
    """
    return InvalidInput("That has a character in it that can't be kept. Leave it out, and send it again.")


def unstorable(error: ValueError) -> InvalidInput | None:
    """Return what the driver's refusal of a parameter means, or None for a ValueError that is a mistake of ours."""
    if isinstance(error, UnicodeEncodeError) or "NUL (0x00)" in str(error):
        return unstorable_character()
    return None


class _Session(Protocol):
    """The interface that accessors run statements on. ``run`` returns the driver's cursor."""

    async def run(self, operation: str, parameters: Sequence[Any] | None = None) -> Any: ...


async def _execute(connection: Connection, operation: str, parameters: Any) -> Any:
    """Run one statement on a connection, raising the driver's errors.

    Cancelling the caller leaves the statement running, because PostgreSQL's protocol requires its answer to be read
    before the next statement. ``connection.running`` still holds it then, and the connection goes back after it ends.
    """
    if isinstance(operation, Prepared) and operation.name not in connection.prepared:
        # Before the call: the statement gets prepared even if the caller is cancelled.
        connection.prepared.add(operation.name)
        try:
            await _execute(connection, operation.preparation, None)
        except psycopg2.Error:
            connection.prepared.discard(operation.name)
            raise
    connection.since = connection.reactor.seconds()
    inner: Deferred[Any] = connection.cursor().execute(operation, parameters)
    outer: Deferred[Any] = Deferred(lambda _: None)
    connection.running = inner

    def pass_on(result: Any) -> None:
        connection.running = None
        if isinstance(result, Failure) and (
            result.check(ConnectionClosed) or (result.check(ValueError) and not connection.usable)
        ):
            # txpostgres reports so a connection that this process or libpq closed while the statement ran.
            if connection.overdue:
                result = Failure(Unavailable("The database does not answer. Try again shortly."))
            else:
                result = Failure(psycopg2.OperationalError("the connection was closed"))
        if isinstance(result, Failure) and result.value is not None and connection.failed is not None:
            connection.failed(result.value)
        if not outer.called:
            outer.callback(result)
        elif isinstance(result, Failure):
            log.debug(
                "a statement that nobody waits for any more failed: {error}", error=result.getErrorMessage()
            )

    inner.addBoth(pass_on)
    return await outer


async def _settled(connection: Connection) -> None:
    """Wait until the connection runs no statement."""
    running = connection.running
    if running is not None:
        ended: Deferred[None] = Deferred()
        running.addBoth(lambda _: ended.callback(None))
        await ended


class Transaction(_Session):
    """One transaction on one connection. The first statement sends ``BEGIN`` in the same packet."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.begun = False

    async def run(self, operation: str, parameters: Sequence[Any] | None = None) -> Any:
        begin = not self.begun
        self.begun = True
        try:
            if begin and isinstance(operation, Prepared):
                await _execute(self.connection, "BEGIN", None)
            elif begin:
                operation = "BEGIN;" + operation
            return await _execute(self.connection, operation, parameters)
        except psycopg2.Error as error:
            if (meant := domain_error(error)) is not None:
                raise meant from error
            raise
        except ValueError as error:
            if (refused := unstorable(error)) is not None:
                raise refused from error
            raise

    async def allow(self, seconds: float) -> None:
        """Let each statement of this transaction take up to ``seconds``, on the server and here."""
        await self.run(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
        self.connection.patience = seconds + PATIENCE

    async def commit(self) -> None:
        """Commit. Raises Unavailable when the connection is lost, with the outcome unknown."""
        try:
            await _execute(self.connection, "COMMIT", None)
        except CancelledError:
            # The caller was cancelled: COMMIT ends before the connection goes back.
            await _settled(self.connection)
            raise
        except (psycopg2.Error, Unavailable) as error:
            if isinstance(error, Unavailable) or is_lost(error):
                raise Unavailable(
                    "The database went away just now. Look whether it was saved before you send it again."
                ) from error
            raise domain_error(error) or error from error

    async def roll_back(self) -> bool:
        """Roll back, and return whether the connection is usable and outside any transaction."""
        await _settled(self.connection)
        if not self.begun:
            return self.connection.usable
        if not self.connection.usable:
            return False
        try:
            await _execute(self.connection, "ROLLBACK", None)
        except (psycopg2.Error, CancelledError):
            return False
        return True


class SingleStatements(_Session):
    """Runs single statements, each its own transaction.

    A SELECT is retried once after its connection was lost, and any statement once after a deadlock.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def run(self, operation: str, parameters: Sequence[Any] | None = None) -> Any:
        text = operation.text if isinstance(operation, Prepared) else operation
        again = text.lstrip()[:6].upper() == "SELECT"
        contended = False
        while True:
            connection = await self._pool.take()
            broken = False
            try:
                return await _execute(connection, operation, parameters)
            except psycopg2.Error as error:
                broken = is_lost(error)
                if broken:
                    self._pool.close_idle()
                    if again:
                        again = False
                        continue
                if fault_of(error) is Fault.CONTENDED and not contended:
                    contended = True  # it was rolled back, so that a retry repeats nothing
                    continue
                if (meant := domain_error(error)) is not None:
                    raise meant from error
                raise
            except ValueError as error:
                if (refused := unstorable(error)) is not None:
                    raise refused from error
                raise
            finally:
                self._back(connection, broken)

    def _back(self, connection: Connection, broken: bool) -> None:
        running = connection.running
        if running is None:
            self._pool.give(connection, broken=broken)
        else:  # cancelled: the connection goes back when the answer has come
            running.addBoth(lambda _: self._pool.give(connection))
