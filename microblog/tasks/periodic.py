"""Periodic work: a LoopingCall that survives exceptions.

Twisted's own stops at the first exception. This one logs it and continues at the next turn. It never runs its work
twice at the same time, and it can be woken.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from microblog.domain.errors import Unavailable

log = Logger()


class Periodic:
    """Calls ``work`` every ``seconds``, the first time at once.

    ``name`` names the work in the log, as in "the mail failed". An unavailable database is logged once when it goes and
    once when it is back; any other exception is logged with its traceback each time.
    """

    def __init__(
        self, name: str, work: Callable[[], Awaitable[object]], seconds: float, clock: IReactorTime
    ) -> None:
        self.name = name
        self._work = work
        self._seconds = seconds
        self._loop = LoopingCall(self._turn)
        self._loop.clock = clock
        self._running: Deferred[None] | None = None
        self._again = False
        self._away = False

    @property
    def started(self) -> bool:
        return self._loop.running

    def start(self) -> None:
        ended: Deferred[Any] = self._loop.start(self._seconds, now=True)
        ended.addErrback(lambda failure: log.failure("{name} ended", failure, name=self.name))

    async def stop(self, *, cancel: bool = False) -> None:
        """Stop, and return when a running call has ended. ``cancel`` cancels that call."""
        self._again = False
        if self._loop.running:
            self._loop.stop()
        running = self._running
        if running is not None:
            ended: Deferred[None] = Deferred()
            running.addBoth(lambda _: ended.callback(None))
            if cancel:
                running.cancel()
            await ended

    def wake(self) -> None:
        """Call the work now or, if it is running, once more after that."""
        if not self._loop.running:
            return
        if self._running is not None:
            self._again = True
        else:
            self._turn()

    def _turn(self) -> Deferred[None] | None:
        if self._running is not None:  # woken just before its time
            return None
        running = ensureDeferred(self._until_quiet())
        if running.called:
            return None
        self._running = running

        def ended(result: Any) -> None:
            self._running = None

        running.addBoth(ended)
        done: Deferred[None] = Deferred()
        running.addBoth(lambda _: done.callback(None))
        return done

    async def _until_quiet(self) -> None:
        while True:
            self._again = False
            await self._once()
            if not self._again:
                return

    async def _once(self) -> None:
        try:
            await self._work()
        except CancelledError:
            self._again = False
        except Unavailable:
            # The store logs the reason (`store/engine/database_health.py`).
            if not self._away:
                self._away = True
                log.warn("{name} waits for the database", name=self.name)
        except Exception:  # noqa: BLE001 - no exception may end the loop
            log.failure("{name} failed; the next turn comes in time", name=self.name)
        else:
            if self._away:
                self._away = False
                log.info("{name} goes on", name=self.name)
