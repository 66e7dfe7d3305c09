"""Limits of live connections: of all in this process, and of those that one network address holds.

A live connection (push port, WebSocket, server-sent events) holds a descriptor for as long as it likes. Without a bound
they would leave none for the pages of the site, nor for its database. Without a bound for each address, one client
could take all of them.
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Callable
from typing import Final

from microblog.domain.addresses import address_key
from microblog.domain.errors import RateLimited, Unavailable

#: descriptors that are kept for everything else
RESERVE: Final = 200
LIMIT_REACHED: Final = "This server has reached its limit of live connections. Try again in a minute."

#: Streams that the live connections of one address may read together, push port aside. One costs about 2 KB.
SUBSCRIPTIONS_PER_HOST: Final = 2000


def descriptors() -> int | None:
    """How many this process may have open (RLIMIT_NOFILE); None for any number."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft < 0 else soft


class ConnectionLimit:
    """``limit`` is that of `descriptors`: connection_limit end before those do."""

    def __init__(self, limit: Callable[[], int | None] = descriptors) -> None:
        self.taken = 0
        self.refused = 0
        #: what each address holds on the website: live connections, and streams on them
        self.connections = Shares("live connections")
        self.subscriptions = Shares("streams on live connections")
        self._limit = limit

    def check(self, most: int) -> None:
        """Raises Unavailable when ``most`` are taken, or all that the descriptors leave."""
        limit = self._limit()
        if self.taken >= (most if limit is None else min(most, max(limit - RESERVE, 1))):
            self.refused += 1
            raise Unavailable(LIMIT_REACHED, 60.0)

    def take(self) -> None:
        """After `check`, and not without `leave` after it."""
        self.taken += 1

    def leave(self) -> None:
        self.taken -= 1


class Shares:
    """How many things of one kind each network address holds. ``what`` completes the sentence "At most 50 …".

    Addresses are counted by `address_key`. A client without one, on a UNIX socket, is not counted.
    """

    def __init__(self, what: str) -> None:
        self.refused = 0
        self._what = what
        self._held: Counter[str] = Counter()

    def of(self, address: str | None) -> int:
        """Return how many an address holds."""
        return self._held[address_key(address)] if address else 0

    def check(self, address: str | None, most: int, count: int = 1) -> None:
        """Raise RateLimited when the address would hold more than ``most`` with ``count`` more."""
        if self.of(address) + count > most:
            self.refused += 1
            raise RateLimited(f"At most {most} {self._what} from one address. Close some first.", 60.0)

    def take(self, address: str | None, count: int = 1) -> None:
        """After `check`, and not without `leave` after it."""
        if address and count:
            self._held[address_key(address)] += count

    def leave(self, address: str | None, count: int = 1) -> None:
        if not address or not count:
            return
        key = address_key(address)
        self._held[key] -= count
        if self._held[key] <= 0:
            del self._held[key]
