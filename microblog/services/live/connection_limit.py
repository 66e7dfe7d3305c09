"""Limits of live connections: for the process, and for each network address.

A live connection (push port, WebSocket, server-sent events) holds a file descriptor for as long as it likes. Without a
limit, live connections would leave no descriptors for the site's pages and its database. Without a limit for each
address, one client could take all of them.
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Callable
from typing import Final

from microblog.domain.addresses import address_key
from microblog.domain.errors import RateLimited, Unavailable

#: file descriptors reserved for everything else
RESERVE: Final = 200
LIMIT_REACHED: Final = "This server has reached its limit of live connections. Try again in a minute."

#: Streams that the live connections of one address may read together, without the push port. One costs about 2 KB.
SUBSCRIPTIONS_PER_HOST: Final = 2000


def descriptors() -> int | None:
    """Return how many file descriptors this process may open (RLIMIT_NOFILE), or None for no limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft < 0 else soft


class ConnectionLimit:
    """Counts the live connections of this process. ``limit`` returns the process's limit of file descriptors."""

    def __init__(self, limit: Callable[[], int | None] = descriptors) -> None:
        self.taken = 0
        self.refused = 0
        #: for each address: live connections to the website, and streams on them
        self.connections = AddressLimit("live connections")
        self.subscriptions = AddressLimit("streams on live connections")
        self._limit = limit

    def check(self, most: int) -> None:
        """Raise Unavailable when there are ``most`` connections, or as many as the file descriptors allow."""
        limit = self._limit()
        if self.taken >= (most if limit is None else min(most, max(limit - RESERVE, 1))):
            self.refused += 1
            raise Unavailable(LIMIT_REACHED, 60.0)

    def acquire(self) -> None:
        """Count one connection, after `check`."""
        self.taken += 1

    def release(self) -> None:
        """Count one connection less."""
        self.taken -= 1


class AddressLimit:
    """Counts things of one kind for each network address. ``what`` completes the sentence "At most 50 …".

    `address_key` decides which addresses count as one. A client without an address, on a UNIX socket, is not counted.
    """

    def __init__(self, what: str) -> None:
        self.refused = 0
        self._what = what
        self._counts: Counter[str] = Counter()

    def of(self, address: str | None) -> int:
        """Return the count of an address."""
        return self._counts[address_key(address)] if address else 0

    def check(self, address: str | None, most: int, count: int = 1) -> None:
        """Raise RateLimited when ``count`` more would exceed ``most`` for the address."""
        if self.of(address) + count > most:
            self.refused += 1
            raise RateLimited(f"At most {most} {self._what} from one address. Close some first.", 60.0)

    def acquire(self, address: str | None, count: int = 1) -> None:
        """Count ``count`` more for an address, after `check`."""
        if address and count:
            self._counts[address_key(address)] += count

    def release(self, address: str | None, count: int = 1) -> None:
        """Count ``count`` fewer for an address."""
        if not address or not count:
            return
        key = address_key(address)
        self._counts[key] -= count
        if self._counts[key] <= 0:
            del self._counts[key]
