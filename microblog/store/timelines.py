"""Queries for listings of posts, newest first. Each page takes one query (see `engine.paging`)."""

from __future__ import annotations

from typing import Any, Protocol

from dbxs import query

from microblog.domain.posts import Post
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import rows
from microblog.store.engine.paging import in_order, within
from microblog.store.home import PUBLIC
from microblog.store.posts.columns import (
    BOOST_COLUMNS,
    BOOST_TABLES,
    POST_COLUMNS,
    POST_TABLES,
    listed_row,
    post_from,
    post_row,
)
from microblog.store.relations import BOOSTED, VISIBLE, listed_for, wanted


def _with_cursor(id: int, *row: Any) -> tuple[int, Post]:
    return id, post_from(row)


class TimelineQueries(Protocol):
    """``below``, ``above``, ``ascending`` and ``count`` come from `paging.bounds`."""

    @query(
        sql=f"SELECT {POST_COLUMNS} FROM {POST_TABLES} WHERE {PUBLIC} AND {within('p.id')} "
        f"AND (NOT {{local}} OR a.domain IS NULL) AND (NOT {{remote}} OR a.domain IS NOT NULL) AND {VISIBLE} "
        f"AND {listed_for('p.author_id')} {in_order('p.id')}",
        load=rows(post_row),
    )
    async def public(
        self,
        viewer: int | None,
        local: bool,
        remote: bool,
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[Post]: ...

    @query(
        sql=f"SELECT {POST_COLUMNS} FROM post_tags t JOIN posts p ON p.id = t.post_id "
        "JOIN accounts a ON a.id = p.author_id "
        f"WHERE t.tag = {{tag}} AND {within('t.post_id')} AND p.visibility = 'public' AND {VISIBLE} "
        f"AND {listed_for('p.author_id')} {in_order('t.post_id')}",
        load=rows(post_row),
    )
    async def tag(
        self, viewer: int | None, tag: str, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[Post]: ...

    @query(
        sql=f"""SELECT {POST_COLUMNS}
        FROM (
            SELECT DISTINCT near.post_id FROM (
                SELECT w.tag FROM unnest({{some}}::text[]) w (tag) WHERE {{every}}::text[] = '{{{{}}}}'
                UNION ALL
                (SELECT w.tag FROM unnest({{every}}::text[]) w (tag) LEFT JOIN tags k ON k.tag = w.tag
                ORDER BY coalesce(k.posts_count, 0) LIMIT 1)
            ) d CROSS JOIN LATERAL (
                SELECT t.post_id FROM post_tags t JOIN posts p ON p.id = t.post_id JOIN accounts a ON a.id = p.author_id
                WHERE t.tag = d.tag AND {within("t.post_id")} AND p.visibility = 'public'
                AND p.tags && {{some}}::text[] AND p.tags @> {{every}}::text[] AND NOT p.tags && {{none}}::text[]
                AND {VISIBLE} AND {listed_for("p.author_id")}
                {in_order("t.post_id")}
            ) near
        ) t JOIN posts p ON p.id = t.post_id JOIN accounts a ON a.id = p.author_id
        {in_order("p.id")}""",
        load=rows(post_row),
    )
    async def tags(
        self,
        viewer: int | None,
        some: list[str],
        every: list[str],
        none: list[str],
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[Post]:
        """Return public posts that have at least one tag of ``some``, all of ``every`` and none of ``none``.

        Each tag of ``some`` contributes its newest matching posts. With ``every``, only the rarest of its tags does.
        """

    @query(
        sql=f"SELECT {BOOST_COLUMNS} FROM {BOOST_TABLES} WHERE w.author_id = {{author_id}} AND {within('w.id')} "
        "AND ({boosts} OR w.boost_of_id IS NULL) AND ({tag}::text IS NULL OR {tag}::text = ANY(w.tags)) "
        "AND ({replies} OR w.reply_to_account_id IS NULL OR w.reply_to_account_id = w.author_id) "
        f"AND {VISIBLE} AND {BOOSTED} AND (w.boost_of_id IS NULL OR {listed_for('p.author_id')}) {in_order('w.id')}",
        load=rows(listed_row),
    )
    async def account(
        self,
        viewer: int | None,
        author_id: int,
        replies: bool,
        boosts: bool,
        tag: str | None,
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[Post]: ...

    @query(
        sql=f"SELECT k.id, {POST_COLUMNS} FROM bookmarks k JOIN posts p ON p.id = k.post_id "
        "JOIN accounts a ON a.id = p.author_id "
        f"WHERE k.account_id = {{viewer}} AND {within('k.id')} AND {VISIBLE} {in_order('k.id')}",
        load=rows(_with_cursor),
    )
    async def bookmarks(
        self, viewer: int, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[tuple[int, Post]]: ...

    @query(
        sql=f"SELECT k.id, {POST_COLUMNS} FROM favourites k JOIN posts p ON p.id = k.post_id "
        "JOIN accounts a ON a.id = p.author_id "
        f"WHERE k.account_id = {{viewer}} AND {within('k.id')} AND {VISIBLE} {in_order('k.id')}",
        load=rows(_with_cursor),
    )
    async def favourites(
        self, viewer: int, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[tuple[int, Post]]: ...

    @query(
        sql=f"SELECT {POST_COLUMNS} FROM mentions m JOIN posts p ON p.id = m.post_id "
        "JOIN accounts a ON a.id = p.author_id "
        f"WHERE m.account_id = {{viewer}} AND {within('m.post_id')} AND (NOT {{direct}} OR p.visibility = 'direct') "
        f"AND NOT m.withheld AND {VISIBLE} AND {wanted('p.author_id')} {in_order('m.post_id')}",
        load=rows(post_row),
    )
    async def mentions(
        self, viewer: int, direct: bool, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[Post]: ...


timelines = accessor(TimelineQueries)
