"""Token buckets: one alone, or many by key in bounded memory, whose eviction gives nobody a spent budget back.

A bucket holds ``burst`` tokens and refills evenly over ``seconds``. Of a bucket only one number is needed: the time at
which it is full again. A bucket that is full says nothing, so it is dropped first. When the table is full of others,
the fullest one makes room, unless half of it is spent. Then the new key draws on one bucket that all such keys share,
and which is ``SHARED`` times as large. So a flood of keys can neither push out the bucket of an account that is being
guessed at, nor lock out everybody who is new.
"""

from __future__ import annotations

from heapq import heappop, heappush, heapreplace
from typing import Final

#: How much larger than one bucket the bucket is that is shared while the table is full.
SHARED: Final = 64
#: Seconds by which sums of floating-point numbers may be off.
_SLACK: Final = 1e-5


class Spent(Exception):
    """The bucket is empty. ``wait``: seconds until it has a token; ``full_in``: seconds until it is full."""

    def __init__(self, wait: float, full_in: float) -> None:
        super().__init__(wait, full_in)
        self.wait = wait
        self.full_in = full_in


class Bucket:
    """A single bucket, which is full at first."""

    __slots__ = ("_full_at",)

    def __init__(self) -> None:
        self._full_at = 0.0

    def spend(self, burst: int, seconds: float, now: float) -> None:
        """Take one token of a bucket that holds ``burst`` tokens and refills over ``seconds``.

        :raises Spent: there is none.
        """
        self._full_at = now + _take(self._full_at, now, seconds / burst, seconds)


def _take(full_at: float, now: float, each: float, seconds: float) -> float:
    """Take a token, which comes back in ``each`` seconds. Return the seconds until the bucket is full again.

    :raises Spent: there is none.
    """
    full_in = max(0.0, full_at - now) + each
    if full_in > seconds + _SLACK:
        raise Spent(full_in - seconds, min(full_in - each, seconds))
    return full_in


class Buckets:
    """At most ``most`` buckets of ``burst`` tokens that refill over ``seconds``."""

    __slots__ = ("_by_fullness", "_each", "_full_at", "_most", "_seconds", "_shared_full_at")

    def __init__(self, burst: int, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._each = seconds / burst  #: seconds in which one token comes back
        self._most = most
        self._full_at: dict[str, float] = {}
        self._by_fullness: list[
            tuple[float, str]
        ] = []  # a heap; a time in it may be earlier than the true one
        self._shared_full_at = 0.0

    def __len__(self) -> int:
        return len(self._full_at)

    def spend(self, key: str, now: float) -> tuple[int, float]:
        """Take one token of ``key``. Return how many are left, and the seconds until the bucket is full again.

        :raises Spent: there is none.
        """
        full_at = self._full_at.get(key)
        if full_at is None:
            if len(self._full_at) >= self._most and not self._make_room(now):
                return self._spend_shared(now)
            full_in = self._each
            heappush(self._by_fullness, (now + full_in, key))
        else:
            full_in = _take(full_at, now, self._each, self._seconds)
        self._full_at[key] = now + full_in
        return int((self._seconds - full_in + _SLACK) / self._each), full_in

    def _spend_shared(self, now: float) -> tuple[int, float]:
        full_in = _take(self._shared_full_at, now, self._each / SHARED, self._seconds)
        self._shared_full_at = now + full_in
        return 0, full_in

    def _make_room(self, now: float) -> bool:
        """Drop the bucket that is full first. False where half of even that one is spent."""
        heap = self._by_fullness
        while True:
            noted, key = heap[0]
            true = self._full_at[key]
            if true <= noted:
                break
            heapreplace(heap, (true, key))  # each spending causes at most one such step
        if true - now > self._seconds / 2:
            return False
        heappop(heap)
        del self._full_at[key]
        return True
