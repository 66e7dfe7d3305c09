"""Jobs: work that outlives the request, and the process, that asked for it.

A job is put into the queue in the transaction that causes it. A worker takes due jobs under a lease: a random number
and an end time. Only the holder of the lease may finish, fail or park the job. After the end time any worker may take
the job, because its worker died. ``attempts`` counts how often it was taken, so that a job that kills its process is
given up in the end.

At most one job has a given ``key`` (parked jobs lose theirs). Putting it again while it waits changes nothing, so a
burst makes one job. Putting it again while it runs makes it run once more afterwards, so that nothing is missed. A
transaction that puts several jobs does so in the order of their keys, so that two transactions can't deadlock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from dbxs import query, statement

from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import rows, scalar


@dataclass(frozen=True, slots=True)
class Job:
    """A job under a lease."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    key: str | None
    attempts: int  #: how often it was taken, this time included
    lease: int  #: the number of the lease; 0: none
    created_at: datetime
    run_at: datetime
    parked_at: datetime | None
    last_error: str | None


#: The NOTIFY channel for jobs that are due at once.
CHANNEL: Final = "jobs"

_COLUMNS = "id, kind, payload, key, attempts, coalesce(lease, 0), created_at, run_at, parked_at, last_error"


class JobQueries(Protocol):
    @statement(
        sql="""
        INSERT INTO jobs (kind, payload, key, run_at)
        VALUES ({kind}, {payload}::jsonb, {key}, clock_timestamp() + make_interval(secs => {delay}))
        ON CONFLICT (key) DO UPDATE SET again_at = least(jobs.again_at, excluded.run_at)
            WHERE jobs.lease IS NOT NULL
        """
    )
    async def put(self, kind: str, payload: str, key: str | None, delay: float) -> None:
        """Put a job with a JSON ``payload``, due in ``delay`` seconds. Workers poll; `notify` wakes them at once."""

    @query(sql=f"SELECT pg_notify('{CHANNEL}', '')", load=scalar)
    async def notify(self) -> object:
        """Make the workers of all processes look for jobs now.

        Call this after the commit, because a transaction that notifies holds a lock of the whole server while it
        commits.
        """

    @query(
        sql=f"""
        UPDATE jobs SET lease = {{lease}}, attempts = attempts + 1,
            leased_until = clock_timestamp() + make_interval(secs => {{seconds}})
        WHERE id IN (
            SELECT id FROM jobs
            WHERE parked_at IS NULL AND run_at <= now() AND kind = ANY({{kinds}}::text[])
                AND (lease IS NULL OR leased_until < clock_timestamp())
            ORDER BY run_at LIMIT {{limit}} FOR UPDATE SKIP LOCKED)
        RETURNING {_COLUMNS}
        """,
        load=rows(Job),
    )
    async def take(self, kinds: list[str], limit: int, lease: int, seconds: float) -> list[Job]:
        """Take at most ``limit`` due jobs under a lease of so many seconds."""

    @query(
        sql="SELECT again_at IS NOT NULL FROM jobs WHERE id = {job_id} AND lease = {lease} FOR UPDATE",
        load=scalar,
    )
    async def lock(self, job_id: int, lease: int) -> bool | None:
        """Lock a job until the transaction ends. Return whether it was put again, or None if the lease is lost."""

    @statement(sql="DELETE FROM jobs WHERE id = {job_id}")
    async def delete(self, job_id: int) -> None:
        """Delete a job that was not put again. Call `lock` first."""

    @statement(
        sql="""
        UPDATE jobs SET lease = NULL, leased_until = NULL, attempts = 0, last_error = NULL,
            run_at = again_at, again_at = NULL
        WHERE id = {job_id}
        """
    )
    async def repeat(self, job_id: int) -> None:
        """Return a job that was put again to the queue. Call `lock` first."""

    @statement(
        sql="""
        UPDATE jobs SET lease = NULL, leased_until = NULL, again_at = NULL, last_error = {error},
            run_at = clock_timestamp() + make_interval(secs => {delay})
        WHERE id = {job_id} AND lease = {lease}
        """
    )
    async def fail(self, job_id: int, lease: int, error: str, delay: float) -> None:
        """Return a failed job to the queue, due in ``delay`` seconds."""

    @statement(
        sql="""
        UPDATE jobs SET lease = NULL, leased_until = NULL, again_at = NULL, attempts = greatest(attempts - 1, 0),
            run_at = clock_timestamp() + make_interval(secs => {delay})
        WHERE id = {job_id} AND lease = {lease}
        """
    )
    async def put_off(self, job_id: int, lease: int, delay: float) -> None:
        """Return a job that was not tried to the queue, because it is too early or the process stops."""

    @statement(
        sql="""
        UPDATE jobs SET lease = NULL, leased_until = NULL, parked_at = clock_timestamp(), last_error = {error},
            payload = payload - 'token', key = NULL, again_at = NULL
        WHERE id = {job_id}
        """
    )
    async def park(self, job_id: int, error: str) -> None:
        """Park a job until the operator retries it, and delete its secret, if any. Call `lock` first."""

    @query(
        sql=f"SELECT {_COLUMNS} FROM jobs WHERE parked_at IS NOT NULL ORDER BY parked_at DESC, id DESC LIMIT {{limit}}",
        load=rows(Job),
    )
    async def parked(self, limit: int) -> list[Job]: ...

    @query(
        sql="""
        UPDATE jobs SET parked_at = NULL, attempts = 0, run_at = clock_timestamp()
        WHERE id = {job_id} AND parked_at IS NOT NULL RETURNING id
        """,
        load=scalar,
    )
    async def retry(self, job_id: int) -> int | None: ...

    @query(sql="SELECT count(*) FROM jobs WHERE parked_at IS NULL", load=scalar)
    async def waiting(self) -> int: ...


jobs = accessor(JobQueries)
