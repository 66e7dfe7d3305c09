"""Forgetting: what is kept for a time goes when the time is over.

==================  =======================================================
mutes               when they end
sessions            90 days after they were last used
tokens              30 days after they ended
codes, grants       7 days after a code ended; a grant when nothing hangs on it any more
refresh tokens      30 days after they were used
apps                when nobody has used them for 90 days, and nobody allows them anything
email tokens        a day after they ended
idempotency keys    after a day
events              after 7 days: live readers resume from them until then
parked jobs         after 90 days
samples of readers  after 8 days
days of tags        after 9 days
==================  =======================================================
"""

from __future__ import annotations

from typing import Final

from microblog.store.database import Database
from microblog.store.pruning import PRUNED, pruning

AT_A_TIME: Final = 2000
#: Rounds of one table before the next one's turn; what is left then waits for the next call.
ROUNDS: Final = 50


class Pruning:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def prune(self) -> dict[str, int]:
        """Deletes what is over; how many rows of each, without those where there was nothing."""
        gone: dict[str, int] = {}
        for name in PRUNED:
            for _ in range(ROUNDS):
                async with self._db.transaction() as tx:
                    count: int = await getattr(pruning(tx), name)(AT_A_TIME)
                if count:
                    gone[name] = gone.get(name, 0) + count
                if count < AT_A_TIME:
                    break
        return gone
