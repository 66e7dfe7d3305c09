"""Jobs: work that outlives the request, and the process, that asked for it.

A job is put in the transaction of what calls for it.  A worker takes due ones under a lease, which is a random number
and a time; whoever holds the lease may finish, fail or park the job, and nobody else may.  When the time has passed,
the job is anybody's again: its worker died.  ``attempts`` counts the takings, so that a job that kills its process
comes to an end as well.

Of jobs with a ``key`` there is at most one (parked ones have lost theirs).  Put again while it waits, nothing changes:
a burst asks once.  Put again while it runs, it waits anew when it is done, so that nothing that came in between is
missed.  Who puts several in one transaction does so in the order of their keys, else two of them can deadlock.
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
    """A piece of work."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    key: str | None
    attempts: int  #: takings, this one included
    lease: int  #: the number of who holds it; 0 when nobody does
    created_at: datetime
    run_at: datetime
    parked_at: datetime | None
    last_error: str | None


#: Notified when there is a job to do now.
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
        """``payload`` is JSON; ``delay`` is in seconds.  Workers find it by looking; ``tell`` has them look at once."""

    @query(sql=f"SELECT pg_notify('{CHANNEL}', '')", load=scalar)
    async def tell(self) -> object:
        """Workers of all processes look now.  After the commit, and never in a transaction that writes: one that
        notifies holds a lock of the whole server while it commits."""

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
        """At most ``limit`` jobs that are due, now held for ``seconds`` under ``lease``."""

    @query(
        sql="SELECT again_at IS NOT NULL FROM jobs WHERE id = {job_id} AND lease = {lease} FOR UPDATE",
        load=scalar,
    )
    async def hold(self, job_id: int, lease: int) -> bool | None:
        """Locks the job until the transaction ends: whether it was asked for again; None when the lease is lost."""

    @statement(sql="DELETE FROM jobs WHERE id = {job_id}")
    async def delete(self, job_id: int) -> None:
        """After ``hold``, when nobody asked for it again."""

    @statement(
        sql="""
        UPDATE jobs SET lease = NULL, leased_until = NULL, attempts = 0, last_error = NULL,
            run_at = again_at, again_at = NULL
        WHERE id = {job_id}
        """
    )
    async def repeat(self, job_id: int) -> None:
        """After ``hold``, when somebody asked for it again: it waits anew."""

    @statement(
        sql="""
        UPDATE jobs SET lease = NULL, leased_until = NULL, again_at = NULL, last_error = {error},
            run_at = clock_timestamp() + make_interval(secs => {delay})
        WHERE id = {job_id} AND lease = {lease}
        """
    )
    async def fail(self, job_id: int, lease: int, error: str, delay: float) -> None:
        """Back in the queue, for ``delay`` seconds."""

    @statement(
        sql="""
        UPDATE jobs SET lease = NULL, leased_until = NULL, again_at = NULL, attempts = greatest(attempts - 1, 0),
            run_at = clock_timestamp() + make_interval(secs => {delay})
        WHERE id = {job_id} AND lease = {lease}
        """
    )
    async def put_off(self, job_id: int, lease: int, delay: float) -> None:
        """The same without having tried: it is too early, or the process ends."""

    @statement(
        sql="""
        UPDATE jobs SET lease = NULL, leased_until = NULL, parked_at = clock_timestamp(), last_error = {error},
            payload = payload - 'token', key = NULL, again_at = NULL
        WHERE id = {job_id}
        """
    )
    async def park(self, job_id: int, error: str) -> None:
        """After ``hold``: out of the queue until somebody says ``retry``.  Its secret, if any, is forgotten."""

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
