"""The job queue, as workers and the console use it: take jobs, finish them with their effect, fail, park, retry."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from twisted.logger import Logger

from microblog.domain.errors import MicroblogError, NotFound
from microblog.store.engine.database import Database
from microblog.store.jobs import CHANNEL, Job, jobs

log = Logger()

__all__ = ["CHANNEL", "Effect", "Job", "Jobs", "LeaseLost"]

#: What a job changes in the database. It runs in the transaction that finishes the job, so both happen or neither.
Effect = Callable[[Any], Awaitable[None]]

ERROR_LENGTH: Final = 500


class LeaseLost(Exception):
    """The lease ran out and another worker has taken the job. Nothing was changed."""


class Jobs:
    """Work that survives the request, and the process, that queued it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._wake: Callable[[], None] | None = None

    def when_due(self, wake: Callable[[], None]) -> None:
        """Register the worker's cheap, synchronous ``wake``, to be called when a job may be due."""
        self._wake = wake

    def wake(self, _payload: str | None = None) -> None:
        """Wake the worker: another process announced a job, or a new connection may have missed announcements."""
        if self._wake is not None:
            self._wake()

    async def put(
        self, kind: str, payload: Mapping[str, object], *, key: str | None = None, delay: float = 0
    ) -> None:
        """Queue a job in a transaction of its own. A job that belongs to a change is queued in the change's transaction
        by ``store.jobs``.
        """
        async with self._db.transaction() as tx:
            await jobs(tx).put(kind, json.dumps(payload), key, delay)
        if delay <= 0:
            await self.announce()

    async def announce(self) -> None:
        """Wake a worker for a job that was committed without a delay.

        A process with a worker wakes it; another process notifies the others. This is only a hint, because workers
        also poll, so it never fails.
        """
        if self._wake is not None:
            self._wake()
            return
        try:
            await jobs(self._db.reads).notify()
        except MicroblogError as error:
            log.debug("workers were not told of a job: {error}", error=error.text)

    async def take(self, kinds: Sequence[str], limit: int, seconds: float) -> list[Job]:
        """Take at most ``limit`` due jobs under a lease of ``seconds``."""
        async with self._db.transaction() as tx:
            taken: list[Job] = await jobs(tx).take(list(kinds), limit, secrets.randbits(62), seconds)
        return taken

    async def finish(self, job: Job, effect: Effect | None = None) -> None:
        """Run ``effect`` and delete the job, in one transaction. Raises LeaseLost."""
        async with self._db.transaction() as tx:
            again = await self._hold(tx, job)
            if effect is not None:
                await effect(tx)
            if again:
                await jobs(tx).repeat(job.id)
            else:
                await jobs(tx).delete(job.id)

    async def fail(self, job: Job, error: str, delay: float) -> None:
        """Record a failed try; the next one is in ``delay`` seconds."""
        async with self._db.transaction() as tx:
            await jobs(tx).fail(job.id, job.lease, error[:ERROR_LENGTH], delay)

    async def put_off(self, job: Job, delay: float) -> None:
        """Postpone the job by ``delay`` seconds. This does not count as a try."""
        async with self._db.transaction() as tx:
            await jobs(tx).put_off(job.id, job.lease, delay)

    async def park(self, job: Job, error: str, effect: Effect | None = None) -> None:
        """Set the job aside: it is tried again only after ``retry``. Raises LeaseLost."""
        async with self._db.transaction() as tx:
            again = await self._hold(tx, job)
            if effect is not None:
                await effect(tx)
            await jobs(tx).park(job.id, error[:ERROR_LENGTH])
            if again:
                await jobs(tx).put(job.kind, json.dumps(job.payload), job.key, 0)
        if again:
            await self.announce()

    async def parked(self, limit: int = 200) -> list[Job]:
        """Return the parked jobs, newest first."""
        parked: list[Job] = await jobs(self._db.reads).parked(limit)
        return parked

    async def retry(self, job_id: int) -> None:
        """Put a parked job back into the queue with all its tries. Raises NotFound."""
        async with self._db.transaction() as tx:
            if await jobs(tx).retry(job_id) is None:
                raise NotFound(f"No parked job has the id {job_id}.")
        await self.announce()

    async def waiting(self) -> int:
        """Count the jobs in the queue, including those that workers have taken."""
        count: int = await jobs(self._db.reads).waiting()
        return count

    @staticmethod
    async def _hold(tx: Any, job: Job) -> bool:
        again: bool | None = await jobs(tx).lock(job.id, job.lease)
        if again is None:
            raise LeaseLost(f"the lease of job {job.id} ({job.kind}) ran out")
        return again
