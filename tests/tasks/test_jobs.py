"""Jobs as rows: taken under a lease, finished once, asked for under a key, parked."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import DeferredList, ensureDeferred

from microblog.domain.errors import NotFound
from microblog.services.jobs import Jobs, LeaseLost
from tests.tasks.site import People

# -- leases ----------------------------------------------------------------------------------------------------------


async def test_a_job_is_taken_once(jobs: Jobs, people: People) -> None:
    await people.put("test", {"n": 1})
    [job] = await jobs.take(["test"], 5, 60)
    assert (job.kind, job.payload, job.attempts) == ("test", {"n": 1}, 1)
    assert await jobs.take(["test"], 5, 60) == []


async def test_only_kinds_that_are_asked_for_and_only_when_due(jobs: Jobs, people: People) -> None:
    await people.put("other", {})
    await people.put("test", {}, delay=60)
    assert await jobs.take(["test"], 5, 60) == []


async def test_takers_who_race_never_get_the_same_job(jobs: Jobs, people: People) -> None:
    for number in range(40):
        await people.put("test", {"n": number})
    taken = await DeferredList([ensureDeferred(jobs.take(["test"], 7, 60)) for _ in range(8)])
    ids = [job.id for _, found in taken for job in found]
    assert len(ids) == 40
    assert len(set(ids)) == 40


async def test_a_dead_workers_job_is_anybodys_after_the_lease_and_the_dead_one_can_finish_nothing(
    jobs: Jobs, people: People
) -> None:
    await people.put("test", {})
    [first] = await jobs.take(["test"], 1, 60)
    await people.jobs_are_due()
    [second] = await jobs.take(["test"], 1, 60)
    assert (second.id, second.attempts) == (first.id, 2)

    async def effect(tx: Any) -> None:
        await tx.run("INSERT INTO tags (tag, shown) VALUES ('done', 'done')")

    with pytest.raises(LeaseLost):
        await jobs.finish(first, effect)
    assert await people.count("tags") == 0
    await jobs.finish(second, effect)
    assert await people.count("tags") == 1
    assert await jobs.waiting() == 0


async def test_the_effect_and_the_end_of_the_job_happen_both_or_neither(jobs: Jobs, people: People) -> None:
    await people.put("test", {})
    [job] = await jobs.take(["test"], 1, 60)

    async def effect(tx: Any) -> None:
        await tx.run("INSERT INTO tags (tag, shown) VALUES ('done', 'done')")
        raise ValueError("after all, no")

    with pytest.raises(ValueError, match="after all"):
        await jobs.finish(job, effect)
    assert await people.count("tags") == 0
    assert await jobs.waiting() == 1


# -- keys ------------------------------------------------------------------------------------------------------------


async def test_a_burst_asks_once(jobs: Jobs, people: People) -> None:
    for _ in range(3):
        await people.put("test", {}, key="mail:1")
    assert await jobs.waiting() == 1


async def test_asked_for_again_while_it_runs_it_runs_again(jobs: Jobs, people: People) -> None:
    await people.put("test", {}, key="mail:1")
    [job] = await jobs.take(["test"], 1, 60)
    await people.put("test", {}, key="mail:1")
    assert await jobs.take(["test"], 1, 60) == []
    await jobs.finish(job)
    [again] = await jobs.take(["test"], 1, 60)
    assert (again.id, again.attempts) == (job.id, 1)
    await jobs.finish(again)
    assert await jobs.waiting() == 0


async def test_a_parked_job_stands_in_nobodys_way(jobs: Jobs, people: People) -> None:
    await people.put("test", {}, key="mail:1")
    [job] = await jobs.take(["test"], 1, 60)
    await people.put("test", {}, key="mail:1")
    await jobs.park(job, "refused")
    [other] = await jobs.take(["test"], 1, 60)
    assert other.id != job.id
    await jobs.finish(other)
    await people.put("test", {}, key="mail:1")
    assert await jobs.waiting() == 1


# -- parked ----------------------------------------------------------------------------------------------------------


async def test_a_parked_job_is_listed_with_its_reason_without_its_secret_and_can_be_retried(
    jobs: Jobs, people: People
) -> None:
    await people.put("test", {"account": 1, "token": "canary"})
    [job] = await jobs.take(["test"], 1, 60)
    await jobs.park(job, "refused")
    assert await jobs.take(["test"], 1, 60) == []
    [parked] = await jobs.parked()
    assert (parked.id, parked.last_error, parked.payload) == (job.id, "refused", {"account": 1})
    await jobs.retry(job.id)
    assert await jobs.parked() == []
    [again] = await jobs.take(["test"], 1, 60)
    assert again.attempts == 1


async def test_only_parked_jobs_can_be_retried(jobs: Jobs, people: People) -> None:
    await people.put("test", {})
    [job] = await jobs.take(["test"], 1, 60)
    with pytest.raises(NotFound):
        await jobs.retry(job.id)
    with pytest.raises(NotFound):
        await jobs.retry(1)
