"""The newest posts of a set of accounts: the query of the home timeline and of lists.

One statement finds a page in one of two ways, whichever costs less:

``recent``  It scans the newest posts of the whole site until they make a page: at most :data:`SCANNED_PER_ACCOUNT` for
            each followed account, and at most :data:`SCANNED_MOST`. That is what asking each account would cost. A
            viewer who follows many accounts finds a page within a few hundred posts.
``latest``  If the scan makes no page, it looks up the newest post of each followed account, for which the index
            suffices. It then reads posts for this viewer from the accounts with the newest ones, until there is a
            page. The oldest post of that sample is the ``edge``: no post of the page is older. So it only reads the
            posts after the edge from the accounts whose newest post is after the edge. That costs an index probe for
            each followed account and a few dozen posts, however many posts there are.

Either way adds the newest posts of each followed hashtag, down to the same edge. The scan itself leaves out posts that
the viewer may not or does not want to see, so that only the last page is short.

The statements are prepared (`engine.access`), one for each direction, because planning one takes longer than running
it. Nothing in them may rely on a plan for one viewer. ``OFFSET 0`` in an ``EXISTS`` keeps PostgreSQL from reading all
rows of an account into a hash to look up a few.
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

#: Posts of the whole site to scan for each followed account: as many as one look-up of the account costs.
SCANNED_PER_ACCOUNT: Final = 20
#: Posts of the whole site to scan at most.
SCANNED_MOST: Final = 2000

#: The public timeline lists the post ``p``.
PUBLIC: Final = (
    "p.visibility = 'public' AND p.boost_of_id IS NULL "
    "AND (p.reply_to_account_id IS NULL OR p.reply_to_account_id = p.author_id)"
)

#: The post ``h`` answers an account that the viewer follows.
REPLY_TO_FOLLOWED: Final = """EXISTS (SELECT FROM follows r WHERE r.follower_id = {viewer}
                AND r.followee_id = h.reply_to_account_id AND r.accepted OFFSET 0)"""

_FOLLOWED: Final = f"""SELECT f.followee_id AS id, f.show_boosts FROM follows f
        WHERE f.follower_id = {{viewer}} AND f.accepted
        AND f.followee_id NOT IN (
            SELECT x.account_id FROM lists l JOIN list_accounts x ON x.list_id = l.id
            WHERE l.account_id = {{viewer}} AND l.exclusive)
        AND f.followee_id NOT IN ({UNWANTED})
        UNION ALL SELECT {{viewer}}, true"""


def newest_of(authors: str, replies: str, *, ascending: bool, tags: bool = False) -> str:
    """Return a statement with the parameters ``viewer``, ``below``, ``above`` and ``count``, for `columns.listed_row`.

    ``authors`` selects the ``id`` of each author and whether to list their boosts (``show_boosts``), without authors
    whom the viewer may not see. ``replies`` is the condition for posts (``h``) that answer other accounts. ``tags``
    adds posts of any author with hashtags that the viewer follows.
    """
    way, since, far = ("ASC", "<=", "9223372036854775807") if ascending else ("DESC", ">=", "0")

    def within(column: str) -> str:
        return (
            f"{column} < coalesce({{below}}::bigint, 9223372036854775807) "
            f"AND {column} > coalesce({{above}}::bigint, 0)"
        )

    def listable(shows_boosts: str) -> str:
        return f"""(h.visibility <> 'direct' OR h.author_id = {{viewer}} OR EXISTS (
                SELECT FROM mentions n
                WHERE n.account_id = {{viewer}} AND n.post_id = h.id AND NOT n.withheld OFFSET 0))
            AND (h.reply_to_account_id IS NULL OR h.reply_to_account_id = h.author_id OR {replies})
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
        {authors}
    ), recent AS MATERIALIZED (
        SELECT h.id
        FROM (
            SELECT h.* FROM posts h WHERE {within("h.id")}
            ORDER BY h.id {way} LIMIT (SELECT least({SCANNED_MOST}, {SCANNED_PER_ACCOUNT} * count(*)) FROM source)
        ) h
        -- IS TRUE makes PostgreSQL look each author up in a hash, and stop at the end of the page.
        WHERE (h.author_id IN (SELECT id FROM source)) IS TRUE
        AND {listable("h.author_id NOT IN (SELECT id FROM source WHERE NOT show_boosts)")}
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
            WHERE h.author_id = l.author_id AND {within("h.id")} AND {listable("l.show_boosts")}
            -- A viewer who follows few accounts gets more than one post of each.
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
            AND {listable("l.show_boosts")}
            ORDER BY h.id {way} LIMIT {{count}}
        ) each
        {tagged if tags else ""}
    ) SELECT id FROM newest ORDER BY id {way} LIMIT {{count}}) page
    JOIN {BOOST_TABLES.replace("posts w", "posts w ON w.id = page.id", 1)}
    WHERE {VISIBLE} ORDER BY w.id {way}"""


_REPLIES: Final = f"h.reply_to_account_id = {{viewer}} OR {REPLY_TO_FOLLOWED}"


class HomeQueries(Protocol):
    """``below``, ``above`` and ``count`` come from `paging.bounds`."""

    @prepared("bigint", "bigint", "bigint", "integer")
    @query(sql=newest_of(_FOLLOWED, _REPLIES, ascending=False, tags=True), load=rows(listed_row))
    async def newest(self, viewer: int, below: int | None, above: int | None, count: int) -> list[Post]: ...

    @prepared("bigint", "bigint", "bigint", "integer")
    @query(sql=newest_of(_FOLLOWED, _REPLIES, ascending=True, tags=True), load=rows(listed_row))
    async def oldest(self, viewer: int, below: int | None, above: int | None, count: int) -> list[Post]: ...


home = accessor(HomeQueries)


async def by_direction(queries: Any, span: Span, *parameters: Any) -> list[Post]:
    """Return the rows of a page from the query for the direction of the span: ``newest`` or ``oldest``."""
    page = bounds(span)
    query = queries.oldest if page["ascending"] else queries.newest
    listed: list[Post] = await query(*parameters, page["below"], page["above"], page["count"])
    return listed
