"""Listings of posts: one query a page, by cursor, newest first (`paging` says how)."""

from __future__ import annotations

from typing import Any, Final, Protocol

from dbxs import accessor, query

from microblog.domain.posts import Post
from microblog.store.database import rows
from microblog.store.paging import in_order, within
from microblog.store.posts import (
    BOOST_COLUMNS,
    BOOST_TABLES,
    POST_COLUMNS,
    POST_TABLES,
    listed_from,
    post_from,
)
from microblog.store.visibility import BOOSTED, VISIBLE, wanted


def _post(*row: Any) -> Post:
    return post_from(row)


def _listed(*row: Any) -> Post:
    return listed_from(row)


def _marked(id: int, *row: Any) -> tuple[int, Post]:
    return id, post_from(row)


_PUBLIC: Final = (
    "p.visibility = 'public' AND p.boost_of_id IS NULL "
    "AND (p.reply_to_account_id IS NULL OR p.reply_to_account_id = p.author_id)"
)

# Whom somebody follows (but for those in their exclusive lists), themselves, and the tags they follow; each gives its
# newest few, of which the newest are taken. It costs an index probe for each one followed and never depends on how many
# posts there are.
_HOME: Final = f"""
    SELECT {BOOST_COLUMNS}
    FROM (
        (SELECT each.id
        FROM (
            SELECT f.followee_id AS id, f.show_boosts FROM follows f WHERE f.follower_id = {{viewer}} AND f.accepted
            AND f.followee_id <> ALL (ARRAY(
                SELECT x.account_id FROM lists l JOIN list_accounts x ON x.list_id = l.id
                WHERE l.account_id = {{viewer}} AND l.exclusive))
            UNION ALL SELECT {{viewer}}, true
        ) source
        CROSS JOIN LATERAL (
            SELECT h.id FROM posts h
            WHERE h.author_id = source.id AND {within("h.id")}
            AND (h.boost_of_id IS NULL OR source.show_boosts)
            AND (h.reply_to_account_id IS NULL OR h.reply_to_account_id IN ({{viewer}}, h.author_id) OR EXISTS (
                SELECT FROM follows r
                WHERE r.follower_id = {{viewer}} AND r.followee_id = h.reply_to_account_id AND r.accepted))
            {in_order("h.id")}
        ) each
        {in_order("each.id")})
        UNION
        (SELECT tagged.id
        FROM (
            SELECT DISTINCT each.id
            FROM followed_tags k
            CROSS JOIN LATERAL (
                SELECT t.post_id AS id FROM post_tags t JOIN posts p ON p.id = t.post_id
                WHERE t.tag = k.tag AND {_PUBLIC} AND {within("t.post_id")}
                {in_order("t.post_id")}
            ) each
            WHERE k.account_id = {{viewer}}
        ) tagged
        {in_order("tagged.id")})
    ) newest
    JOIN {BOOST_TABLES.replace("posts w", "posts w ON w.id = newest.id", 1)}
    WHERE {VISIBLE} AND (b.id IS NULL OR b.state = 'active')
    AND {wanted("w.author_id")} AND (w.boost_of_id IS NULL OR ({wanted("p.author_id")}))
    {in_order("w.id")}"""


class TimelineQueries(Protocol):
    """``below``, ``above``, ``ascending`` and ``count`` are `paging.bounds` of a span."""

    @query(
        sql=f"SELECT {POST_COLUMNS} FROM {POST_TABLES} WHERE {_PUBLIC} AND {within('p.id')} "
        f"AND (NOT {{local}} OR a.domain IS NULL) AND (NOT {{remote}} OR a.domain IS NOT NULL) AND {VISIBLE} "
        f"AND ({{viewer}}::bigint IS NULL OR ({wanted('p.author_id')})) {in_order('p.id')}",
        load=rows(_post),
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

    @query(sql=_HOME, load=rows(_listed))
    async def home(
        self, viewer: int, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[Post]: ...

    @query(
        sql=f"SELECT {POST_COLUMNS} FROM post_tags t JOIN posts p ON p.id = t.post_id "
        "JOIN accounts a ON a.id = p.author_id "
        f"WHERE t.tag = {{tag}} AND {within('t.post_id')} AND p.visibility = 'public' AND {VISIBLE} "
        f"AND ({{viewer}}::bigint IS NULL OR ({wanted('p.author_id')})) {in_order('t.post_id')}",
        load=rows(_post),
    )
    async def tag(
        self, viewer: int | None, tag: str, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[Post]: ...

    @query(
        sql=f"SELECT {POST_COLUMNS} FROM "
        "(SELECT DISTINCT t.post_id FROM post_tags t WHERE t.tag = ANY({some}::text[])) t "
        "JOIN posts p ON p.id = t.post_id JOIN accounts a ON a.id = p.author_id "
        f"WHERE p.visibility = 'public' AND p.tags @> {{every}}::text[] AND NOT p.tags && {{none}}::text[] "
        f"AND {within('p.id')} AND {VISIBLE} "
        f"AND ({{viewer}}::bigint IS NULL OR ({wanted('p.author_id')})) {in_order('p.id')}",
        load=rows(_post),
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
        """Public posts with one of ``some`` at least, with all of ``every``, and without ``none``."""

    @query(
        sql=f"SELECT {BOOST_COLUMNS} FROM {BOOST_TABLES} WHERE w.author_id = {{author_id}} AND {within('w.id')} "
        "AND ({boosts} OR w.boost_of_id IS NULL) AND ({tag}::text IS NULL OR {tag}::text = ANY(w.tags)) "
        "AND ({replies} OR w.reply_to_account_id IS NULL OR w.reply_to_account_id = w.author_id) "
        f"AND {VISIBLE} AND {BOOSTED} {in_order('w.id')}",
        load=rows(_listed),
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
        load=rows(_marked),
    )
    async def bookmarks(
        self, viewer: int, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[tuple[int, Post]]: ...

    @query(
        sql=f"SELECT k.id, {POST_COLUMNS} FROM favourites k JOIN posts p ON p.id = k.post_id "
        "JOIN accounts a ON a.id = p.author_id "
        f"WHERE k.account_id = {{viewer}} AND {within('k.id')} AND {VISIBLE} {in_order('k.id')}",
        load=rows(_marked),
    )
    async def favourites(
        self, viewer: int, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[tuple[int, Post]]: ...

    @query(
        sql=f"SELECT {POST_COLUMNS} FROM mentions m JOIN posts p ON p.id = m.post_id "
        "JOIN accounts a ON a.id = p.author_id "
        f"WHERE m.account_id = {{viewer}} AND {within('m.post_id')} AND (NOT {{direct}} OR p.visibility = 'direct') "
        f"AND {VISIBLE} AND {wanted('p.author_id')} {in_order('m.post_id')}",
        load=rows(_post),
    )
    async def mentions(
        self, viewer: int, direct: bool, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[Post]: ...


timelines = accessor(TimelineQueries)
