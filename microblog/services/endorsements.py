"""What one says of people: to everyone on one's profile (endorsements), to oneself alone (notes)."""

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
    """``poke`` tells the dispatcher, so that profiles that are kept rendered are made anew."""

    def __init__(self, *, db: Database, poke: Callable[[], None]) -> None:
        self.db = db
        self._poke = poke

    async def of(self, viewer: Viewer | None, account_id: int, span: Span) -> Page[Account]:
        """Whom somebody shows on their profile, the last first. Raises NotFound."""
        account = await accounts(self.db.reads).by_id(account_id)
        if account is None or account.state is not State.ACTIVE:
            raise NotFound
        found: list[tuple[int, Account]] = await endorsements(self.db.reads).of(
            viewer.id if viewer else None, account_id, **bounds(span)
        )
        return page_of(found, span)

    @retried
    async def endorse(self, viewer: Viewer, account_id: int) -> Relationship:
        """Show somebody on one's profile. Raises NotFound, InvalidInput unless one follows them."""
        await self._there(account_id)
        async with self.db.transaction() as tx:
            if not await endorsements(tx).endorse(viewer.id, account_id):
                raise InvalidInput("Follow them first: a profile shows people whom its owner follows.")
        self._poke()
        return await self._standing(viewer, account_id)

    @retried
    async def withdraw(self, viewer: Viewer, account_id: int) -> Relationship:
        """Somebody who isn't shown does no harm. Raises NotFound."""
        await self._there(account_id)
        async with self.db.transaction() as tx:
            await endorsements(tx).withdraw(viewer.id, account_id)
        self._poke()
        return await self._standing(viewer, account_id)

    @retried
    async def note(self, viewer: Viewer, account_id: int, comment: str) -> Relationship:
        """Write something down about somebody, for oneself; nothing takes it away. Raises NotFound, InvalidInput."""
        comment = normalise(comment[: 4 * NOTE_MOST]).strip()
        if len(comment) > NOTE_MOST:
            raise InvalidInput(f"A note has at most {NOTE_MOST} characters.", "comment", "too_long")
        await self._there(account_id)
        async with self.db.transaction() as tx:
            if comment:
                await endorsements(tx).note(viewer.id, account_id, comment)
            else:
                await endorsements(tx).forget_note(viewer.id, account_id)
        return await self._standing(viewer, account_id)

    async def _there(self, account_id: int) -> None:
        if await accounts(self.db.reads).by_id(account_id) is None:
            raise NotFound

    async def _standing(self, viewer: Viewer, account_id: int) -> Relationship:
        found: list[Relationship] = await follows(self.db.reads).relationships(viewer.id, [account_id])
        if not found:
            raise NotFound
        return found[0]
