"""What counts as left behind by a test, and that such a test fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock, LoopingCall
from twisted.web.client import HTTPConnectionPool

from microblog.store.embedded.server import EmbeddedPostgres
from tests.leaks import is_shared, left_behind, module_of

ROOT = Path(__file__).parents[1]


def nothing() -> None: ...


class Loops:
    def look(self) -> None: ...


def test_a_call_that_waits_is_left_behind_until_it_is_cancelled() -> None:
    clock = Clock()
    call = clock.callLater(5, nothing)
    assert left_behind(clock, []) == [call]
    call.cancel()
    assert left_behind(clock, []) == []


def test_what_was_there_before_is_not_the_tests_own_even_when_it_has_come_again() -> None:
    clock, loops = Clock(), Loops()
    looping = LoopingCall(loops.look)
    looping.clock = clock
    looping.start(1)
    clock.callLater(1, loops.look)
    before = [call.func for call in clock.getDelayedCalls()]
    clock.advance(1)
    clock.callLater(1, loops.look)
    assert left_behind(clock, before) == []
    clock.callLater(1, Loops().look)
    assert len(left_behind(clock, before)) == 1
    looping.stop()


@pytest.mark.parametrize(
    "function",
    [
        nothing,
        Loops().look,
        partial(nothing),
        partial(partial(Loops().look), 1),
        LoopingCall(nothing),
        LoopingCall(partial(Loops().look)),
        lambda: None,
        Loops,
    ],
)
def test_a_call_belongs_to_the_module_of_what_it_calls_in_the_end(function: Any) -> None:
    assert module_of(function) == __name__


def test_what_all_tests_share_may_wait(reactor_: Any, tmp_path: Path) -> None:
    clock = Clock()
    server = EmbeddedPostgres(tmp_path, reactor_)
    for function in (LoopingCall(server._look), HTTPConnectionPool(reactor_)._removeConnection):
        assert is_shared(clock.callLater(1, function))
    assert not is_shared(clock.callLater(1, LoopingCall(nothing)))


TESTS = """
from twisted.internet import reactor
from twisted.internet.task import LoopingCall
import pytest


def nothing(): ...


def test_leaves_a_call():
    reactor.callLater(60, nothing)


def test_leaves_a_loop():
    LoopingCall(nothing).start(60)


async def test_leaves_a_call_while_the_reactor_runs():
    reactor.callLater(60, nothing)


def test_leaves_nothing():
    reactor.callLater(60, nothing).cancel()


def test_leaves_what_happens_in_the_next_turns():
    reactor.callLater(0, reactor.callLater, 0, nothing)


@pytest.fixture
def tidied():
    call = reactor.callLater(60, nothing)
    yield
    call.cancel()


@pytest.fixture(scope="module")
def of_all():
    call = reactor.callLater(60, nothing)
    yield
    call.cancel()


def test_has_fixtures_that_tidy_up_after_it(tidied, of_all): ...


def test_comes_while_a_fixture_of_the_whole_module_waits(): ...
"""


def test_a_test_that_leaves_a_call_fails_and_those_after_it_do_not(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    words = ["-m", "pytest", "-q", "-p", "tests.leaks", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    run = subprocess.run(
        [sys.executable, *words, str(tmp_path / "test_some.py")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    failed = re.findall(r"^ERROR test_some\.py::(\w+)", run.stdout, re.MULTILINE)
    assert failed == [
        "test_leaves_a_call",
        "test_leaves_a_loop",
        "test_leaves_a_call_while_the_reactor_runs",
    ], run.stdout + run.stderr
    said = re.findall(r"^left in the reactor: .*called=0 cancelled=0 (\w+)", run.stdout, re.MULTILINE)
    assert said == ["nothing", "LoopingCall", "nothing"], run.stdout
    assert "7 passed, 3 errors" in run.stdout
