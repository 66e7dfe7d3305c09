"""Deleting an account with all it wrote and did, and posts with many reactions, in batches.

The account disappears for everybody in the transaction that flags it as deleted. Its rows go afterwards: at once as far
as that takes a moment, and the rest by a job, which goes on where it stopped after a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from twisted.logger import Logger

from microblog.domain.errors import TookTooLong
from microblog.services.tag_counts import TagCounts
from microblog.store.accounts import accounts
from microblog.store.engine.database import Database
from microblog.store.erasing import (
    delete_referring,
    erasing,
    references_to_accounts,
    references_to_posts,
)
from microblog.store.locks import hold_to_delete, retried

log = Logger()

#: The kind of the job that deletes the rows of an account.
ERASE: Final = "account.erase"

AT_A_TIME: Final = 500  #: rows of a batch


class Erasing:
    """Deletes much in bounded steps. ``seconds`` is the reactor's clock, ``poke`` tells the dispatcher of events."""

    def __init__(
        self, db: Database, poke: Callable[[], None], seconds: Callable[[], float] | None = None
    ) -> None:
        self._db = db
        self._poke = poke
        self._seconds = seconds or db.reactor.seconds
        self._size = AT_A_TIME
        self._tag_counts = TagCounts(db)

    async def erase(self, account_id: int, patience: float) -> bool:
        """Delete the rows of an account that was marked as deleted, for about ``patience`` seconds.

        Returns whether all is done. A batch that takes the database too long is tried again with half the rows.
        Raises Unavailable.
        """
        until = self._seconds() + patience
        while True:
            if self._seconds() >= until:
                return False
            try:
                more = await self._step(account_id)
            except TookTooLong:
                if self._size == 1:
                    raise
                self._size = max(1, self._size // 2)
                continue
            if not more:
                self._size = AT_A_TIME
                return True

    async def lighten(self, post_ids: Sequence[int]) -> None:
        """Delete what refers to posts that are about to be deleted, in batches, so that little is left to cascade."""
        for reference in await references_to_posts(self._db.reads):
            while await delete_referring(self._db.reads, reference, post_ids, self._size):
                pass
        while await self._answers(post_ids):
            pass
        while boosts := await erasing(self._db.reads).boosts_of(post_ids, self._size):
            await self._delete(boosts)

    async def _step(self, account_id: int) -> bool:
        """One batch; False when nothing is left of the account."""
        reads = self._db.reads
        if post_ids := await erasing(reads).posts_of(account_id, self._size):
            await self.lighten(post_ids)
            await self._delete(post_ids)
            self._poke()
            await self._tag_counts.follow({})
            return True
        if await self._unfavourite(account_id) or await self._unfollow(account_id):
            return True
        for reference in await references_to_accounts(reads):
            if await delete_referring(reads, reference, [account_id], self._size):
                return True
        return await self._finish(account_id)

    @retried
    async def _delete(self, post_ids: Sequence[int]) -> None:
        async with self._db.transaction() as tx:
            await hold_to_delete(tx, post_ids)
            await erasing(tx).delete_posts(post_ids)

    @retried
    async def _answers(self, post_ids: Sequence[int]) -> int:
        async with self._db.transaction() as tx:
            count: int = await erasing(tx).free_answers(post_ids, self._size)
        return count

    @retried
    async def _unfavourite(self, account_id: int) -> int:
        async with self._db.transaction() as tx:
            post_ids = await erasing(tx).hold_favourites(account_id, self._size)
            count: int = await erasing(tx).unfavourite(account_id, post_ids) if post_ids else 0
        return count

    @retried
    async def _unfollow(self, account_id: int) -> int:
        async with self._db.transaction() as tx:
            others = await erasing(tx).followed_or_following(account_id, self._size)
            if not others:
                return 0
            await accounts(tx).lock([account_id, *others])
            count: int = await erasing(tx).unfollow(account_id, others)
        return count

    @retried
    async def _finish(self, account_id: int) -> bool:
        """Delete the account itself, unless a request that was under way left something; whether it did."""
        async with self._db.transaction() as tx:
            left: bool | None = await erasing(tx).anything_left(account_id)
            if left is False:
                await accounts(tx).delete(account_id)
                log.info("account {account} is deleted with all its rows", account=account_id)
        return bool(left)
