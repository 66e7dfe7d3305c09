"""Conversations in the database: a row for each person in a thread of direct posts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from dbxs import query, statement

from microblog.domain.posts import Post
from microblog.store.access import accessor
from microblog.store.database import maybe_row, rows, scalar
from microblog.store.paging import in_order, within
from microblog.store.posts import POST_COLUMNS, post_from
from microblog.store.visibility import VISIBLE


def _conversation(id: int, latest_id: int, unread: bool, *row: Any) -> tuple[int, int, bool, Post]:
    return id, latest_id, unread, post_from(row)


# The last post that is there, and that the viewer may see: what latest_id names may be deleted.
_SELECT: Final = f"""SELECT c.id, c.latest_id, c.unread, {POST_COLUMNS}
    FROM conversations c
    JOIN LATERAL (
        SELECT p.id FROM posts p JOIN accounts a ON a.id = p.author_id
        WHERE p.thread_id = c.thread_id AND p.visibility = 'direct' AND p.boost_of_id IS NULL AND {VISIBLE}
        ORDER BY p.id DESC LIMIT 1) last ON true
    JOIN posts p ON p.id = last.id JOIN accounts a ON a.id = p.author_id"""


class ConversationQueries(Protocol):
    @query(
        sql=f"{_SELECT} WHERE c.account_id = {{viewer}} AND {within('c.latest_id')} {in_order('c.latest_id')}",
        load=rows(_conversation),
    )
    async def page(
        self, viewer: int, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[tuple[int, int, bool, Post]]: ...

    @query(
        sql=f"{_SELECT} WHERE c.account_id = {{viewer}} AND c.id = {{conversation_id}}",
        load=maybe_row(_conversation),
    )
    async def by_id(self, viewer: int, conversation_id: int) -> tuple[int, int, bool, Post] | None: ...

    @statement(
        sql="INSERT INTO conversations (account_id, thread_id, latest_id, unread) "
        "SELECT u.account_id, p.thread_id, p.id, u.account_id <> p.author_id FROM posts p, users u "
        "WHERE p.id = {post_id} AND u.account_id = ANY({ids}::bigint[]) ORDER BY u.account_id "
        "ON CONFLICT (account_id, thread_id) DO UPDATE "
        "SET latest_id = greatest(conversations.latest_id, excluded.latest_id), "
        "unread = excluded.unread"
    )
    async def add(self, post_id: int, ids: Sequence[int]) -> None:
        """A direct post has come into the conversations of these people of the site; unread but for its author."""
        ...

    @query(
        sql="UPDATE conversations SET unread = {unread} "
        "WHERE id = {conversation_id} AND account_id = {account_id} RETURNING id",
        load=scalar,
    )
    async def mark(self, account_id: int, conversation_id: int, unread: bool) -> int | None: ...

    @statement(
        sql="UPDATE conversations SET unread = false "
        "WHERE account_id = {account_id} AND thread_id = {thread_id} AND unread"
    )
    async def read_thread(self, account_id: int, thread_id: int) -> None: ...

    @query(
        sql="DELETE FROM conversations WHERE id = {conversation_id} AND account_id = {account_id} RETURNING id",
        load=scalar,
    )
    async def delete(self, account_id: int, conversation_id: int) -> int | None: ...


conversations = accessor(ConversationQueries)
