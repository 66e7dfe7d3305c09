"""The worker: takes due jobs and runs the handlers of their kinds.

A clock drives it, and an announcement of a job wakes it. An exception of a handler never stops it:

==========================  ==================================================================================
a handler                   and its job
==========================  ==================================================================================
returns ``Done(effect)``    is deleted, in the transaction that ``effect`` runs in
returns ``Later(seconds)``  waits; this does not count as a try
raises ``GiveUp``           is parked at once, with that reason
raises anything else        is tried again after a growing, jittered delay, and parked after its tries
does not end in time        the same
==========================  ==================================================================================

When a worker is killed, another takes its jobs after their leases have run out.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, DeferredList, ensureDeferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from microblog.domain.errors import Unavailable
from microblog.services.jobs import Effect, Job, Jobs, LeaseLost
from microblog.tasks.periodic import Periodic

log = Logger()

FIRST_DELAY: Final = 30.0
LONGEST_DELAY: Final = 6 * 3600.0
#: With the delays above, a job is parked after a day and a half, longer than most outages of a mail server.
TRIES: Final = 14
LEASE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Done:
    """The work is done. ``effect`` writes its result, in the transaction that deletes the job."""

    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """The job is not due yet: it waits for ``seconds``."""

    seconds: float


class GiveUp(Exception):
    """Another try cannot help. ``effect`` runs in the transaction that parks the job."""

    def __init__(self, reason: str, effect: Effect | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.effect = effect


Handler = Callable[[Job], Coroutine[Any, Any, Done | Later]]


def delay_after(attempts: int, spread: float | None = None) -> float:
    """Return the seconds to wait after a number of attempts: doubling, capped, with 25 % jitter."""
    factor = random.uniform(0.75, 1.25) if spread is None else spread
    return float(min(FIRST_DELAY * 2 ** (attempts - 1), LONGEST_DELAY) * factor)


class Worker:
    """Runs at most ``concurrency`` jobs at a time, of the kinds in ``handlers``, under leases of ``lease`` seconds."""

    def __init__(
        self,
        jobs: Jobs,
        handlers: Mapping[str, Handler],
        clock: IReactorTime,
        *,
        concurrency: int = 4,
        lease: float = LEASE,
        tries: int = TRIES,
        poll: float = 1.0,
    ) -> None:
        self._jobs = jobs
        self._handlers = handlers
        self._clock: Any = clock
        self._concurrency = concurrency
        self._lease = lease
        self._tries = tries
        self._running: dict[int, Deferred[None]] = {}
        self._handling: dict[int, Deferred[Done | Later]] = {}
        self._draining = False
        #: how many times each kind of job ended as "done", "failed", "parked" or "put off"
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self._loop = Periodic("the work on jobs", self._take, poll, clock)

    @property
    def running(self) -> int:
        """The number of jobs that run."""
        return len(self._running)

    def start(self) -> None:
        self._loop.start()

    def wake(self) -> None:
        """Look for due jobs now."""
        self._loop.wake()

    async def drain(self, seconds: float = 10.0) -> None:
        """Take no more jobs. Running jobs get ``seconds`` to finish, then return to the queue."""
        self._draining = True
        await self._loop.stop()
        if not self._running:
            return
        late = self._clock.callLater(seconds, self._cancel_all)
        await DeferredList([self._ended(each) for each in self._running.values()])
        if late.active():
            late.cancel()

    def _cancel_all(self) -> None:
        # Only handlers: cancelling the recording of a finished job would repeat its work.
        for each in list(self._handling.values()):
            each.cancel()

    @staticmethod
    def _ended(running: Deferred[None]) -> Deferred[None]:
        ended: Deferred[None] = Deferred()
        running.addBoth(lambda _: ended.callback(None))
        return ended

    async def _take(self) -> None:
        free = self._concurrency - len(self._running)
        if free <= 0 or self._draining:
            return
        held_until = self._clock.seconds() + self._lease
        for job in await self._jobs.take(list(self._handlers), free, self._lease):
            self._begin(job, held_until)

    def _begin(self, job: Job, held_until: float) -> None:
        work = ensureDeferred(self._run(job))
        running: Deferred[None] = Deferred()

        def ended(result: Any) -> None:
            self._running.pop(job.id, None)
            running.callback(None)
            self.wake()

        async def conclude(conclusion: _Conclusion) -> None:
            await self._record(job, conclusion, held_until)

        def failed(failure: Any) -> None:
            log.failure("the end of job {id} ({kind}) is not written down", failure, id=job.id, kind=job.kind)

        self._running[job.id] = running
        work.addCallback(lambda conclusion: ensureDeferred(conclude(conclusion)))
        work.addErrback(failed)
        work.addBoth(ended)

    async def _run(self, job: Job) -> _Conclusion:
        """Run a job's handler. Return how to record its outcome; never raise."""
        if job.attempts > self._tries:
            return lambda: self._park(job, job.last_error or "Its worker died each time it was tried.")
        work = self._handling[job.id] = ensureDeferred(self._handlers[job.kind](job))
        try:
            # The handler ends well before its lease, so that no other worker can take the job meanwhile.
            outcome = await work.addTimeout(self._lease * 0.8, self._clock)
        except GiveUp as given_up:
            reason, effect = given_up.reason, given_up.effect
            return lambda: self._park(job, reason, effect)
        except CancelledError:
            self.outcomes[job.kind, "put off"] += 1
            return lambda: self._jobs.put_off(job, 0)
        except TookTooLong:
            return self._failed(job, "It did not end in time.")
        except Unavailable as error:
            return self._failed(job, error.text)
        except ExpectedFailure as error:
            return self._failed(job, str(error))
        except Exception as error:  # noqa: BLE001 - a fault in a handler must only affect its job
            log.failure("job {id} ({kind}) failed", id=job.id, kind=job.kind)
            return self._failed(job, f"{type(error).__name__}: {error}")
        finally:
            self._handling.pop(job.id, None)
        if isinstance(outcome, Later):
            seconds = outcome.seconds
            self.outcomes[job.kind, "put off"] += 1
            return lambda: self._jobs.put_off(job, seconds)
        effect = outcome.effect
        self.outcomes[job.kind, "done"] += 1
        return lambda: self._jobs.finish(job, effect)

    def _failed(self, job: Job, reason: str) -> _Conclusion:
        if job.attempts >= self._tries:
            return lambda: self._park(job, reason)
        self.outcomes[job.kind, "failed"] += 1
        delay = delay_after(job.attempts)
        log.info(
            "job {id} ({kind}) failed, try {attempt} of {tries}; again in {delay} s: {reason}",
            id=job.id,
            kind=job.kind,
            attempt=job.attempts,
            tries=self._tries,
            delay=round(delay),
            reason=reason,
        )
        return lambda: self._jobs.fail(job, reason, delay)

    async def _park(self, job: Job, reason: str, effect: Effect | None = None) -> None:
        await self._jobs.park(job, reason, effect)
        self.outcomes[job.kind, "parked"] += 1
        log.warn(
            "job {id} ({kind}) is parked: {reason} (microblog jobs list)",
            id=job.id,
            kind=job.kind,
            reason=reason,
        )

    async def _record(self, job: Job, conclusion: _Conclusion, held_until: float) -> None:
        """Record the outcome of a job. While the lease holds, wait for the database, so that no work repeats."""
        delay = 0.5
        while True:
            try:
                await conclusion()
            except LeaseLost as lost:
                log.info("{reason}: whoever has it now finishes it", reason=str(lost))
                return
            except Unavailable:
                if self._draining or self._clock.seconds() + delay > held_until:
                    log.warn("job {id} ({kind}) runs again when its lease is over", id=job.id, kind=job.kind)
                    return
                await deferLater(self._clock, delay)
                delay = min(delay * 2, 10.0)
            else:
                return


_Conclusion = Callable[[], Awaitable[None]]


class ExpectedFailure(Exception):
    """A failure to expect, such as a busy mail server: one log line, no traceback."""
