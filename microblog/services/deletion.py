"""Deletion of accounts, in batches.

The account disappears for everybody in the transaction that flags it as deleted. Its rows are deleted afterwards: for
up to :data:`AT_ONCE` seconds in the request itself, and the rest by a job, which continues after a restart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final

from twisted.logger import Logger

from microblog.domain.accounts import Role, User, Viewer
from microblog.domain.errors import Forbidden, TookTooLong, Unavailable
from microblog.services.credentials import Credentials
from microblog.services.revocation import revoke_account
from microblog.services.tag_counts import TagCounts
from microblog.store.accounts import accounts
from microblog.store.engine.database import Database
from microblog.store.erasing import (
    delete_referring,
    erasing,
    references_to_accounts,
    references_to_posts,
)
from microblog.store.jobs import jobs
from microblog.store.locks import lock_to_delete, retried
from microblog.store.users import users

log = Logger()

#: The kind of the job that deletes the rows of an account.
ERASE: Final = "account.erase"

#: Seconds that the request works on the deletion before it leaves the rest to the job.
AT_ONCE: Final = 1.0
#: Seconds until the job begins. By then most accounts are gone, and it finds nothing to do.
ERASE_DELAY: Final = 3.0
#: Rows in a batch.
BATCH: Final = 500


class Deletion:
    """Deletes accounts in bounded steps.

    ``poke`` tells the dispatcher that there are events; ``seconds`` is a monotonic clock, by default the reactor's.
    """

    def __init__(
        self,
        db: Database,
        credentials: Credentials,
        poke: Callable[[], None],
        seconds: Callable[[], float] | None = None,
    ) -> None:
        self._db = db
        self._credentials = credentials
        self._poke = poke
        self._seconds = seconds or db.reactor.seconds
        self._batch = BATCH
        self._tag_counts = TagCounts(db)

    async def delete(self, viewer: Viewer, password: str) -> None:
        """Delete the viewer's account with everything that belongs to it.

        The name stays reserved, because posts of others mention it. The account disappears at once; a job deletes the
        rows that are left after :data:`AT_ONCE` seconds.

        Raises InvalidInput for a wrong password; Forbidden for the owner of a site with other accounts.
        """
        user = await self._credentials.prove_password(viewer, password, field="password")
        if user.role is Role.OWNER and await users(self._db.reads).others(viewer.id):
            raise Forbidden(
                "You own this site. Hand it over first: microblog account role NAME owner, on the console."
            )
        await self._hide(viewer, user)
        self._poke()
        log.info("account {account} deleted itself", account=viewer.id)
        try:
            await self.delete_rows(viewer.id, AT_ONCE)
        except Unavailable as error:
            log.info("the job deletes account {account}: {reason}", account=viewer.id, reason=error.text)

    async def delete_rows(self, account_id: int, patience: float) -> bool:
        """Delete the rows of an account that is flagged as deleted, for about ``patience`` seconds.

        Return whether all are deleted. A batch that exceeds the statement timeout is tried again with half the rows.
        Raises Unavailable.
        """
        until = self._seconds() + patience
        while True:
            if self._seconds() >= until:
                return False
            try:
                more = await self._step(account_id)
            except TookTooLong:
                if self._batch == 1:
                    raise
                self._batch = max(1, self._batch // 2)
                continue
            if not more:
                self._batch = BATCH
                return True

    async def _delete_references(self, post_ids: Sequence[int]) -> None:
        """Delete rows that refer to posts in batches, so that deleting the posts cascades to few rows."""
        for reference in await references_to_posts(self._db.reads):
            while await delete_referring(self._db.reads, reference, post_ids, self._batch):
                pass
        while await self._detach_replies(post_ids):
            pass
        while boosts := await erasing(self._db.reads).boosts_of(post_ids, self._batch):
            await self._delete_posts(boosts)

    @retried
    async def _hide(self, viewer: Viewer, proven: User) -> None:
        """Flag the account as deleted, revoke its credentials, and queue the job that deletes its rows."""
        async with self._db.transaction() as tx:
            await self._credentials.lock_proven(tx, viewer, proven)
            await erasing(tx).hide(viewer.id)
            await revoke_account(tx, viewer.id)
            await accounts(tx).reserve(viewer.account.name)
            await erasing(tx).forget_user(viewer.id)
            await jobs(tx).put(ERASE, json.dumps({"account": viewer.id}), f"{ERASE}:{viewer.id}", ERASE_DELAY)

    async def _step(self, account_id: int) -> bool:
        """Delete one batch. Return False when nothing is left of the account."""
        reads = self._db.reads
        if post_ids := await erasing(reads).posts_of(account_id, self._batch):
            await self._delete_references(post_ids)
            await self._delete_posts(post_ids)
            self._poke()
            await self._tag_counts.follow({})
            return True
        if await self._unfavourite(account_id) or await self._unfollow(account_id):
            return True
        for reference in await references_to_accounts(reads):
            if await delete_referring(reads, reference, [account_id], self._batch):
                return True
        return await self._finish(account_id)

    @retried
    async def _delete_posts(self, post_ids: Sequence[int]) -> None:
        async with self._db.transaction() as tx:
            await lock_to_delete(tx, post_ids)
            await erasing(tx).delete_posts(post_ids)

    @retried
    async def _detach_replies(self, post_ids: Sequence[int]) -> int:
        async with self._db.transaction() as tx:
            count: int = await erasing(tx).free_answers(post_ids, self._batch)
        return count

    @retried
    async def _unfavourite(self, account_id: int) -> int:
        async with self._db.transaction() as tx:
            post_ids = await erasing(tx).hold_favourites(account_id, self._batch)
            count: int = await erasing(tx).unfavourite(account_id, post_ids) if post_ids else 0
        return count

    @retried
    async def _unfollow(self, account_id: int) -> int:
        async with self._db.transaction() as tx:
            others = await erasing(tx).followed_or_following(account_id, self._batch)
            if not others:
                return 0
            await accounts(tx).lock([account_id, *others])
            count: int = await erasing(tx).unfollow(account_id, others)
        return count

    @retried
    async def _finish(self, account_id: int) -> bool:
        """Delete the account itself, unless a concurrent request added rows. Return whether rows were left."""
        async with self._db.transaction() as tx:
            left: bool | None = await erasing(tx).anything_left(account_id)
            if left is False:
                await accounts(tx).delete(account_id)
                log.info("account {account} is deleted with all its rows", account=account_id)
        return bool(left)
