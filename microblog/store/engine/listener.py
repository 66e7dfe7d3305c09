"""A connection of its own that LISTENs, and listens again after a loss.

A notification is a hint that a table has something new, never the news itself.  So after each (re)connection
every listener is told once, as if notified: whatever came in between is found by looking.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import psycopg2
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger

from microblog.domain.errors import Unavailable
from microblog.store.engine.pool import Connection, connect

log = Logger()


class _Listening(Connection):
    """Tells when it is lost."""

    lost: Callable[[], None] | None = None

    def connectionLost(self, reason: Any) -> None:
        super().connectionLost(reason)
        if self.lost is not None and not self.usable:
            lost, self.lost = self.lost, None
            lost()


class Listener:
    """Calls ``heard[channel](payload)`` for each notification; payload None after a (re)connection.

    Reconnects after 0.1 s, doubling with jitter up to 5 s.  A quiet connection is asked once in ``check`` seconds
    whether it still lives, so that a peer which vanished without a word is noticed too.
    """

    def __init__(self, dsn: str, reactor: Any, check: float = 15.0) -> None:
        self.dsn = dsn
        self._reactor = reactor
        self._check = check
        self._heard: dict[str, Callable[[str | None], None]] = {}
        self._connection: _Listening | None = None
        self._later: Any = None
        self._delay = 0.1
        self._stopped = True
        self._said = False

    def on(self, channel: str, heard: Callable[[str | None], None]) -> None:
        """Register before `start`. ``channel`` is a plain identifier of ours."""
        self._heard[channel] = heard

    async def start(self) -> None:
        """Listening when this returns, or retrying in the background when the database is away."""
        self._stopped = False
        await self._connect()

    def stop(self) -> None:
        self._stopped = True
        if self._later is not None and self._later.active():
            self._later.cancel()
        if self._connection is not None:
            self._connection.lost = None
            self._connection.close()
            self._connection = None

    @property
    def listening(self) -> bool:
        return self._connection is not None and self._connection.usable

    async def _connect(self) -> None:
        statements = "; ".join(f"LISTEN {channel}" for channel in self._heard)
        try:
            connection = await connect(
                self.dsn,
                self._reactor,
                10.0,
                f"SET application_name = 'microblog listener'; {statements}",
                kind=_Listening,
            )
        except (psycopg2.Error, Unavailable):
            self._again()
            return
        if self._stopped:
            connection.close()
            return
        assert isinstance(connection, _Listening)
        self._connection = connection
        connection.lost = self._lost
        connection.addNotifyObserver(self._notified)
        if self._said:
            log.info("listening to the database again")
            self._said = False
        self._delay = 0.1
        self._later = self._reactor.callLater(self._check, self._look)
        for heard in self._heard.values():
            heard(None)

    def _notified(self, notification: Any) -> None:
        heard = self._heard.get(notification.channel)
        if heard is not None:
            heard(notification.payload)

    def _look(self) -> None:
        """Ask the connection whether it lives; give it as long as the interval to answer."""
        connection = self._connection
        if connection is None:
            return
        self._later = self._reactor.callLater(self._check, connection.close)
        answered: Deferred[Any] = connection.runOperation("SELECT 1")
        answered.addCallbacks(lambda _: self._alive(), lambda _: connection.close())

    def _alive(self) -> None:
        if self._later is not None and self._later.active():
            self._later.cancel()
        if not self._stopped and self.listening:
            self._later = self._reactor.callLater(self._check, self._look)

    def _lost(self) -> None:
        self._connection = None
        if self._later is not None and self._later.active():
            self._later.cancel()
        if not self._stopped:
            if not self._said:
                log.warn("lost the connection that listens to the database; trying again until it is back")
                self._said = True
            self._again()

    def _again(self) -> None:
        if self._stopped:
            return
        self._later = self._reactor.callLater(
            self._delay * random.uniform(0.8, 1.2), lambda: ensureDeferred(self._connect())
        )
        self._delay = min(self._delay * 2, 5.0)
