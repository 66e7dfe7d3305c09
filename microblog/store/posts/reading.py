"""Queries that read single posts, threads and the history of a post."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from dbxs import query

from microblog.domain.posts import Edit, Post
from microblog.store.engine.access import accessor, prepared
from microblog.store.engine.loaders import maybe_row, rows
from microblog.store.posts.columns import (
    BOOST_COLUMNS,
    BOOST_TABLES,
    POST_COLUMNS,
    POST_TABLES,
    listed_row,
    post_row,
)
from microblog.store.relations import BOOSTED, VIEWER, VISIBLE, WAS_VISIBLE, listed_for, not_blocked_by


def _edit(text: str, html: str, summary: str, sensitive: bool, created_at: datetime) -> Edit:
    return Edit(text, html, summary, sensitive, created_at)


class PostQueries(Protocol):
    """Queries of single posts. ``viewer`` is an account's id, or None for an anonymous request."""

    @query(
        sql="SELECT a.id FROM accounts a WHERE a.id = ANY ({ids}::bigint[]) AND a.state = 'active' "
        f"AND {not_blocked_by(VIEWER, 'a.id')}",
        load=rows(int),
    )
    async def addressable(self, ids: list[int], viewer: int) -> list[int]:
        """Return the accounts of ``ids`` that are active and neither block the viewer nor are blocked by the viewer."""

    @query(
        sql=f"SELECT {BOOST_COLUMNS} FROM {BOOST_TABLES} WHERE w.id = {{post_id}} AND {VISIBLE} "
        f"AND {BOOSTED}",
        load=maybe_row(listed_row),
    )
    async def visible(self, post_id: int, viewer: int | None) -> Post | None: ...

    @query(
        sql=f"SELECT {BOOST_COLUMNS} FROM {BOOST_TABLES} WHERE w.id = ANY ({{ids}}::bigint[]) "
        f"AND {VISIBLE} AND {BOOSTED}",
        load=rows(listed_row),
    )
    async def visible_among(self, ids: list[int], viewer: int | None) -> list[Post]: ...

    @prepared("bigint[]", "bigint")
    @query(
        sql=f"SELECT {BOOST_COLUMNS} FROM {BOOST_TABLES} WHERE w.id = ANY ({{ids}}::bigint[]) AND a.state = 'active' "
        "AND {viewer}::bigint IS NULL",
        load=rows(listed_row),
    )
    async def for_events(self, ids: list[int], viewer: None = None) -> list[Post]:
        """Return posts for the dispatcher, which checks for each subscriber who may see them."""

    @query(
        sql=f"""
        WITH RECURSIVE up AS (
            SELECT p.id, p.reply_to_id, 1 AS depth FROM posts p WHERE p.id = {{post_id}}
            UNION ALL
            SELECT p.id, p.reply_to_id, up.depth + 1 FROM posts p JOIN up ON p.id = up.reply_to_id WHERE up.depth < 100
        )
        SELECT {POST_COLUMNS} FROM up JOIN {POST_TABLES.replace("posts p", "posts p ON p.id = up.id")}
        WHERE up.depth > 1 AND {VISIBLE} AND {listed_for("p.author_id")} ORDER BY up.depth DESC""",
        load=rows(post_row),
    )
    async def ancestors(self, post_id: int, viewer: int | None) -> list[Post]:
        """Return the chain of posts above a reply, oldest first, at most 100."""

    @query(
        sql=f"SELECT {POST_COLUMNS} FROM {POST_TABLES} WHERE p.thread_id = {{thread_id}} AND p.boost_of_id IS NULL "
        f"AND p.id > {{after}} AND {VISIBLE} AND {listed_for('p.author_id')} ORDER BY p.id LIMIT {{limit}}",
        load=rows(post_row),
    )
    async def of_thread(self, thread_id: int, after: int, viewer: int | None, limit: int) -> list[Post]: ...

    @query(
        sql=f"""SELECT e.text, e.html, e.summary, e.sensitive, e.created_at
        FROM post_edits e JOIN posts p ON p.id = e.post_id
        WHERE e.post_id = {{post_id}} AND ({WAS_VISIBLE}) ORDER BY e.id""",
        load=rows(_edit),
    )
    async def edits(self, post_id: int, viewer: int | None) -> list[Edit]:
        """Return the earlier versions of a post that the viewer may read, oldest first."""


posts = accessor(PostQueries)
