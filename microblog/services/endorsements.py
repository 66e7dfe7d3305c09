"""Endorsements, which a profile shows, and private notes about accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from microblog.domain.accounts import Account, Relationship, State, Viewer
from microblog.domain.errors import InvalidInput, NotFound
from microblog.domain.posts import Page, Span
from microblog.domain.text import normalise
from microblog.store.accounts import accounts
from microblog.store.endorsements import endorsements
from microblog.store.engine.database import Database
from microblog.store.engine.paging import bounds, page_of
from microblog.store.follows import follows
from microblog.store.locks import retried

NOTE_MOST: Final = 2000  #: characters


class Endorsements:
    """Endorsements and notes. ``poke`` tells the dispatcher of a change, so that cached profiles are rendered again."""

    def __init__(self, *, db: Database, poke: Callable[[], None]) -> None:
        self.db = db
        self._poke = poke

    async def of(self, viewer: Viewer | None, account_id: int, span: Span) -> Page[Account]:
        """Return the accounts that an account endorses, newest first. Raises NotFound."""
        account = await accounts(self.db.reads).by_id(account_id)
        if account is None or account.state is not State.ACTIVE:
            raise NotFound
        found: list[tuple[int, Account]] = await endorsements(self.db.reads).of(
            viewer.id if viewer else None, account_id, **bounds(span)
        )
        return page_of(found, span)

    @retried
    async def endorse(self, viewer: Viewer, account_id: int) -> Relationship:
        """Endorse an account. Raises NotFound; InvalidInput unless the viewer follows it."""
        await self._check_exists(account_id)
        async with self.db.transaction() as tx:
            if not await endorsements(tx).endorse(viewer.id, account_id):
                raise InvalidInput("Follow them first: a profile shows people whom its owner follows.")
        self._poke()
        return await self._relationship(viewer, account_id)

    @retried
    async def withdraw(self, viewer: Viewer, account_id: int) -> Relationship:
        """Remove an endorsement, if there is one. Raises NotFound."""
        await self._check_exists(account_id)
        async with self.db.transaction() as tx:
            await endorsements(tx).withdraw(viewer.id, account_id)
        self._poke()
        return await self._relationship(viewer, account_id)

    @retried
    async def note(self, viewer: Viewer, account_id: int, comment: str) -> Relationship:
        """Save a private note about an account; an empty one removes it. Raises NotFound, InvalidInput."""
        comment = normalise(comment[: 4 * NOTE_MOST]).strip()
        if len(comment) > NOTE_MOST:
            raise InvalidInput(f"A note has at most {NOTE_MOST} characters.", "comment", "too_long")
        await self._check_exists(account_id)
        async with self.db.transaction() as tx:
            if comment:
                await endorsements(tx).note(viewer.id, account_id, comment)
            else:
                await endorsements(tx).forget_note(viewer.id, account_id)
        return await self._relationship(viewer, account_id)

    async def _check_exists(self, account_id: int) -> None:
        if await accounts(self.db.reads).by_id(account_id) is None:
            raise NotFound

    async def _relationship(self, viewer: Viewer, account_id: int) -> Relationship:
        found: list[Relationship] = await follows(self.db.reads).relationships(viewer.id, [account_id])
        if not found:
            raise NotFound
        return found[0]
