"""Conversations: the direct posts of a thread, as one participant sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microblog.domain.accounts import Account, Viewer
from microblog.domain.conversations import Conversation
from microblog.domain.errors import NotFound
from microblog.domain.posts import Page, Post, Span
from microblog.domain.visibility import Visibility
from microblog.store.accounts import accounts
from microblog.store.conversations import conversations
from microblog.store.engine.database import Database
from microblog.store.engine.paging import bounds, page
from microblog.store.locks import retried


async def add_to_conversations(tx: Any, post_id: int, actor_id: int, ids: Sequence[int]) -> None:
    """Deliver a direct post to its author and the accounts it names, in the transaction that writes it."""
    if ids:
        await conversations(tx).deliver(post_id, actor_id, sorted(set(ids)))


async def withheld_from(tx: Any, post: Post) -> tuple[int, ...]:
    """Return the accounts that a direct post mentions but did not reach, so that its deletion does not either."""
    if post.visibility is not Visibility.DIRECT:
        return ()
    return tuple(account_id for _, account_id in await conversations(tx).withheld([post.id]))


class Conversations:
    def __init__(self, *, db: Database) -> None:
        self.db = db

    async def page(self, viewer: Viewer, span: Span) -> Page[Conversation]:
        """Return the viewer's conversations, newest post first. Cursors are ids of posts. Two queries."""
        rows = await conversations(self.db.reads).page(viewer.id, **bounds(span))
        found = page(rows, span, lambda each: int(each[1]))
        return Page(
            await self._filled(viewer, found.items), found.older, found.newer, found.first, found.last
        )

    async def by_id(self, viewer: Viewer, conversation_id: int) -> Conversation:
        """Return a conversation of the viewer's. Raises NotFound."""
        found = await conversations(self.db.reads).by_id(viewer.id, conversation_id)
        if found is None:
            raise NotFound
        (made,) = await self._filled(viewer, [found])
        return made

    async def by_thread(self, viewer: Viewer, thread_id: int) -> Conversation | None:
        """Return the viewer's conversation of a thread, or None."""
        found = await conversations(self.db.reads).by_thread(viewer.id, thread_id)
        return None if found is None else (await self._filled(viewer, [found]))[0]

    @retried
    async def mark_read(self, viewer: Viewer, conversation_id: int, *, read: bool = True) -> Conversation:
        """Mark a conversation as read, or as unread. Raises NotFound."""
        async with self.db.transaction() as tx:
            if await conversations(tx).mark(viewer.id, conversation_id, not read) is None:
                raise NotFound
        return await self.by_id(viewer, conversation_id)

    @retried
    async def read_thread(self, viewer: Viewer, thread_id: int) -> bool:
        """Mark the viewer's conversation about a thread as read; return whether it was unread."""
        async with self.db.transaction() as tx:
            return await conversations(tx).read_thread(viewer.id, thread_id) is not None

    @retried
    async def delete(self, viewer: Viewer, conversation_id: int) -> None:
        """Remove a conversation from the list until its next post. Its posts stay. Raises NotFound."""
        async with self.db.transaction() as tx:
            if await conversations(tx).delete(viewer.id, conversation_id) is None:
                raise NotFound

    async def _filled(
        self, viewer: Viewer, rows: Sequence[tuple[int, int, bool, Post]]
    ) -> list[Conversation]:
        wanted = {each: _people(post, viewer) for each, _, _, post in rows}
        ids = sorted({one for each in wanted.values() for one in each})
        known: dict[int, Account] = {}
        if ids:
            known = {each.id: each for each in await accounts(self.db.reads).by_ids(ids)}
        return [
            Conversation(
                row_id,
                unread,
                post,
                tuple(known[each] for each in wanted[row_id] if each in known),
                viewer.account,
            )
            for row_id, _, unread, post in rows
        ]


def _people(post: Post, viewer: Viewer) -> list[int]:
    everyone = [post.author.id, *(each.account_id for each in post.mentions)]
    return [each for each in dict.fromkeys(everyone) if each != viewer.id]
