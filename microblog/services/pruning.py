"""Pruning: rows that are stored for a limited time are deleted when it is over.

==================  =======================================================
mutes               when they end
notifications       after a year; those that wait among the requests after 90 days
sessions            90 days after they were last used
tokens              30 days after they ended
codes, grants       7 days after a code ended; a grant without a code or token
refresh tokens      30 days after they were used
apps                after 90 days without use, if they have no grant
email tokens        a day after they ended
idempotency keys    after a day
events              after 7 days: live clients can resume from them until then
parked jobs         after 90 days
samples of readers  after 8 days
days of tags        after 9 days
==================  =======================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from twisted.logger import Logger

from microblog.domain.errors import Unavailable
from microblog.store.engine.database import Database
from microblog.store.pruning import ENDING, PRUNED, pruning

log = Logger()

AT_A_TIME: Final = 2000
#: Batches of one table before the next table's turn. The rest waits for the next call.
ROUNDS: Final = 50


class Pruning:
    """Deletes expired rows, one table after the other. A table that takes too long waits for the next turn."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def end(self) -> dict[str, int]:
        """Delete what has ended, such as mutes, with an event. Return how many rows of each. Runs every minute."""
        return await self._prune(ENDING)

    async def prune(self) -> dict[str, int]:
        """Delete old rows. Return how many of each table that had any. Runs every hour.

        Raises Unavailable when no table could be pruned.
        """
        return await self._prune(PRUNED)

    async def _prune(self, names: Sequence[str]) -> dict[str, int]:
        gone: dict[str, int] = {}
        failed: Unavailable | None = None
        failures = 0
        for name in names:
            try:
                count = await self._table(name)
            except Unavailable as error:
                failed, failures = error, failures + 1
                log.warn("{name} are not pruned this time: {reason}", name=name, reason=error.text)
                continue
            if count:
                gone[name] = count
        if failed is not None and failures == len(names):
            raise failed
        return gone

    async def _table(self, name: str) -> int:
        total = 0
        for _ in range(ROUNDS):
            async with self._db.transaction() as tx:
                count: int = await getattr(pruning(tx), name)(AT_A_TIME)
            total += count
            if count < AT_A_TIME:
                break
        return total
