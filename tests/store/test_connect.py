"""Opening a connection to a database that does not answer."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from microblog.domain.errors import Unavailable
from microblog.store.engine.pool import connect


class Slow:
    """A connection that is still being opened when it is closed, and fails as ``error`` then."""

    def __init__(self, error: Exception) -> None:
        self._connection: object = object()
        self._error = error
        self._opening: Deferred[None] = Deferred()

    def connect(self, dsn: str) -> Deferred[None]:
        return self._opening

    def close(self) -> None:
        if self._connection is not None:
            self._connection = None
            self._opening.errback(self._error)


@pytest.mark.parametrize(
    "error", [ValueError("file descriptor cannot be a negative integer (-1)"), OSError(9, "bad"), KeyError(7)]
)
def test_connection_that_takes_too_long_is_unavailable_however_it_fails(error: Exception) -> None:
    clock = Clock()
    kind: Any = lambda reactor: Slow(error)  # noqa: E731
    opening = ensureDeferred(connect("", clock, 3.0, kind=kind))
    clock.advance(3.0)
    caught: list[Any] = []
    opening.addErrback(caught.append)
    [failure] = caught
    assert failure.check(Unavailable)


def test_connection_that_fails_in_time_says_why() -> None:
    clock = Clock()
    made: list[Slow] = []

    def kind(reactor: Any) -> Any:
        made.append(Slow(ValueError("wrong")))
        return made[0]

    opening = ensureDeferred(connect("", clock, 3.0, kind=kind))  # type: ignore[arg-type]
    made[0].close()
    caught: list[Any] = []
    opening.addErrback(caught.append)
    assert caught[0].check(ValueError)
    assert clock.getDelayedCalls() == []
