"""A LoopingCall that goes on.

Twisted's own ends for good at the first exception.  This one logs it and calls again at the next turn; it never runs
its work twice at once, and it can be woken.
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

    ``name`` says in the log what it is that failed, as in "the mail failed".  A database that is away is one line
    when it goes and one when it is back; anything else is logged with its traceback each time.
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
        """No further call; returns when the one that runs, if any, has ended.  ``cancel`` ends it early."""
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
        """Calls the work now; when it runs already, once more after that."""
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
            # Why it is away is a line of the store's own (`store/engine/database_health.py`).
            if not self._away:
                self._away = True
                log.warn("{name} waits for the database", name=self.name)
        except Exception:  # noqa: BLE001 - whatever it is, the next turn comes
            log.failure("{name} failed; the next turn comes in time", name=self.name)
        else:
            if self._away:
                self._away = False
                log.info("{name} goes on", name=self.name)
