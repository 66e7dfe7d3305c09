"""Waiting for other processes and for the reactor, and the present."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from twisted.internet import defer
from twisted.internet.protocol import ProcessProtocol


async def until(
    reactor: Any, holds: Callable[[], bool | Awaitable[bool]], seconds: float = 20.0, every: float = 0.01
) -> None:
    """Wait until ``holds()`` is true. Fail after ``seconds``."""
    end = reactor.seconds() + seconds
    while True:
        result = holds()
        if await result if not isinstance(result, bool) else result:
            return
        if reactor.seconds() > end:
            raise AssertionError(f"did not happen within {seconds} s: {holds}")
        waited: defer.Deferred[None] = defer.Deferred()
        reactor.callLater(every, waited.callback, None)
        await waited


class Program(ProcessProtocol):
    """The output of a spawned program, and a Deferred that fires when it ends."""

    def __init__(self) -> None:
        self.output = b""
        self.errors = b""
        self.ended: defer.Deferred[None] = defer.Deferred()

    def outReceived(self, data: bytes) -> None:
        self.output += data

    def errReceived(self, data: bytes) -> None:
        self.errors += data

    def processEnded(self, reason: object) -> None:
        self.ended.callback(None)


def now() -> datetime:
    return datetime.now(UTC)
