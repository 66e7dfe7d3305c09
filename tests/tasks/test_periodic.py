"""A LoopingCall that goes on."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from microblog.domain.errors import Unavailable
from microblog.tasks.periodic import Periodic
from tests.tasks.logs import logged


class Work:
    """Counts its calls, raises what it is told to, and waits for ``release`` when ``slow``."""

    def __init__(self) -> None:
        self.calls = 0
        self.raises: list[Exception] = []
        self.slow = False
        self.waiting: list[Deferred[None]] = []

    async def __call__(self) -> None:
        self.calls += 1
        if self.slow:
            waiting: Deferred[None] = Deferred()
            self.waiting.append(waiting)
            await waiting
        if self.raises:
            raise self.raises.pop(0)

    def release(self) -> None:
        self.waiting.pop(0).callback(None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def periodic(work: Work, clock: Clock) -> Periodic:
    return Periodic("the work", work, 10, clock)


def test_the_first_call_is_at_once_and_the_next_after_the_interval(
    periodic: Periodic, work: Work, clock: Clock
) -> None:
    periodic.start()
    assert work.calls == 1
    clock.advance(9)
    assert work.calls == 1
    clock.advance(1)
    assert work.calls == 2
    ensureDeferred(periodic.stop())
    assert clock.getDelayedCalls() == []


def test_an_exception_is_logged_and_the_next_call_comes(periodic: Periodic, work: Work, clock: Clock) -> None:
    work.raises = [ValueError("odd")]
    with logged() as lines:
        periodic.start()
    assert [line for line in lines if "the work failed" in line]
    clock.advance(10)
    assert work.calls == 2
    ensureDeferred(periodic.stop())


def test_a_database_that_is_away_is_one_line_and_its_return_another(
    periodic: Periodic, work: Work, clock: Clock
) -> None:
    work.raises = [Unavailable(), Unavailable(), Unavailable()]
    with logged() as lines:
        periodic.start()
        clock.advance(10)
        clock.advance(10)
        clock.advance(10)
    assert len([line for line in lines if "waits for the database" in line]) == 1
    assert len([line for line in lines if "goes on" in line]) == 1
    ensureDeferred(periodic.stop())


def test_woken_it_calls_now(periodic: Periodic, work: Work, clock: Clock) -> None:
    periodic.start()
    periodic.wake()
    assert work.calls == 2
    ensureDeferred(periodic.stop())


def test_work_never_runs_twice_at_once_and_a_wake_during_it_means_once_more(
    periodic: Periodic, work: Work, clock: Clock
) -> None:
    work.slow = True
    periodic.start()
    periodic.wake()
    periodic.wake()
    clock.advance(30)
    assert work.calls == 1
    work.release()
    assert work.calls == 2
    work.slow = False
    work.release()
    assert work.calls == 2
    ensureDeferred(periodic.stop())


def test_stopping_waits_for_the_call_that_runs(periodic: Periodic, work: Work, clock: Clock) -> None:
    work.slow = True
    periodic.start()
    stopped: list[Any] = []
    ensureDeferred(periodic.stop()).addBoth(stopped.append)
    assert stopped == []
    work.release()
    assert stopped == [None]
    assert clock.getDelayedCalls() == []


def test_stopping_can_cancel_the_call_that_runs(periodic: Periodic, work: Work, clock: Clock) -> None:
    work.slow = True
    periodic.start()
    stopped: list[Any] = []
    ensureDeferred(periodic.stop(cancel=True)).addBoth(stopped.append)
    assert stopped == [None]


def test_a_stopped_one_is_not_woken(periodic: Periodic, work: Work) -> None:
    periodic.start()
    ensureDeferred(periodic.stop())
    periodic.wake()
    assert work.calls == 1
