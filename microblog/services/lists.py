"""Lists of accounts, each private to its owner, and their timelines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from microblog.domain.accounts import Account, Viewer
from microblog.domain.errors import InvalidInput, NotFound
from microblog.domain.events import Kind
from microblog.domain.lists import LISTS_MOST, MEMBERS_MOST, RepliesPolicy, UserList, list_title
from microblog.domain.posts import Page, Post, Span
from microblog.store.engine.database import Database
from microblog.store.engine.paging import bounds, page, page_of
from microblog.store.events import outbox
from microblog.store.home import by_direction
from microblog.store.lists import listed, lists
from microblog.store.locks import retried


class Lists:
    """A viewer's lists. ``poke`` tells the dispatcher that there is an event, so that live streams reload members."""

    def __init__(self, *, db: Database, poke: Callable[[], None]) -> None:
        self.db = db
        self._poke = poke

    async def all(self, viewer: Viewer) -> list[UserList]:
        """Return the viewer's lists, by title."""
        found: list[UserList] = await lists(self.db.reads).all(viewer.id)
        return found

    async def by_id(self, viewer: Viewer, list_id: int) -> UserList:
        """Return a list of the viewer's. Raises NotFound."""
        found: UserList | None = await lists(self.db.reads).by_id(viewer.id, list_id)
        if found is None:
            raise NotFound
        return found

    async def with_member(self, viewer: Viewer, account_id: int) -> list[UserList]:
        """Return the viewer's lists that an account is in."""
        found: list[UserList] = await lists(self.db.reads).with_member(viewer.id, account_id)
        return found

    @retried
    async def create(
        self,
        viewer: Viewer,
        title: str,
        *,
        replies_policy: RepliesPolicy = RepliesPolicy.LIST,
        exclusive: bool = False,
    ) -> UserList:
        """Create a list. Raises InvalidInput, with ``field`` "title" for the title."""
        title = list_title(title)
        async with self.db.transaction() as tx:
            made: UserList | None = await lists(tx).insert(
                viewer.id, title, replies_policy.value, exclusive, LISTS_MOST
            )
            if made is None:
                raise InvalidInput(f"{LISTS_MOST} lists are the most. Delete one first.", None, "too_many")
            await outbox(tx).put(Kind.RELATION.value, viewer.id, None, None, None)
        self._poke()
        return made

    @retried
    async def update(
        self,
        viewer: Viewer,
        list_id: int,
        *,
        title: str | None = None,
        replies_policy: RepliesPolicy | None = None,
        exclusive: bool | None = None,
    ) -> UserList:
        """Change a list; None leaves a setting as it is. Raises NotFound, InvalidInput."""
        async with self.db.transaction() as tx:
            before: UserList | None = await lists(tx).by_id(viewer.id, list_id)
            if before is None:
                raise NotFound
            made: UserList | None = await lists(tx).update(
                viewer.id,
                list_id,
                before.title if title is None else list_title(title),
                (replies_policy or before.replies_policy).value,
                before.exclusive if exclusive is None else exclusive,
            )
            await outbox(tx).put(Kind.RELATION.value, viewer.id, None, None, None)
        self._poke()
        if made is None:
            raise NotFound
        return made

    @retried
    async def delete(self, viewer: Viewer, list_id: int) -> None:
        """Delete a list. Raises NotFound."""
        async with self.db.transaction() as tx:
            if await lists(tx).delete(viewer.id, list_id) is None:
                raise NotFound
            await outbox(tx).put(Kind.RELATION.value, viewer.id, None, None, None)
        self._poke()

    @retried
    async def add(self, viewer: Viewer, list_id: int, account_ids: Sequence[int]) -> None:
        """Add accounts to a list: all of them, or none on an error. Repeating it changes nothing.

        Raises NotFound for an unknown list, and for an account that the viewer does not follow; InvalidInput.
        """
        wanted = sorted(set(account_ids))
        async with self.db.transaction() as tx:
            await self._own(tx, viewer, list_id)
            if set(await lists(tx).followed(viewer.id, wanted)) != set(wanted):
                raise NotFound("A list has people whom you follow. Follow them first.")
            await lists(tx).add(viewer.id, list_id, wanted)
            if await lists(tx).size(list_id) > MEMBERS_MOST:
                raise InvalidInput(f"A list has at most {MEMBERS_MOST} people.", None, "too_many")
            await outbox(tx).put(Kind.RELATION.value, viewer.id, None, None, None)
        self._poke()

    @retried
    async def remove(self, viewer: Viewer, list_id: int, account_ids: Sequence[int]) -> None:
        """Remove accounts from a list; others are ignored. Raises NotFound for an unknown list."""
        async with self.db.transaction() as tx:
            await self._own(tx, viewer, list_id)
            await lists(tx).remove(viewer.id, list_id, sorted(set(account_ids)))
            await outbox(tx).put(Kind.RELATION.value, viewer.id, None, None, None)
        self._poke()

    async def members(self, viewer: Viewer, list_id: int, span: Span) -> Page[Account]:
        """Return the members of a list, newest member first. Raises NotFound."""
        await self.by_id(viewer, list_id)
        found: list[tuple[int, Account]] = await lists(self.db.reads).members(list_id, **bounds(span))
        return page_of(found, span)

    async def timeline(self, viewer: Viewer, list_id: int, span: Span) -> Page[Post]:
        """Return the posts of a list's members, newest first. Raises NotFound."""
        chosen = await self.by_id(viewer, list_id)
        found = await by_direction(
            listed(self.db.reads), span, viewer.id, list_id, chosen.replies_policy.value
        )
        return page(found, span, lambda post: post.id)

    async def _own(self, tx: Any, viewer: Viewer, list_id: int) -> None:
        if await lists(tx).by_id(viewer.id, list_id) is None:
            raise NotFound
