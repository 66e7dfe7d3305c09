"""The newest posts of some people: the home timeline's query, and that of a list's.

Two ways lead to the same posts, and each page takes the cheaper one, within one statement:

``recent``  The newest posts of the whole site are looked at, one after the other, until there is a page of them: so
            many as asking each one followed would cost, and at most :data:`WINDOW`.  Who follows much finds a page
            within a few hundred.
``latest``  Where these have no page, each one followed is asked for their newest post, which the index knows alone.
            Those of the newest of these are then asked for what suits this reader, until there is a page: its oldest
            is an ``edge`` below which no post of the page can be, so that all that is left is to ask those who wrote
            since for what they wrote since.  That costs an index probe for each one followed, and a few dozen posts,
            however many there are.

The newest posts of each followed tag, down to the same edge, come on top of either.  What is not for this reader is
left out while looking, never after: a page is short only at the end.

The statements are prepared (`access`), one for each direction: planning one would take longer than running it.  So
nothing in them may depend on being planned for one reader: ``OFFSET 0`` in an ``EXISTS`` keeps PostgreSQL from reading
a whole table's rows of somebody into a hash to look up a few.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from dbxs import query

from microblog.domain.posts import Post, Span
from microblog.store.engine.access import accessor, prepared
from microblog.store.engine.loaders import rows
from microblog.store.engine.paging import bounds
from microblog.store.posts.columns import BOOST_COLUMNS, BOOST_TABLES, listed_row
from microblog.store.relations import UNWANTED, VISIBLE, wanted

#: Posts of everybody that are looked at first: for each one followed, as many as asking them costs; and at most.
WORTH: Final = 20
WINDOW: Final = 2000

#: What the public timeline lists, of the alias ``p``.
PUBLIC: Final = (
    "p.visibility = 'public' AND p.boost_of_id IS NULL "
    "AND (p.reply_to_account_id IS NULL OR p.reply_to_account_id = p.author_id)"
)

#: That the viewer follows whom the post ``h`` answers.
ANSWERS_FOLLOWED: Final = """EXISTS (SELECT FROM follows r WHERE r.follower_id = {viewer}
                AND r.followee_id = h.reply_to_account_id AND r.accepted OFFSET 0)"""

_FOLLOWED: Final = f"""SELECT f.followee_id AS id, f.show_boosts FROM follows f
        WHERE f.follower_id = {{viewer}} AND f.accepted
        AND f.followee_id NOT IN (
            SELECT x.account_id FROM lists l JOIN list_accounts x ON x.list_id = l.id
            WHERE l.account_id = {{viewer}} AND l.exclusive)
        AND f.followee_id NOT IN ({UNWANTED})
        UNION ALL SELECT {{viewer}}, true"""


def newest_of(people: str, answers: str, *, ascending: bool, tags: bool = False) -> str:
    """A statement with the parameters ``viewer``, ``below``, ``above`` and ``count``; rows are `posts.listed_row`'s.

    ``people``: their ``id``, and whether their boosts count (``show_boosts``). None of them may be one whom the viewer
    may not see. ``answers``: which of their posts (``h``) that answer others count.  ``tags``: with posts of the tags
    that the viewer follows, whoever wrote them.
    """
    way, since, far = ("ASC", "<=", "9223372036854775807") if ascending else ("DESC", ">=", "0")

    def within(column: str) -> str:
        return (
            f"{column} < coalesce({{below}}::bigint, 9223372036854775807) "
            f"AND {column} > coalesce({{above}}::bigint, 0)"
        )

    def suits(shows_boosts: str) -> str:
        return f"""(h.visibility <> 'direct' OR h.author_id = {{viewer}} OR EXISTS (
                SELECT FROM mentions n
                WHERE n.account_id = {{viewer}} AND n.post_id = h.id AND NOT n.withheld OFFSET 0))
            AND (h.reply_to_account_id IS NULL OR h.reply_to_account_id = h.author_id OR {answers})
            AND (h.boost_of_id IS NULL OR ({shows_boosts} AND EXISTS (
                SELECT FROM posts p JOIN accounts a ON a.id = p.author_id
                WHERE p.id = h.boost_of_id AND {VISIBLE} AND {wanted("p.author_id")})))
            AND (SELECT a.state = 'active' FROM accounts a WHERE a.id = h.author_id)"""

    tagged = f"""UNION
        SELECT theirs.id
        FROM followed_tags k CROSS JOIN LATERAL (
            SELECT t.post_id AS id
            FROM post_tags t JOIN posts p ON p.id = t.post_id JOIN accounts a ON a.id = p.author_id
            WHERE t.tag = k.tag AND {within("t.post_id")} AND t.post_id {since} (SELECT id FROM edge)
            AND {PUBLIC} AND {VISIBLE} AND {wanted("p.author_id")}
            ORDER BY t.post_id {way} LIMIT {{count}}
        ) theirs
        WHERE k.account_id = {{viewer}}"""
    return f"""SELECT {BOOST_COLUMNS}
    FROM (WITH source AS MATERIALIZED (
        {people}
    ), recent AS MATERIALIZED (
        SELECT h.id
        FROM (
            SELECT h.* FROM posts h WHERE {within("h.id")}
            ORDER BY h.id {way} LIMIT (SELECT least({WINDOW}, {WORTH} * count(*)) FROM source)
        ) h
        -- Written so that it is looked up in a hash of those people, post by post, and ends with the page.
        WHERE (h.author_id IN (SELECT id FROM source)) IS TRUE
        AND {suits("h.author_id NOT IN (SELECT id FROM source WHERE NOT show_boosts)")}
        ORDER BY h.id {way} LIMIT {{count}}
    ), latest AS MATERIALIZED (
        SELECT source.id AS author_id, source.show_boosts, one.id
        FROM source CROSS JOIN LATERAL (
            SELECT h.id FROM posts h WHERE h.author_id = source.id AND {within("h.id")} ORDER BY h.id {way} LIMIT 1
        ) one
        WHERE (SELECT count(*) FROM recent) < {{count}}
    ), sample AS MATERIALIZED (
        SELECT theirs.id
        FROM (SELECT * FROM latest ORDER BY id {way}) l CROSS JOIN LATERAL (
            SELECT h.id FROM posts h
            WHERE h.author_id = l.author_id AND {within("h.id")} AND {suits("l.show_boosts")}
            -- Of the few that somebody follows, each gives more than one.
            ORDER BY h.id {way} LIMIT (SELECT 2 * {{count}} / greatest(count(*), 1) + 1 FROM source)
        ) theirs
        LIMIT 2 * {{count}}
    ), edge AS MATERIALIZED (
        SELECT coalesce((
            SELECT id FROM (SELECT id FROM recent UNION SELECT id FROM sample) known
            ORDER BY id {way} OFFSET {{count}} - 1 LIMIT 1), {far}) AS id
    ), newest AS (
        SELECT id FROM recent
        UNION
        SELECT each.id
        FROM (SELECT * FROM latest WHERE id {since} (SELECT id FROM edge)) l CROSS JOIN LATERAL (
            SELECT h.id FROM posts h
            WHERE h.author_id = l.author_id AND {within("h.id")} AND h.id {since} (SELECT id FROM edge)
            AND {suits("l.show_boosts")}
            ORDER BY h.id {way} LIMIT {{count}}
        ) each
        {tagged if tags else ""}
    ) SELECT id FROM newest ORDER BY id {way} LIMIT {{count}}) page
    JOIN {BOOST_TABLES.replace("posts w", "posts w ON w.id = page.id", 1)}
    WHERE {VISIBLE} ORDER BY w.id {way}"""


_ANSWERS: Final = f"h.reply_to_account_id = {{viewer}} OR {ANSWERS_FOLLOWED}"


class HomeQueries(Protocol):
    """``below``, ``above`` and ``count`` as in `paging.bounds`."""

    @prepared("bigint", "bigint", "bigint", "integer")
    @query(sql=newest_of(_FOLLOWED, _ANSWERS, ascending=False, tags=True), load=rows(listed_row))
    async def newest(self, viewer: int, below: int | None, above: int | None, count: int) -> list[Post]: ...

    @prepared("bigint", "bigint", "bigint", "integer")
    @query(sql=newest_of(_FOLLOWED, _ANSWERS, ascending=True, tags=True), load=rows(listed_row))
    async def oldest(self, viewer: int, below: int | None, above: int | None, count: int) -> list[Post]: ...


home = accessor(HomeQueries)


async def by_direction(queries: Any, span: Span, *parameters: Any) -> list[Post]:
    """The rows of a page, by the one of the two queries ``newest`` and ``oldest`` that goes the span's way."""
    asked = bounds(span)
    query = queries.oldest if asked["ascending"] else queries.newest
    found: list[Post] = await query(*parameters, asked["below"], asked["above"], asked["count"])
    return found
