"""A fixture that fails each test that leaves a delayed call in the reactor. pytest-twisted does not check this.

Such a call belongs to something that continues during the next tests: a loop that was not stopped, a connection
that was not closed, the deadline of finished work.

Calls of functions that were waiting before the test do not count (a loop makes a new call of the same function each
time), nor do calls of the PostgreSQL that all tests share, nor those that Twisted keeps for later use. The check runs
after all other fixtures of the test have ended, because this fixture, which is autouse, began before them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.base import DelayedCall
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

#: Modules whose calls may outlive a test: the shared cluster, the thread pool, the resolver, and persistent
#: connections of the HTTP client.
SHARED = (
    "microblog.runtime.process",
    "microblog.store.embedded",
    "twisted._threads",
    "twisted.internet._resolver",
    "twisted.internet.threads",
    "twisted.names",
    "twisted.python.threadpool",
    "twisted.web.client",
)

#: Turns of the reactor in which calls that are due may still run, such as connections that close.
TURNS = 5


def module_of(function: Any) -> str:
    """Return the module of a function. Look through ``LoopingCall`` and ``partial`` at the function that they call."""
    while True:
        if isinstance(function, LoopingCall):
            function = function.f
        elif isinstance(function, partial):
            function = function.func
        else:
            break
    owner = getattr(function, "__self__", None)
    named = function if owner is None else type(owner)
    return str(getattr(named, "__module__", type(function).__module__))


def is_shared(call: DelayedCall) -> bool:
    module = module_of(call.func)
    return any(module == each or module.startswith(f"{each}.") for each in SHARED)


def left_behind(reactor: Any, before: Collection[Any]) -> list[DelayedCall]:
    """Return the waiting calls that are neither of a function in ``before`` nor of a shared module."""
    return [
        call
        for call in reactor.getDelayedCalls()
        if call.active() and call.func not in before and not is_shared(call)
    ]


def _turn(reactor: Any) -> Deferred[None]:
    waited: Deferred[None] = Deferred()
    reactor.callLater(0, waited.callback, None)
    return waited


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Compare the reactor's delayed calls before and after each test."""
    from twisted.internet import reactor

    waiting: Any = reactor
    before = [call.func for call in waiting.getDelayedCalls()]
    yield
    left = left_behind(waiting, before)
    for _ in range(TURNS):
        if not left:
            return
        pytest_twisted.blockon(_turn(waiting))
        left = left_behind(waiting, before)
    if left:
        message = "left in the reactor: " + "; ".join(str(call) for call in left)
        for call in left:
            call.cancel()  # the next test is not to blame
        pytest.fail(message, pytrace=False)
