"""A test that leaves a delayed call of its own in the reactor fails: pytest-twisted does not look.

What such a call belongs to goes on after the test, in the middle of the next ones: a loop that nobody stopped, a
connection that nobody closed, a deadline of what has long ended.

Not its own is what was there before the test (what repeats itself has a new call each time, of the same
function), what belongs to the PostgreSQL that all tests share, and what Twisted keeps for later use. The look comes
after all fixtures of the test have ended, because this one, which is used by itself, began before them.
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

#: Whose calls outlive a test by right: the shared cluster's, the thread pool's, the resolver's, and those of the HTTP
#: client's connections that are kept.
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

#: Turns of the reactor in which what is due already may still happen: connections that say good-bye.
TURNS = 5


def module_of(function: Any) -> str:
    """Where what is called was written: not ``LoopingCall`` or ``partial``, but what they call."""
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
    """The calls that wait in the reactor, and are neither of a function of ``before`` nor shared."""
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
    """Looks at the reactor before and after each test."""
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
        said = "left in the reactor: " + "; ".join(str(call) for call in left)
        for call in left:
            call.cancel()  # the next test is not to blame
        pytest.fail(said, pytrace=False)
