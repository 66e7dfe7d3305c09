"""A pool of txpostgres connections, with a bounded queue, that replaces lost connections.

txpostgres' own pool does not reconnect and does not bound its queue, and it takes a connection back whose rollback
failed. In this pool a connection is either known to be idle and outside any transaction, or it is closed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import psycopg2
from twisted.internet.defer import Deferred
from twisted.internet.error import AlreadyCalled, AlreadyCancelled, ConnectionClosed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from txpostgres import txpostgres

from microblog.domain.errors import Unavailable
from microblog.store.engine.database_health import DatabaseHealth


class Cursor(txpostgres.Cursor):
    """A cursor that reports statement timeouts as errors of the database.

    txpostgres takes each QueryCanceled for the result of a cancelled Deferred. This pool never cancels a statement.
    """

    def _handleCancellation(self, failure: Failure) -> Failure:
        return failure


class Connection(txpostgres.Connection):
    """A connection that closes itself, quietly, when the server goes away while it is idle."""

    cursorFactory = Cursor
    running: Deferred[Any] | None = None  #: the running statement
    since = 0.0  #: when the running statement was sent, in the reactor's seconds
    patience: float | None = None  #: seconds that its statements may take; None: the pool's ``patience``
    overdue = False  #: closed because the server did not answer in time
    failed: Callable[[BaseException], None] | None = None  #: called with the error of each failed statement

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor=reactor)
        self.prepared: set[str] = set()  #: names of its prepared statements

    def doRead(self) -> None:
        try:
            super().doRead()
        except psycopg2.Error:
            # No statement is running: the server closed an idle connection.
            self.close()
        except ValueError:
            # libpq has closed its socket, which psycopg2 does not see, and the reactor was asked to watch it.
            if self.usable:
                raise
            self.close()

    @property
    def usable(self) -> bool:
        connection = self._connection
        return connection is not None and not connection.closed and connection.fileno() >= 0


def _uncancellable(work: Deferred[Any]) -> Deferred[Any]:
    """Return a Deferred with the same result whose cancellation does not cancel the work.

    txpostgres would ask the server to cancel over a connection that blocks the reactor, and would raise while it
    connects.
    """
    waiting: Deferred[Any] = Deferred(lambda _: None)

    def pass_on(result: Any) -> None:
        if not waiting.called:
            waiting.callback(result)  # a Failure goes to the errbacks

    work.addBoth(pass_on)
    return waiting


async def connect(
    dsn: str, reactor: Any, timeout: float, setup: str = "", kind: type[Connection] = Connection
) -> Connection:
    """Return an open connection that has run ``setup``.

    Raises psycopg2.Error, or Unavailable after ``timeout`` seconds: the connection is closed then, and what was under
    way fails in whatever way it finds that out.
    """
    connection = kind(reactor=reactor)
    gave_up = False

    def give_up() -> None:
        nonlocal gave_up
        gave_up = True
        if connection._connection is not None:
            connection.close()

    late = reactor.callLater(timeout, give_up)
    try:
        await _uncancellable(connection.connect(dsn))
        if setup:
            await _uncancellable(connection.runOperation(setup))
    except BaseException as error:
        if gave_up or isinstance(error, ConnectionClosed):
            raise Unavailable("The database does not answer. Try again shortly.") from error
        if connection._connection is not None:
            connection.close()
        raise
    finally:
        if late.active():
            late.cancel()
    return connection


class Pool:
    """At most ``size`` connections, opened when first needed. The connection used last is used next, so it stays warm.

    A caller waits at most ``wait`` seconds for a free connection, and at most ``queue`` callers wait.
    The pool closes a connection whose statement gets no answer in ``patience`` seconds. The server's own statement
    timeout ends a statement earlier, unless the server or the network is frozen.
    """

    def __init__(
        self,
        dsn: str,
        reactor: Any,
        *,
        size: int,
        setup: str = "",
        wait: float = 5.0,
        queue: int = 1000,
        patience: float = 12.0,
    ) -> None:
        self.dsn = dsn
        self.size = size
        self.queue = queue
        self.wait = wait
        self.patience = patience
        self._setup = setup
        self._reactor: Any = reactor
        self._idle: list[Connection] = []
        self._waiting: deque[Deferred[Connection | None]] = deque()
        self._open = 0  # idle, lent, or being opened
        self._lent: set[Connection] = set()
        self._sweeping: Any = None
        self._closed = False
        self._drained: Deferred[None] | None = None
        #: how often a caller waited for a connection, for how many seconds in all, and how often without getting one
        self.waits = 0
        self.waited = 0.0
        self.refused = 0
        #: connections that were opened, and connections that were lost or given back broken
        self.opened = 0
        self.broken = 0
        self.health = DatabaseHealth(reactor.seconds)

    @property
    def lent(self) -> int:
        return self._open - len(self._idle)

    @property
    def idle(self) -> int:
        return len(self._idle)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def take(self) -> Connection:
        """Return a usable connection, which the caller gives back with `give`. Raises Unavailable."""
        connection = await self._take()
        self._lent.add(connection)
        if self._sweeping is None:
            self._sweeping = self._reactor.callLater(1.0, self._sweep)
        return connection

    def _sweep(self) -> None:
        """Close overdue connections, once a second while any are lent: cheaper than a timer for each statement."""
        self._sweeping = None
        now = self._reactor.seconds()
        for connection in list(self._lent):
            patience = self.patience if connection.patience is None else connection.patience
            if connection.running is not None and connection.since <= now - patience and connection.usable:
                self.health.timed_out(patience)
                connection.overdue = True
                connection.close()
                self.close_idle()
        if self._lent:
            self._sweeping = self._reactor.callLater(1.0, self._sweep)

    async def _take(self) -> Connection:
        if self._closed:
            raise Unavailable("The service is shutting down. Try again shortly.")
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            self._open -= 1
            self.broken += 1
        if self._open < self.size:
            return await self._fresh()
        if len(self._waiting) >= self.queue:
            self.refused += 1
            raise Unavailable("The database has too much to do. Try again shortly.")
        handed = await self._turn()
        return handed if handed is not None else await self._fresh()

    def give(self, connection: Connection, *, broken: bool = False) -> None:
        """Take a connection back that is idle and outside any transaction, or close one that is ``broken``."""
        self._lent.discard(connection)
        connection.patience = None
        if broken or self._closed or not connection.usable:
            if connection._connection is not None:
                connection.close()
            self.broken += not self._closed
            self._freed(None)
        elif not self._hand_over(connection):
            self._idle.append(connection)
        self._notice_drained()

    def close_idle(self) -> None:
        """Close the idle connections. When one connection was lost with the server, these were lost too."""
        for connection in self._idle:
            connection.close()
        self._open -= len(self._idle)
        self.broken += 0 if self._closed else len(self._idle)
        self._idle.clear()

    async def close(self) -> None:
        """Close all connections, after waiting for lent ones."""
        self._closed = True
        self.close_idle()
        while self._waiting:
            self._waiting.popleft().errback(Unavailable("The service is shutting down. Try again shortly."))
        if self._open:
            self._drained = Deferred()
            await self._drained
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    async def _fresh(self) -> Connection:
        self._open += 1
        try:
            made = await connect(self.dsn, self._reactor, self.wait, self._setup)
            self.opened += 1
            made.failed = self.health.failed
            self.health.connected()
            return made
        except psycopg2.Error as error:
            self.health.failed(error)
            self._freed(None)
            self._notice_drained()
            raise Unavailable() from error
        except BaseException as error:
            if isinstance(error, Unavailable):
                self.health.timed_out(self.wait)
            self._freed(None)
            self._notice_drained()
            raise

    def _turn(self) -> Deferred[Connection | None]:
        """Return a Deferred that fires with a connection, or with None when there is room to open one."""
        turn: Deferred[Connection | None] = Deferred(self._forget)
        self._waiting.append(turn)
        since = self._reactor.seconds()
        self.waits += 1

        def too_late() -> None:
            if turn in self._waiting:
                self.refused += 1
                self._waiting.remove(turn)
                turn.errback(Unavailable("The database has too much to do. Try again shortly."))

        clock: IReactorTime = self._reactor
        late = clock.callLater(self.wait, too_late)

        def stop_clock(result: Connection | Failure | None) -> Connection | Failure | None:
            self.waited += self._reactor.seconds() - since
            try:
                late.cancel()
            except (AlreadyCalled, AlreadyCancelled):
                pass
            return result

        return turn.addBoth(stop_clock)

    def _forget(self, turn: Deferred[Connection | None]) -> None:
        if turn in self._waiting:
            self._waiting.remove(turn)

    def _hand_over(self, connection: Connection | None) -> bool:
        if not self._waiting:
            return False
        self._waiting.popleft().callback(connection)
        return True

    def _freed(self, connection: None) -> None:
        self._open -= 1
        self._hand_over(connection)

    def _notice_drained(self) -> None:
        if self._drained is not None and self._open == 0:
            drained, self._drained = self._drained, None
            drained.callback(None)
