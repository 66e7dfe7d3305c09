"""How many connections read along in this process, whichever way: push port, WebSocket, server-sent events.

Each holds a descriptor for as long as it likes, so that without a bound they would leave none for the pages of the
site, nor for its database.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Final

from microblog.domain.errors import Unavailable

#: descriptors that are kept for everything else
RESERVE: Final = 200
FULL: Final = "As many read along here as can. Try again in a minute."


def descriptors() -> int | None:
    """How many this process may have open (RLIMIT_NOFILE); None for any number."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft < 0 else soft


class Seats:
    """``limit`` is that of `descriptors`: seats end before those do."""

    def __init__(self, limit: Callable[[], int | None] = descriptors) -> None:
        self.taken = 0
        self.refused = 0
        self._limit = limit

    def check(self, most: int) -> None:
        """Raises Unavailable when ``most`` are taken, or all that the descriptors leave."""
        limit = self._limit()
        if self.taken >= (most if limit is None else min(most, max(limit - RESERVE, 1))):
            self.refused += 1
            raise Unavailable(FULL, 60.0)

    def take(self) -> None:
        """After `check`, and not without `leave` after it."""
        self.taken += 1

    def leave(self) -> None:
        self.taken -= 1
