"""Deletion in batches: of an account with everything it wrote and did, or of a post with many reactions.

A batch is a short transaction with a bounded number of rows, which takes its locks in the one order (`locks`). It
changes the counters of other rows by the rows that it really deleted. The remaining rows are the remaining work, so
that interrupted work continues where it stopped, and two processes can work on it at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

from dbxs import query, statement

from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import rows, scalar


class Reference(NamedTuple):
    """A foreign key with ON DELETE CASCADE: its table and column, quoted for SQL."""

    table: str
    column: str


#: Tables with their own counters or rules. :data:`erasing` has statements for them.
_BY_THEMSELVES: Final = ("posts", "follows", "favourites")


class ErasingQueries(Protocol):
    @query(
        sql="""SELECT c.conrelid::regclass::text, quote_ident(a.attname)
        FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype = 'f' AND c.confdeltype = 'c' AND cardinality(c.conkey) = 1
            AND c.confrelid = to_regclass({table}) AND c.conrelid::regclass::text <> ALL ({without}::text[])
        ORDER BY 1, 2""",
        load=rows(Reference),
    )
    async def references(self, table: str, without: Sequence[str]) -> list[Reference]:
        """Return the cascading foreign keys to a table from the catalog, so that no new table is forgotten."""

    @query(
        sql="""UPDATE accounts SET state = 'suspended', deleted_at = coalesce(deleted_at, clock_timestamp())
        WHERE id = {account_id} RETURNING id""",
        load=scalar,
    )
    async def hide(self, account_id: int) -> int | None:
        """Mark an account as deleted, which hides it and its posts from everybody."""

    @statement(sql="DELETE FROM users WHERE account_id = {account_id}")
    async def forget_user(self, account_id: int) -> None:
        """Delete the credentials and the email address of an account: nobody can log in, and the address is free."""

    # ------------------------------------------------------------------------------------------------------- follows

    @query(
        sql="""(SELECT followee_id FROM follows WHERE follower_id = {account_id} LIMIT {limit})
        UNION (SELECT follower_id FROM follows WHERE followee_id = {account_id} LIMIT {limit})""",
        load=rows(int),
    )
    async def followed_or_following(self, account_id: int, limit: int) -> list[int]: ...

    @query(
        sql="""WITH gone AS (
            DELETE FROM follows WHERE (follower_id = {account_id} AND followee_id = ANY ({others}::bigint[]))
                OR (followee_id = {account_id} AND follower_id = ANY ({others}::bigint[]))
            RETURNING follower_id, followee_id, accepted
        ), counted AS (
            UPDATE accounts a SET followers_count = greatest(a.followers_count - d.followers, 0),
                following_count = greatest(a.following_count - d.following, 0)
            FROM (SELECT id, sum(follower)::integer AS followers, sum(following)::integer AS following FROM (
                SELECT followee_id AS id, 1 AS follower, 0 AS following FROM gone WHERE accepted
                UNION ALL SELECT follower_id, 0, 1 FROM gone WHERE accepted) each GROUP BY id) d
            WHERE a.id = d.id
        ) SELECT count(*) FROM gone""",
        load=scalar,
    )
    async def unfollow(self, account_id: int, others: Sequence[int]) -> int:
        """Delete the follows between an account and others in both directions. The accounts must be locked."""

    # ---------------------------------------------------------------------------------------------------- favourites

    @query(
        sql="""SELECT id FROM posts WHERE id IN (
            SELECT post_id FROM favourites WHERE account_id = {account_id} ORDER BY id LIMIT {limit}
        ) ORDER BY id FOR NO KEY UPDATE""",
        load=rows(int),
    )
    async def hold_favourites(self, account_id: int, limit: int) -> list[int]: ...

    @query(
        sql="""WITH gone AS (
            DELETE FROM favourites WHERE account_id = {account_id} AND post_id = ANY ({post_ids}::bigint[])
            RETURNING post_id
        ), counted AS (
            UPDATE posts SET favourites_count = greatest(favourites_count - 1, 0)
            WHERE id IN (SELECT post_id FROM gone)
        ) SELECT count(*) FROM gone""",
        load=scalar,
    )
    async def unfavourite(self, account_id: int, post_ids: Sequence[int]) -> int: ...

    # --------------------------------------------------------------------------------------------------------- posts

    @query(
        sql="SELECT id FROM posts WHERE author_id = {account_id} ORDER BY id DESC LIMIT {limit}",
        load=rows(int),
    )
    async def posts_of(self, account_id: int, limit: int) -> list[int]:
        """Return the newest posts of an account, which open pages of readers still show."""

    @query(
        sql="SELECT id FROM posts WHERE boost_of_id = ANY ({post_ids}::bigint[]) LIMIT {limit}",
        load=rows(int),
    )
    async def boosts_of(self, post_ids: Sequence[int], limit: int) -> list[int]: ...

    @query(
        sql="""WITH freed AS (
            UPDATE posts SET reply_to_id = NULL WHERE id IN (
                SELECT id FROM posts WHERE reply_to_id = ANY ({post_ids}::bigint[])
                ORDER BY id LIMIT {limit} FOR NO KEY UPDATE)
            RETURNING 1
        ) SELECT count(*) FROM freed""",
        load=scalar,
    )
    async def free_answers(self, post_ids: Sequence[int], limit: int) -> int:
        """Detach replies from posts that are being deleted, as the foreign key would."""

    @query(
        sql="""WITH gone AS (
            DELETE FROM posts WHERE id = ANY ({post_ids}::bigint[]) OR boost_of_id = ANY ({post_ids}::bigint[])
            RETURNING id, author_id, reply_to_id, boost_of_id, visibility, mentioned_ids, tags, thread_id,
                reply_to_account_id, created_at
        ), counted AS (
            UPDATE accounts a SET posts_count = greatest(a.posts_count - d.posts, 0)
            FROM (SELECT author_id, count(*)::integer AS posts FROM gone WHERE visibility <> 'direct'
                GROUP BY author_id) d
            WHERE a.id = d.author_id
        ), reacted AS (
            UPDATE posts p SET replies_count = greatest(p.replies_count - d.replies, 0),
                boosts_count = greatest(p.boosts_count - d.boosts, 0)
            FROM (SELECT id, sum(reply)::integer AS replies, sum(boost)::integer AS boosts FROM (
                SELECT reply_to_id AS id, 1 AS reply, 0 AS boost FROM gone WHERE visibility IN ('public', 'unlisted')
                UNION ALL SELECT boost_of_id, 0, 1 FROM gone) each
                WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM gone) GROUP BY id) d
            WHERE p.id = d.id
        ), event AS (
            INSERT INTO outbox (kind, account_id, post_id, detail)
            SELECT 'delete', g.author_id, g.id, jsonb_build_object(
                'author_id', g.author_id, 'author_name', a.name, 'visibility', g.visibility,
                'mentioned_ids', to_jsonb(g.mentioned_ids), 'tags', to_jsonb(g.tags), 'thread_id', g.thread_id,
                'reply_to_account_id', g.reply_to_account_id, 'is_boost', g.boost_of_id IS NOT NULL)
            FROM gone g JOIN accounts a ON a.id = g.author_id
            WHERE g.created_at > clock_timestamp() - interval '7 days' ORDER BY g.id DESC
        ) SELECT count(*) FROM gone""",
        load=scalar,
    )
    async def delete_posts(self, post_ids: Sequence[int]) -> int:
        """Delete posts and their boosts, and return the number of rows. Call `locks.lock_to_delete` first.

        Posts that the event log may still contain get an event of their deletion.
        """

    # ------------------------------------------------------------------------------------------------------- the end

    @query(
        sql="""SELECT EXISTS (SELECT FROM posts WHERE author_id = {account_id})
            OR EXISTS (SELECT FROM follows WHERE follower_id = {account_id} OR followee_id = {account_id})
            OR EXISTS (SELECT FROM favourites WHERE account_id = {account_id})
        FROM (SELECT FROM accounts WHERE id = {account_id} FOR UPDATE) held""",
        load=scalar,
    )
    async def anything_left(self, account_id: int) -> bool | None:
        """Lock an account against new references. Return whether it has rows left, or None if it does not exist."""


erasing = accessor(ErasingQueries)


async def references_to_accounts(session: Any) -> list[Reference]:
    """Return the references to accounts that have no counters."""
    found: list[Reference] = await erasing(session).references("accounts", list(_BY_THEMSELVES))
    return found


async def references_to_posts(session: Any) -> list[Reference]:
    """Return the references to posts that need no counting, because the counters are deleted with the post."""
    found: list[Reference] = await erasing(session).references("posts", ["posts"])
    return found


async def delete_referring(session: Any, reference: Reference, ids: Sequence[int], limit: int) -> int:
    """Delete at most ``limit`` rows that refer to one of ``ids``, and return their number."""
    table, column = reference
    cursor = await session.run(
        f"WITH gone AS (DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} "
        f"WHERE {column} = ANY (%s::bigint[]) LIMIT %s FOR UPDATE)) RETURNING 1) SELECT count(*) FROM gone",
        [list(ids), limit],
    )
    return int(cursor.fetchall()[0][0])
