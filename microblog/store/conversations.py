"""Conversations in the database: one row for each account in a thread of direct posts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from dbxs import query, statement

from microblog.domain.posts import Post
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import maybe_row, rows, scalar
from microblog.store.engine.paging import in_order, within
from microblog.store.posts.columns import POST_COLUMNS, post_from
from microblog.store.relations import DELIVERED, QUIET, VISIBLE, WITHHELD, wanted


def _conversation(id: int, latest_id: int, unread: bool, *row: Any) -> tuple[int, int, bool, Post]:
    return id, latest_id, unread, post_from(row)


def _pair(post_id: int, account_id: int) -> tuple[int, int]:
    return post_id, account_id


# The last post that reached the viewer and that they want to see. The post of latest_id may be deleted, or its author
# may be muted or blocked by now. Then the conversation counts as unread only if the last post is by another account.
_SELECT: Final = f"""SELECT c.id, c.latest_id, c.unread AND (p.id = c.latest_id OR p.author_id <> c.account_id),
    {POST_COLUMNS}
    FROM conversations c
    JOIN LATERAL (
        SELECT p.id FROM posts p JOIN accounts a ON a.id = p.author_id
        WHERE p.thread_id = c.thread_id AND p.visibility = 'direct' AND p.boost_of_id IS NULL AND {VISIBLE}
            AND {DELIVERED} AND {wanted("p.author_id")}
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

    @query(
        sql=f"{_SELECT} WHERE c.account_id = {{viewer}} AND c.thread_id = {{thread_id}}",
        load=maybe_row(_conversation),
    )
    async def by_thread(self, viewer: int, thread_id: int) -> tuple[int, int, bool, Post] | None: ...

    @statement(
        sql=f"""WITH judged AS MATERIALIZED (
            SELECT a.id, t.thread_id, {WITHHELD} AS withheld, a.id <> {{actor_id}}::bigint AND NOT {QUIET} AS unread
            FROM accounts a JOIN users u ON u.account_id = a.id JOIN posts t ON t.id = {{post_id}}
            LEFT JOIN notification_policies y ON y.account_id = a.id
            WHERE a.id = ANY({{ids}}::bigint[])
        ), held AS (
            UPDATE mentions SET withheld = true
            WHERE post_id = {{post_id}} AND account_id IN (SELECT id FROM judged WHERE withheld)
        )
        INSERT INTO conversations (account_id, thread_id, latest_id, unread)
        SELECT id, thread_id, {{post_id}}, unread FROM judged j
        WHERE NOT withheld AND (unread OR id = {{actor_id}}::bigint OR NOT EXISTS (
            SELECT FROM posts o WHERE o.thread_id = j.thread_id AND o.id <> {{post_id}}
            AND (o.author_id = j.id OR j.id = ANY (o.mentioned_ids))))
        ORDER BY id
        ON CONFLICT (account_id, thread_id) DO UPDATE SET
            latest_id = CASE WHEN excluded.unread OR conversations.account_id = {{actor_id}}::bigint
                THEN greatest(conversations.latest_id, excluded.latest_id) ELSE conversations.latest_id END,
            unread = excluded.unread
                OR (conversations.unread AND conversations.account_id <> {{actor_id}}::bigint)"""
    )
    async def deliver(self, post_id: int, actor_id: int, ids: Sequence[int]) -> None:
        """Put a direct post by ``actor_id`` into the conversations of these local accounts.

        The conversation becomes unread, except for the author and for accounts that mute the author or the thread.
        These do not get a conversation back that they removed. An account that blocks the author, that the author
        blocks, or whose notification policy filters or drops the post gets no conversation: its mention is marked as
        withheld.
        """

    @query(
        sql="SELECT post_id, account_id FROM mentions WHERE post_id = ANY({post_ids}::bigint[]) AND withheld",
        load=rows(_pair),
    )
    async def withheld(self, post_ids: Sequence[int]) -> list[tuple[int, int]]:
        """Return pairs of a post and an account that it was withheld from."""

    @query(
        sql="UPDATE conversations SET unread = {unread} "
        "WHERE id = {conversation_id} AND account_id = {account_id} RETURNING id",
        load=scalar,
    )
    async def mark(self, account_id: int, conversation_id: int, unread: bool) -> int | None: ...

    @query(
        sql="UPDATE conversations SET unread = false "
        "WHERE account_id = {account_id} AND thread_id = {thread_id} AND unread RETURNING id",
        load=scalar,
    )
    async def read_thread(self, account_id: int, thread_id: int) -> int | None: ...

    @query(
        sql="DELETE FROM conversations WHERE id = {conversation_id} AND account_id = {account_id} RETURNING id",
        load=scalar,
    )
    async def delete(self, account_id: int, conversation_id: int) -> int | None: ...


conversations = accessor(ConversationQueries)
