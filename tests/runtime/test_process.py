"""The life of the process: the order of starting and stopping, deadlines, ports, signals, exit codes."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import formatEvent, globalLogPublisher

from microblog.runtime.process import (
    GRACE,
    OrderedService,
    Stage,
    StartError,
    freeze_heap,
    listen,
    use_monotonic_clock,
    within,
)


@pytest.fixture
def logged() -> Any:
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


class Reactor(MemoryReactorClock):
    """A reactor in memory that is already running."""

    def callWhenRunning(self, function: Any, *args: Any, **kwargs: Any) -> None:
        function(*args, **kwargs)


class Recorded:
    """A maker of services that record when they start and stop."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def stage(self, name: str, start: Any = None, stop: Any = None) -> Stage:
        async def begin() -> None:
            self.events.append(f"start {name}")
            if start is not None:
                await start

        async def end() -> None:
            self.events.append(f"stop {name}")
            if stop is not None:
                await stop

        return Stage(name, begin, end)


class Group:
    def __init__(self, *services: Service, deadline: float = 10) -> None:
        self.reactor = Reactor()
        self.failed: list[bool] = []
        self.started: list[bool] = []
        self.service = OrderedService(
            self.reactor,
            deadline=deadline,
            when_started=lambda: self.started.append(True),
            fail=lambda: self.failed.append(True),
        )
        for each in services:
            each.setServiceParent(self.service)
        self.service.startService()


class TestOrder:
    async def test_service_starts_when_the_one_before_is_ready(self) -> None:
        recorded, ready = Recorded(), Deferred[None]()
        group = Group(recorded.stage("database", start=ready), recorded.stage("ports"))
        assert recorded.events == ["start database"]
        assert group.started == []
        ready.callback(None)
        assert recorded.events == ["start database", "start ports"]
        assert group.started == [True]

    async def test_services_stop_in_reverse_order(self) -> None:
        recorded, drained = Recorded(), Deferred[None]()
        group = Group(
            recorded.stage("database"), recorded.stage("requests", stop=drained), recorded.stage("ports")
        )
        recorded.events.clear()
        stopping = group.service.stopService()
        assert recorded.events == ["stop ports", "stop requests"]
        drained.callback(None)
        assert recorded.events == ["stop ports", "stop requests", "stop database"]
        await stopping

    async def test_plain_services_are_accepted(self) -> None:
        plain = Service()
        group = Group(plain)
        assert plain.running
        await group.service.stopService()
        assert not plain.running


class TestDeadlines:
    async def test_service_that_does_not_stop_is_logged_and_left_behind(self, logged: list[Any]) -> None:
        recorded = Recorded()
        cancelled: list[bool] = []
        endless = Deferred[None](lambda _: cancelled.append(True))
        group = Group(recorded.stage("database"), recorded.stage("requests", stop=endless), deadline=10)
        stopping = group.service.stopService()
        group.reactor.advance(9.9)
        assert not stopping.called
        group.reactor.advance(0.2)
        await stopping
        assert cancelled == [True]
        assert recorded.events[-1] == "stop database"
        assert any("requests" in str(event.get("name")) for event in logged)
        assert formatEvent(logged[-1]) == "Stopped in 10.1 s; left behind: requests."

    async def test_duration_of_the_stop_is_logged(self, logged: list[Any]) -> None:
        slow = Deferred[None]()
        group = Group(Recorded().stage("requests", stop=slow))
        stopping = group.service.stopService()
        group.reactor.advance(2.5)
        slow.callback(None)
        await stopping
        assert formatEvent(logged[-1]) == "Stopped in 2.5 s; all that was begun is finished."

    async def test_service_after_the_deadline_has_a_grace_period(self) -> None:
        recorded = Recorded()
        late = Deferred[None]()
        group = Group(
            recorded.stage("database", stop=late), recorded.stage("requests", stop=Deferred()), deadline=5
        )
        stopping = group.service.stopService()
        group.reactor.advance(5)
        assert recorded.events[-1] == "stop database"
        group.reactor.advance(GRACE - 0.1)
        assert not stopping.called
        late.callback(None)
        await stopping
        assert group.reactor.getDelayedCalls() == []

    async def test_next_service_stops_after_one_that_raises(self, logged: list[Any]) -> None:
        recorded = Recorded()
        broken = Deferred[None]()
        broken.errback(ValueError("broken"))
        group = Group(recorded.stage("database"), recorded.stage("requests", stop=broken))
        await group.service.stopService()
        assert recorded.events[-1] == "stop database"
        assert any(event.get("log_failure") for event in logged)

    async def test_service_that_ignores_its_cancellation_is_left_behind(self) -> None:
        reactor = Reactor()

        async def stubborn() -> None:
            while True:
                try:
                    await Deferred[None]()
                except CancelledError:
                    continue

        waiting = Deferred.fromCoroutine(within(Deferred.fromCoroutine(stubborn()), 1, reactor))
        reactor.advance(1)
        assert await waiting is False


class TestFailures:
    async def test_failed_start_stops_started_services_and_is_logged(self, logged: list[Any]) -> None:
        recorded, nothing = Recorded(), Deferred[None]()
        nothing.errback(StartError("Port taken. Choose another."))
        group = Group(
            recorded.stage("database"), recorded.stage("ports", start=nothing), recorded.stage("never")
        )
        assert group.failed == [True]
        assert group.started == []
        texts = [event for event in logged if event.get("text") == "Port taken. Choose another."]
        assert len(texts) == 1
        assert "log_failure" not in texts[0]
        await group.service.stopService()
        assert recorded.events == ["start database", "start ports", "stop ports", "stop database"]

    async def test_bug_at_start_is_logged_with_its_traceback(self, logged: list[Any]) -> None:
        broken = Deferred[None]()
        broken.errback(ZeroDivisionError())
        group = Group(Recorded().stage("x", start=broken))
        assert group.failed == [True]
        assert [event["log_failure"].type for event in logged if "log_failure" in event] == [
            ZeroDivisionError
        ]

    async def test_stop_during_the_start_cancels_the_start(self) -> None:
        recorded, slow = Recorded(), Deferred[None]()
        group = Group(recorded.stage("database", start=slow), recorded.stage("ports"))
        await group.service.stopService()
        assert recorded.events == ["start database", "stop database"]
        assert group.failed == []
        assert group.reactor.getDelayedCalls() == []


class TestPorts:
    async def test_port_opens_and_closes(self, reactor_: Any) -> None:
        service = listen("tcp:0:interface=127.0.0.1", Factory.forProtocol(Protocol), reactor_, setting="http")
        await service.startService()
        assert service.port is not None
        assert service.port.getHost().port > 0
        await service.stopService()
        assert service.port is None
        await service.stopService()

    async def test_error_of_a_used_port_names_the_setting(self, reactor_: Any) -> None:
        factory = Factory.forProtocol(Protocol)
        first = listen("tcp:0:interface=127.0.0.1", factory, reactor_, setting="http")
        await first.startService()
        assert first.port is not None
        taken = first.port.getHost().port
        second = listen(f"tcp:{taken}:interface=127.0.0.1", factory, reactor_, setting="http")
        with pytest.raises(StartError, match=rf"Can't listen on tcp:{taken}.*in use.*--http"):
            await second.startService()
        await first.stopService()

    async def test_error_of_an_address_that_is_none_says_so(self, reactor_: Any) -> None:
        wrong = listen("tcp:0:interface=999.1.1.1", Factory.forProtocol(Protocol), reactor_, setting="http")
        with pytest.raises(StartError) as raised:
            await wrong.startService()
        assert "Unknown error" not in str(raised.value)
        assert "not known" in str(raised.value)


def test_timers_follow_the_monotonic_clock() -> None:
    """twisted #2424: with the wall clock set back an hour, a timer of three seconds fires after an hour."""
    reactor = MemoryReactorClock()
    use_monotonic_clock(reactor)
    assert reactor.seconds is time.monotonic


def test_twistd_sets_the_clock_before_modules_may_schedule() -> None:
    source = (Path(__file__).parents[2] / "microblog" / "tap.py").read_text()
    body = source[source.index("def makeService") :]
    assert body.index("use_monotonic_clock(reactor)") < body.index("from microblog.app import")


def test_heap_is_frozen_after_start() -> None:
    try:
        freeze_heap()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


PROGRAM = """
import sys
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from microblog.runtime.process import OrderedService, Stage, StartError, stop_on_signals, use_monotonic_clock
use_monotonic_clock(reactor)
stop_on_signals(reactor)
async def ready(): print("ready", flush=True)
async def stopped(): print("stopped", flush=True)
async def broken(): raise StartError("no")
group = OrderedService(reactor, deadline=5)
Stage("first", ready, stopped).setServiceParent(group)
if sys.argv[1] == "broken": Stage("second", broken).setServiceParent(group)
async def slow():
    print("stopping", flush=True)
    await deferLater(reactor, 0.2)
if sys.argv[1] == "slow": Stage("second", stop=slow).setServiceParent(group)
if sys.argv[1] == "hanging": Stage("second", stop=lambda: Deferred()).setServiceParent(group)
reactor.addSystemEventTrigger("before", "shutdown", group.stopService)
group.startService()
reactor.run()
"""


def program(how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), how],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path.cwd(),
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_the_process_with_exit_code_0(number: int) -> None:
    process = program("well")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert output == "stopped\n"
    assert process.returncode == 0


def test_second_signal_ends_the_process_at_once() -> None:
    process = program("hanging")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    # The kernel may merge two signals, so the second is sent until the process reacts.
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            pass
    process.communicate()
    assert process.returncode == 128 + signal.SIGINT


def test_repeated_signal_within_a_second_counts_once() -> None:
    """make forwards a SIGTERM that the whole group of processes has got."""
    process = program("slow")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "stopping\n"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert output == "stopped\n"
    assert process.returncode == 0


def test_failed_start_ends_the_process_with_exit_code_1() -> None:
    process = program("broken")
    output, _ = process.communicate(timeout=20)
    assert output == "ready\nstopped\n"
    assert process.returncode == 1
