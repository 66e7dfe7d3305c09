"""A batch loader: while one lookup runs, new keys wait, and the next lookup fetches them together.

Each caller gets an answer that was looked up after the call, never one of a lookup that was already running.
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
    """Calls ``load`` with at most ``batch_size`` keys, one call at a time. ``load`` returns a value for each key."""

    def __init__(self, load: Callable[[Sequence[K]], Awaitable[Mapping[K, T]]], batch_size: int = 64) -> None:
        self._load = load
        self._batch_size = batch_size
        self._waiting: defaultdict[K, list[Deferred[T]]] = defaultdict(list)
        self._loading = False

    async def of(self, key: K) -> T:
        """Return the value of a key. Raises what ``load`` raises."""
        waiting: Deferred[T] = Deferred(lambda _: None)
        self._waiting[key].append(waiting)
        if not self._loading:
            self._loading = True
            ensureDeferred(self._load_all())
        return await waiting

    async def _load_all(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[: self._batch_size]
                callers = {key: self._waiting.pop(key) for key in keys}
                values: Mapping[K, T] | Failure
                try:
                    loaded = await self._load(keys)
                    values = {key: loaded[key] for key in keys}
                except Exception:  # noqa: BLE001 - the callers get it
                    values = Failure()
                for key in keys:
                    result = values if isinstance(values, Failure) else values[key]
                    for waiting in callers[key]:
                        if not waiting.called:  # a cancelled caller no longer waits
                            waiting.callback(result)  # a Failure goes to the errbacks
        finally:
            self._loading = False
