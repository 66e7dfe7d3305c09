"""How often one may: token buckets, in memory, bounded.

A bucket holds ``burst`` tokens and refills evenly over ``seconds``.  Its key is an account, what was typed as a name, a
browser or a network address, of which an IPv6 one counts by its /64, for that is what one customer gets.  Each kind of
limit and each kind of key has a table of its own, so that cheap requests from many addresses touch no budget of
guesses (``domain/buckets.py``).

Each process has its own: with several, what one may is that many times as much.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from types import MappingProxyType
from typing import Final

from microblog.domain.addresses import address_key
from microblog.domain.buckets import Buckets, Spent
from microblog.domain.errors import RateLimited

MAX_BUCKETS: Final = 50_000
#: What keys begin with that are no network address.
_SCOPES: Final = frozenset({"account", "browser", "typed"})


@dataclass(frozen=True, slots=True)
class Limit:
    """``burst`` at once, and as many again over ``seconds``."""

    burst: int
    seconds: float


LIMITS: Final[Mapping[str, Limit]] = MappingProxyType(
    {
        "read": Limit(600, 300),
        "write": Limit(120, 300),
        "search": Limit(60, 300),
        "completion": Limit(300, 300),  # of names, while somebody writes
        "app": Limit(20, 3600),
        "login": Limit(10, 300),  # by address, and once more by account
        "signup": Limit(5, 3600),
        "mail": Limit(5, 3600),  # what sends a mail to whoever is logged in
        "reset": Limit(5, 3600),  # a forgotten password; the service has its own share for each recipient
        "password": Limit(10, 900),
        "post": Limit(300, 3 * 3600),
    }
)


#: What guesses secrets or has mail sent: limited by network address even for who is logged in, and so by account.
BY_ADDRESS_TOO: Final = frozenset({"login", "signup", "mail", "reset", "password"})


#: What a whole IPv6 /48 may do, in times of what one address may.
NETWORK: Final = 16


class Limits:
    """Takes tokens.  ``enabled=False`` turns every limit off (the setting ``rate_limits``)."""

    def __init__(
        self,
        seconds: Callable[[], float],
        *,
        enabled: bool = True,
        limits: Mapping[str, Limit] = LIMITS,
        max_buckets: int = MAX_BUCKETS,
    ) -> None:
        """``max_buckets`` is for each kind of limit and of key."""
        self.enabled = enabled
        self._seconds = seconds
        self._limits = limits
        self._max_buckets = max_buckets
        self._tables: dict[tuple[str, str, int], Buckets] = {}

    def __len__(self) -> int:
        return sum(map(len, self._tables.values()))

    def knows(self, kind: str) -> bool:
        return kind in self._limits

    def spend_by_address(self, kind: str, address: str) -> tuple[int, int, float] | None:
        """``spend`` for a network address.  For what is in :data:`BY_ADDRESS_TOO` an IPv6 one counts for its /48 as
        well, which may do :data:`NETWORK` times as much: somebody who rents one has 65,536 /64s.
        """
        state = self.spend(kind, address_key(address))
        if kind in BY_ADDRESS_TOO and (network := network_key(address)) is not None:
            self.spend(kind, network, times=NETWORK)
        return state

    def spend(self, kind: str, key: str, *, times: int = 1) -> tuple[int, int, float] | None:
        """Takes one token: ``(limit, remaining, seconds until it is full again)``, or None when limits are off.

        ``times``: of a bucket that is so many times as large.

        :raises RateLimited: there is none left.
        :raises KeyError: there is no such class of limit.
        """
        limit = self._limits[kind]
        if not self.enabled:
            return None
        scope = key.partition(":")[0]
        place = (kind, scope if scope in _SCOPES else "", times)
        table = self._tables.get(place)
        if table is None:
            table = self._tables[place] = Buckets(limit.burst * times, limit.seconds, self._max_buckets)
        try:
            left, full_in = table.spend(key, self._seconds())
        except Spent as spent:
            raise LimitExceeded(kind, limit, spent.wait, spent.full_in) from None
        return limit.burst * times, left, full_in


class LimitExceeded(RateLimited):
    """RateLimited, with what the headers say."""

    def __init__(self, kind: str, limit: Limit, wait: float, full_in: float) -> None:
        super().__init__(f"That was too often. Try again in {_spoken(wait)}.", retry_after=ceil(wait))
        self.kind = kind
        self.state = (limit.burst, 0, full_in)


def _spoken(seconds: float) -> str:
    whole = ceil(seconds)
    if whole < 90:
        return "a second" if whole <= 1 else f"{whole} seconds"
    return f"{ceil(whole / 60)} minutes"


@lru_cache(maxsize=4096)
def network_key(address: str) -> str | None:
    """The key of the /48 that an IPv6 address is in, which is what a site is given (RFC 6177); None for others."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if not isinstance(parsed, ipaddress.IPv6Address) or parsed.ipv4_mapped is not None:
        return None
    return str(ipaddress.ip_network((parsed, 48), strict=False))
