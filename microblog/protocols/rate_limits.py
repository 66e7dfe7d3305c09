"""How often one may: token buckets, for one connection or for many by key.

A bucket holds ``burst`` tokens and gets ``rate`` a second; an act takes one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from microblog.domain.buckets import Buckets as KeyedBuckets
from microblog.domain.buckets import Spent
from microblog.domain.errors import RateLimited


@dataclass(frozen=True, slots=True)
class Allowance:
    """``burst`` at once, then ``rate`` a second. ``what`` completes the sentence "At most …"."""

    burst: int
    rate: float
    what: str


#: For each connection.
COMMANDS = Allowance(40, 20.0, "20 commands a second on a connection")
#: For each address: guessing tokens leads nowhere, and trying is not free either.
LOG_INS = Allowance(20, 20 / 60, "20 log-ins a minute from one address")
#: For each account, over all its connections.
POSTS = Allowance(30, 30 / 300, "30 posts in five minutes on the push port")


class Bucket:
    """One bucket. ``now`` in the caller's seconds; any clock that does not go back will do."""

    __slots__ = ("_filled_at", "_tokens")

    def __init__(self, allowance: Allowance, now: float) -> None:
        self._tokens = float(allowance.burst)
        self._filled_at = now

    def spend(self, allowance: Allowance, now: float) -> None:
        """:raises RateLimited: too often; names the limit and the seconds to wait."""
        self._tokens = min(allowance.burst, self._tokens + (now - self._filled_at) * allowance.rate)
        self._filled_at = now
        if self._tokens < 1:
            wait = (1 - self._tokens) / allowance.rate
            raise _too_often(allowance, wait)
        self._tokens -= 1


class Buckets:
    """A bucket for each key, at most ``capacity`` of them (``domain/buckets.py``)."""

    def __init__(self, allowance: Allowance, seconds: Callable[[], float], capacity: int = 10_000) -> None:
        self._allowance = allowance
        self._seconds = seconds
        self._buckets = KeyedBuckets(allowance.burst, allowance.burst / allowance.rate, capacity)

    def spend(self, key: object) -> None:
        """:raises RateLimited: ``key`` did this too often."""
        try:
            self._buckets.spend(str(key), self._seconds())
        except Spent as spent:
            raise _too_often(self._allowance, spent.wait) from None


def _too_often(allowance: Allowance, wait: float) -> RateLimited:
    return RateLimited(f"At most {allowance.what}. Try again in {max(1, round(wait))} s.", wait)
