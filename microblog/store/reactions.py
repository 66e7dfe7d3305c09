"""Boosts, favourites and bookmarks of posts in the database.

A boost is a row of ``posts``. `posts.writing.delete` deletes it like any post, with the same order of locks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from dbxs import query

from microblog.domain.accounts import Account
from microblog.store.accounts import ACCOUNT_COLUMNS, account_at
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import rows, scalar
from microblog.store.engine.paging import span_of
from microblog.store.relations import PERSON_LISTED


class ReactionQueries(Protocol):
    @query(
        sql="""
        WITH made AS (
            INSERT INTO posts (id, author_id, visibility, boost_of_id, thread_id, created_at)
            SELECT n.id, {author_id}, {visibility}, {post_id}, n.id, n.at
            FROM (SELECT snowflake(at) AS id, at FROM (
                SELECT coalesce({at}::timestamptz, clock_timestamp()) AS at) t) n
            ON CONFLICT DO NOTHING RETURNING id
        ), counted AS (
            UPDATE accounts SET posts_count = posts_count + 1 WHERE id = {author_id} AND EXISTS (SELECT FROM made)
        ), boosted AS (
            UPDATE posts SET boosts_count = boosts_count + 1 WHERE id = {post_id} AND EXISTS (SELECT FROM made)
        ), event AS (
            INSERT INTO outbox (kind, account_id, post_id) SELECT 'boost', {author_id}, id FROM made
        )
        SELECT id FROM made""",
        load=scalar,
    )
    async def boost(self, author_id: int, visibility: str, post_id: int, at: datetime | None) -> int | None:
        """Boost a post. Return the id of the boost, or None if the account has boosted the post already."""

    @query(sql="SELECT id FROM posts WHERE boost_of_id = {post_id} AND author_id = {author_id}", load=scalar)
    async def boost_id(self, post_id: int, author_id: int) -> int | None: ...

    @query(sql="SELECT author_id FROM posts WHERE boost_of_id = {post_id} LIMIT 1000", load=rows(int))
    async def boosters(self, post_id: int) -> list[int]:
        """Return the accounts that boosted a post, at most 1,000."""

    @query(
        sql="""
        WITH made AS (
            INSERT INTO favourites (account_id, post_id) VALUES ({account_id}, {post_id}) ON CONFLICT DO NOTHING
            RETURNING post_id
        ), counted AS (
            UPDATE posts SET favourites_count = favourites_count + 1 WHERE id = (SELECT post_id FROM made)
        )
        SELECT count(*) FROM made""",
        load=scalar,
    )
    async def favourite(self, account_id: int, post_id: int) -> int:
        """Favourite a post. Return 1, or 0 if it is a favourite already."""

    @query(
        sql="""
        WITH gone AS (
            DELETE FROM favourites WHERE account_id = {account_id} AND post_id = {post_id} RETURNING post_id
        ), counted AS (
            UPDATE posts SET favourites_count = greatest(favourites_count - 1, 0)
            WHERE id = (SELECT post_id FROM gone)
        )
        SELECT count(*) FROM gone""",
        load=scalar,
    )
    async def unfavourite(self, account_id: int, post_id: int) -> int:
        """Remove a favourite. Return 1, or 0 if there is none."""

    @query(
        sql="INSERT INTO bookmarks (account_id, post_id) VALUES ({account_id}, {post_id}) ON CONFLICT DO NOTHING",
        load=scalar,
    )
    async def bookmark(self, account_id: int, post_id: int) -> None: ...

    @query(sql="DELETE FROM bookmarks WHERE account_id = {account_id} AND post_id = {post_id}", load=scalar)
    async def unbookmark(self, account_id: int, post_id: int) -> None: ...

    @query(
        sql=f"SELECT v.id, {ACCOUNT_COLUMNS} FROM favourites v JOIN accounts a ON a.id = v.account_id "
        f"WHERE v.post_id = {{post_id}} AND {PERSON_LISTED}" + span_of("v.id"),
        load=rows(account_at),
    )
    async def favourited_by(
        self,
        viewer: int | None,
        post_id: int,
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[tuple[int, Account]]: ...

    @query(
        sql=f"SELECT v.id, {ACCOUNT_COLUMNS} FROM posts v JOIN accounts a ON a.id = v.author_id "
        f"WHERE v.boost_of_id = {{post_id}} AND v.visibility IN ('public', 'unlisted') "
        f"AND {PERSON_LISTED}" + span_of("v.id"),
        load=rows(account_at),
    )
    async def boosted_by(
        self,
        viewer: int | None,
        post_id: int,
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[tuple[int, Account]]: ...


reactions = accessor(ReactionQueries)
