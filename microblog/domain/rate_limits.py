"""Rate limits: token buckets in memory, bounded in number.

A bucket holds ``burst`` tokens and refills evenly over ``seconds``. Its key is an account, a typed user name, a browser
or a network address. An IPv6 address counts by its /64, the smallest network that a customer gets. Each kind of limit
and each kind of key has a table of its own, so that cheap requests from many addresses cannot evict the buckets that
limit password guesses (``domain/buckets.py``).

The website, the API and the push port of a process share one object, so an account has one budget of posts for all of
them. Each process counts on its own, so a limit grows with the number of processes.
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
from microblog.domain.buckets import Bucket, Buckets, Spent
from microblog.domain.errors import RateLimited

MAX_BUCKETS: Final = 50_000
#: Prefixes of keys that are not network addresses.
_SCOPES: Final = frozenset({"account", "browser", "typed"})


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of ``burst`` requests at once, and as many again over ``seconds``.

    ``text`` completes "At most …" in the error text; without it, the text only says when to try again.
    """

    burst: int
    seconds: float
    text: str = ""


LIMITS: Final[Mapping[str, Limit]] = MappingProxyType(
    {
        "read": Limit(600, 300),
        "write": Limit(120, 300),
        "search": Limit(60, 300),
        "completion": Limit(300, 300),  # of names, while a person types
        "app": Limit(20, 3600),
        "login": Limit(10, 300),  # by address, and once more by account
        "signup": Limit(5, 3600),
        "mail": Limit(5, 3600),  # actions that send a mail to the viewer
        "reset": Limit(5, 3600),  # forgotten passwords; the service also limits by recipient
        "password": Limit(10, 900),
        "post": Limit(300, 3 * 3600),  # on the website, through the API and on the push port together
        "push_post": Limit(30, 300, "30 posts in five minutes on the push port"),  # beside "post"
        "push_login": Limit(20, 60, "20 log-ins a minute from one address"),
        "push_command": Limit(40, 2, "20 commands a second on a connection"),
    }
)


#: Limits on guessing secrets and sending mail: a logged-in request spends by account and by network address.
ALSO_BY_ADDRESS: Final = frozenset({"login", "signup", "mail", "reset", "password"})


#: How many times the limit of one address a whole IPv6 /48 has.
NETWORK: Final = 16


class RateLimits:
    """The buckets of all limits.  ``enabled=False`` turns every limit off (the setting ``rate_limits``)."""

    def __init__(
        self,
        seconds: Callable[[], float],
        *,
        enabled: bool = True,
        limits: Mapping[str, Limit] = LIMITS,
        max_buckets: int = MAX_BUCKETS,
    ) -> None:
        """``max_buckets`` applies to each table: each kind of limit and of key."""
        self.enabled = enabled
        self._seconds = seconds
        self._limits = limits
        self._max_buckets = max_buckets
        self._tables: dict[tuple[str, str, int], Buckets] = {}

    def __len__(self) -> int:
        return sum(map(len, self._tables.values()))

    def knows(self, kind: str) -> bool:
        """Return whether there is a limit called ``kind``."""
        return kind in self._limits

    def spend_by_address(self, kind: str, address: str) -> tuple[int, int, float] | None:
        """Take one token for a network address, and return what ``spend`` returns.

        For the limits in :data:`ALSO_BY_ADDRESS`, an IPv6 address also spends from the bucket of its /48, which is
        :data:`NETWORK` times as large: a customer with a /48 has 65,536 /64s.

        :raises RateLimited: no token is left.
        """
        state = self.spend(kind, address_key(address))
        if kind in ALSO_BY_ADDRESS and (network := network_key(address)) is not None:
            self.spend(kind, network, times=NETWORK)
        return state

    def spend(self, kind: str, key: str, *, times: int = 1) -> tuple[int, int, float] | None:
        """Take one token; return the limit, the tokens left and the seconds until the bucket is full.

        Return None when limits are off. ``times`` multiplies the size of the bucket.

        :raises RateLimited: no token is left.
        :raises KeyError: there is no limit called ``kind``.
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

    def spend_from(self, bucket: Bucket, kind: str) -> None:
        """Take one token from the bucket of a single connection.

        :raises RateLimited: no token is left.
        """
        limit = self._limits[kind]
        if not self.enabled:
            return
        try:
            bucket.spend(limit.burst, limit.seconds, self._seconds())
        except Spent as spent:
            raise LimitExceeded(kind, limit, spent.wait, spent.full_in) from None


class LimitExceeded(RateLimited):
    """No token is left. ``state`` has the values of the ``X-RateLimit-*`` headers."""

    def __init__(self, kind: str, limit: Limit, wait: float, full_in: float) -> None:
        text = (
            f"At most {limit.text}. Try again in {max(1, round(wait))} s."
            if limit.text
            else f"That was too often. Try again in {_spoken(wait)}."
        )
        super().__init__(text, retry_after=ceil(wait))
        self.kind = kind
        self.state = (limit.burst, 0, full_in)


def _spoken(seconds: float) -> str:
    whole = ceil(seconds)
    if whole < 90:
        return "a second" if whole <= 1 else f"{whole} seconds"
    return f"{ceil(whole / 60)} minutes"


@lru_cache(maxsize=4096)
def network_key(address: str) -> str | None:
    """Return the /48 of an IPv6 address, the network that a site gets (RFC 6177), or None for other addresses."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if not isinstance(parsed, ipaddress.IPv6Address) or parsed.ipv4_mapped is not None:
        return None
    return str(ipaddress.ip_network((parsed, 48), strict=False))
