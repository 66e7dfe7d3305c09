"""The worker: jobs are done, tried again, parked, handed back; and what wakes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from microblog.services.jobs import CHANNEL, Job, Jobs
from microblog.store.engine.database import Database
from microblog.store.engine.listener import Listener
from microblog.tasks.jobs import (
    LONGEST_DELAY,
    Done,
    ExpectedFailure,
    GiveUp,
    Handler,
    Later,
    Worker,
    delay_after,
)
from tests.tasks.logs import logged
from tests.tasks.site import People
from tests.waiting import until


@pytest_twisted.async_yield_fixture
async def worker(jobs: Jobs, reactor_: Any) -> AsyncIterator[Callable[..., Worker]]:
    """Makes workers that run, and drains them."""
    made: list[Worker] = []

    def make(handler: Handler, **options: Any) -> Worker:
        new = Worker(jobs, {"test": handler}, reactor_, **({"poll": 0.02} | options))
        new.start()
        made.append(new)
        return new

    yield make
    for each in made:
        await each.drain(0.1)


# -- the worker ------------------------------------------------------------------------------------------------------


async def test_two_workers_one_effect(
    jobs: Jobs, people: People, worker: Callable[..., Worker], reactor_: Any
) -> None:
    for number in range(30):
        await people.put("test", {"n": number})

    async def handler(job: Job) -> Done:
        async def effect(tx: Any) -> None:
            await tx.run(
                "INSERT INTO tags (tag, shown) VALUES (%s, 'x')", (f"{job.payload['n']}-{job.attempts}",)
            )

        return Done(effect)

    worker(handler)
    worker(handler)

    async def all_done() -> bool:
        return await jobs.waiting() == 0

    await until(reactor_, all_done)
    assert await people.count("tags") == 30


async def test_what_a_handler_raises_delays_its_job_and_no_other(
    jobs: Jobs, people: People, worker: Callable[..., Worker], reactor_: Any
) -> None:
    done: list[int] = []

    async def handler(job: Job) -> Done:
        if job.payload["n"] == 0:
            raise RuntimeError("poison")
        done.append(job.payload["n"])
        return Done()

    for number in range(5):
        await people.put("test", {"n": number})
    with logged() as lines:
        worker(handler, concurrency=1)
        await until(reactor_, lambda: len(done) == 4)
    assert any("failed" in line for line in lines)
    assert await people.count("jobs", "attempts = 1 AND run_at > clock_timestamp() + interval '15 s'") == 1


async def test_a_poison_job_is_parked_after_its_tries(
    jobs: Jobs, people: People, worker: Callable[..., Worker], reactor_: Any
) -> None:
    tries: list[int] = []

    async def handler(job: Job) -> Done:
        tries.append(job.attempts)
        raise ExpectedFailure("the server is busy")

    await people.put("test", {})
    worker(handler, tries=3)

    async def parked() -> bool:
        await people.jobs_are_due()
        return bool(await jobs.parked())

    await until(reactor_, parked)
    assert tries == [1, 2, 3]
    [job] = await jobs.parked()
    assert job.last_error == "the server is busy"


async def test_a_job_that_kills_its_worker_each_time_is_parked_without_another_try(
    jobs: Jobs, people: People, worker: Callable[..., Worker], reactor_: Any
) -> None:
    await people.put("test", {})
    for _ in range(3):
        assert await jobs.take(["test"], 1, 60)
        await people.jobs_are_due()
    tried: list[Job] = []

    async def handler(job: Job) -> Done:
        tried.append(job)
        return Done()

    worker(handler, tries=3)

    async def parked() -> bool:
        return bool(await jobs.parked())

    await until(reactor_, parked)
    assert tried == []


async def test_giving_up_parks_at_once_and_writes_its_effect(
    jobs: Jobs, people: People, worker: Callable[..., Worker], reactor_: Any
) -> None:
    async def effect(tx: Any) -> None:
        await tx.run("INSERT INTO tags (tag, shown) VALUES ('bounced', 'x')")

    async def handler(job: Job) -> Done:
        raise GiveUp("no such mailbox", effect)

    await people.put("test", {})
    worker(handler)

    async def parked() -> bool:
        return bool(await jobs.parked())

    await until(reactor_, parked)
    assert await people.count("tags") == 1


async def test_too_early_is_no_try(
    jobs: Jobs, people: People, worker: Callable[..., Worker], reactor_: Any
) -> None:
    async def handler(job: Job) -> Later:
        return Later(100)

    await people.put("test", {})
    worker(handler)

    async def put_off() -> bool:
        return (
            await people.count("jobs", "attempts = 0 AND lease IS NULL AND run_at > clock_timestamp()") == 1
        )

    await until(reactor_, put_off)


async def test_no_more_at_a_time_than_allowed(
    jobs: Jobs, people: People, worker: Callable[..., Worker], reactor_: Any
) -> None:
    gates: list[Deferred[None]] = []

    async def handler(job: Job) -> Done:
        gate: Deferred[None] = Deferred()
        gates.append(gate)
        await gate
        return Done()

    for _ in range(5):
        await people.put("test", {})
    running = worker(handler, concurrency=2)
    await until(reactor_, lambda: len(gates) == 2)
    assert running.running == 2
    assert await people.count("jobs", "lease IS NOT NULL") == 2
    for _ in range(5):
        await until(reactor_, lambda: bool(gates))
        gates.pop().callback(None)

    async def all_done() -> bool:
        return await jobs.waiting() == 0

    await until(reactor_, all_done)


async def test_draining_hands_back_what_does_not_end_and_takes_nothing_more(
    jobs: Jobs, people: People, reactor_: Any
) -> None:
    began: list[Job] = []

    async def handler(job: Job) -> Done:
        began.append(job)
        await Deferred()
        return Done()

    await people.put("test", {})
    worker = Worker(jobs, {"test": handler}, reactor_, poll=0.02)
    worker.start()
    await until(reactor_, lambda: bool(began))
    await worker.drain(0.05)
    [job] = await jobs.take(["test"], 1, 60)
    assert job.attempts == 1
    worker.wake()
    assert worker.running == 0


async def test_a_handler_that_never_ends_is_cut_before_its_lease_ends(
    jobs: Jobs, people: People, worker: Callable[..., Worker], reactor_: Any
) -> None:
    async def handler(job: Job) -> Done:
        await Deferred()
        return Done()

    await people.put("test", {})
    worker(handler, lease=0.5)

    async def failed() -> bool:
        return await people.count("jobs", "last_error = 'It did not end in time.'") == 1

    await until(reactor_, failed)


@given(st.integers(1, 60), st.floats(0.75, 1.25))
def test_delays_grow_and_end_growing(attempts: int, spread: float) -> None:
    assert delay_after(attempts + 1, spread) >= delay_after(attempts, spread) > 0
    assert delay_after(attempts) <= LONGEST_DELAY * 1.25


# -- waking ----------------------------------------------------------------------------------------------------------


async def test_what_is_due_at_once_wakes_the_workers_of_all_processes(
    jobs: Jobs, db: Database, people: People, worker: Callable[..., Worker], dsn: str, reactor_: Any
) -> None:
    done: list[int] = []

    async def handler(job: Job) -> Done:
        done.append(job.payload["n"])
        return Done()

    elsewhere = Jobs(db)  # of a process that works on none
    listener = Listener(dsn, reactor_)
    listener.on(CHANNEL, jobs.wake)
    await listener.start()
    try:
        running = worker(handler, poll=3600)
        jobs.when_due(running.wake)
        for number in range(3):
            await (jobs if number == 1 else elsewhere).put("test", {"n": number})
            await until(reactor_, lambda number=number: len(done) == number + 1)
        await people.put("test", {"n": 3}, delay=1000)
        await people.sql("UPDATE jobs SET parked_at = now(), run_at = now()")
        [parked] = await jobs.parked()
        await elsewhere.retry(parked.id)
        await until(reactor_, lambda: len(done) == 4)
    finally:
        listener.stop()
