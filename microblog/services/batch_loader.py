"""The same question by several at once: those who ask while it is under way are asked for together, after it.

A question is put to the database once at a time, for all who wait by then.  Who asks gets an answer that was looked up
after they asked, never one that was on its way already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure

K = TypeVar("K")
T = TypeVar("T")


class BatchLoader(Generic[K, T]):
    """``ask`` answers for several keys, each of them; ``most`` at a time."""

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, T]]], most: int = 64) -> None:
        self._ask = ask
        self._most = most
        self._waiting: defaultdict[K, list[Deferred[T]]] = defaultdict(list)
        self._busy = False

    async def of(self, key: K) -> T:
        """The answer for ``key``. Raises whatever ``ask`` does."""
        turn: Deferred[T] = Deferred(lambda _: None)
        self._waiting[key].append(turn)
        if not self._busy:
            self._busy = True
            ensureDeferred(self._answer())
        return await turn

    async def _answer(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[: self._most]
                turns = {key: self._waiting.pop(key) for key in keys}
                found: Mapping[K, T] | Failure
                try:
                    answers = await self._ask(keys)
                    found = {key: answers[key] for key in keys}
                except Exception:  # noqa: BLE001 - it is told to those who wait
                    found = Failure()
                for key in keys:
                    result = found if isinstance(found, Failure) else found[key]
                    for turn in turns[key]:
                        if not turn.called:  # else whoever asked no longer waits
                            turn.callback(result)  # a Failure goes to the errbacks
        finally:
            self._busy = False
