"""Jobs as their workers and the console command see them: taken, finished with their effect, failed, parked."""

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

#: What a job changes in the database.  Run in the transaction that finishes the job: both happen, or neither.
Effect = Callable[[Any], Awaitable[None]]

ERROR_LENGTH: Final = 500


class LeaseLost(Exception):
    """The lease ran out, and somebody else has the job, or had it: nothing was changed."""


class Jobs:
    """Work that outlives whoever asked for it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._wake: Callable[[], None] | None = None

    def when_due(self, wake: Callable[[], None]) -> None:
        """``wake`` is called when there may be a job to do now: a worker's, cheap and synchronous."""
        self._wake = wake

    def heard(self, _payload: str | None = None) -> None:
        """A notification on ``CHANNEL``, or a connection that may have missed some."""
        if self._wake is not None:
            self._wake()

    async def put(
        self, kind: str, payload: Mapping[str, object], *, key: str | None = None, delay: float = 0
    ) -> None:
        """A job of its own transaction.  What belongs to a change is put by ``store.jobs`` in that change's."""
        async with self._db.transaction() as tx:
            await jobs(tx).put(kind, json.dumps(payload), key, delay)
        if delay <= 0:
            await self.announce()

    async def announce(self) -> None:
        """A job without a delay was committed: have it done at once.

        A process that works on jobs takes it itself; else the others are told.  It is only a hint: workers look by
        themselves, so this never fails.
        """
        if self._wake is not None:
            self._wake()
            return
        try:
            await jobs(self._db.reads).notify()
        except MicroblogError as error:
            log.debug("workers were not told of a job: {error}", error=error.text)

    async def take(self, kinds: Sequence[str], limit: int, seconds: float) -> list[Job]:
        """At most ``limit`` due jobs, held for ``seconds``."""
        async with self._db.transaction() as tx:
            taken: list[Job] = await jobs(tx).take(list(kinds), limit, secrets.randbits(62), seconds)
        return taken

    async def finish(self, job: Job, effect: Effect | None = None) -> None:
        """The job is done, ``effect`` with it.  :raises LeaseLost: neither is, somebody else holds the job."""
        async with self._db.transaction() as tx:
            again = await self._hold(tx, job)
            if effect is not None:
                await effect(tx)
            if again:
                await jobs(tx).repeat(job.id)
            else:
                await jobs(tx).delete(job.id)

    async def fail(self, job: Job, error: str, delay: float) -> None:
        """Tried, and to be tried again in ``delay`` seconds."""
        async with self._db.transaction() as tx:
            await jobs(tx).fail(job.id, job.lease, error[:ERROR_LENGTH], delay)

    async def put_off(self, job: Job, delay: float) -> None:
        """Not tried: to be taken again in ``delay`` seconds, and this taking does not count."""
        async with self._db.transaction() as tx:
            await jobs(tx).put_off(job.id, job.lease, delay)

    async def park(self, job: Job, error: str, effect: Effect | None = None) -> None:
        """Not to be tried again unless somebody says ``retry``.  :raises LeaseLost: somebody else holds it."""
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
        """The newest first."""
        found: list[Job] = await jobs(self._db.reads).parked(limit)
        return found

    async def retry(self, job_id: int) -> None:
        """Back in the queue with all its tries.  :raises NotFound: no parked job has this id."""
        async with self._db.transaction() as tx:
            if await jobs(tx).retry(job_id) is None:
                raise NotFound(f"No parked job has the id {job_id}.")
        await self.announce()

    async def waiting(self) -> int:
        """How many are in the queue, those being worked on included."""
        count: int = await jobs(self._db.reads).waiting()
        return count

    @staticmethod
    async def _hold(tx: Any, job: Job) -> bool:
        again: bool | None = await jobs(tx).lock(job.id, job.lease)
        if again is None:
            raise LeaseLost(f"the lease of job {job.id} ({job.kind}) ran out")
        return again
