"""Search in the database: people, tags, and posts by their words (``domain/search.py`` makes the tokens)."""

from __future__ import annotations

from datetime import date
from typing import Final, Protocol

from dbxs import query

from microblog.domain.accounts import Account
from microblog.domain.posts import Post
from microblog.domain.search_results import Tag
from microblog.store.accounts import ACCOUNT_COLUMNS, account
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import rows
from microblog.store.engine.paging import in_order, within
from microblog.store.posts.columns import POST_COLUMNS, POST_TABLES, post_row
from microblog.store.relations import (
    BLOCKED_EITHER_WAY,
    FINDABLE,
    VISIBLE,
    listed_for,
    not_blocked_by,
    reads_present,
)


def _tag(tag: str, shown: str, posts_count: int) -> Tag:
    return Tag(tag, shown, posts_count)


#: So many people are sorted; where more than these match, those whom most follow are looked at first.
MANY: Final = 2000

#: That somebody wants to be found, and is what was asked for.
_MATCHES: Final = f"""{FINDABLE}
            AND (lower(a.name) LIKE {{prefix}} OR a.search @@ to_tsquery('simple', {{words}}))"""
#: Neither of the account and the viewer blocks the other, looked up in a hash.
_UNBLOCKED: Final = f"a.id NOT IN ({BLOCKED_EITHER_WAY})"

#: The first moments after the day ``after`` and of the day ``before``.
_AFTER: Final = "({after}::date + 1)::timestamp AT TIME ZONE {zone}"
_BEFORE: Final = "({before}::date)::timestamp AT TIME ZONE {zone}"


def _id_at(moment: str, slack: int) -> str:
    """The first id of a moment, and ``slack`` milliseconds, in SQL."""
    return f"((extract(epoch FROM {moment}) * 1000)::bigint + {slack} << 16)"


#: Posts of that time, by their ids, with an hour's slack; and by when they were written.  The latter so that no index
#: is looked for: the planner would take both conditions for independent, and sort what it takes for a few posts.
_SINCE: Final = f"p.id >= {_id_at(_AFTER, -3_600_000)} AND p.created_at + interval '0' >= {_AFTER}"
_UNTIL: Final = f"p.id < {_id_at(_BEFORE, 3_600_000)} AND p.created_at + interval '0' < {_BEFORE}"


#: The viewer has favourited, boosted or bookmarked the post.
_TOUCHED: Final = """EXISTS (SELECT FROM favourites f WHERE f.post_id = p.id AND f.account_id = {viewer}::bigint)
               OR EXISTS (SELECT FROM bookmarks b WHERE b.post_id = p.id AND b.account_id = {viewer}::bigint)
               OR EXISTS (SELECT FROM posts o WHERE o.boost_of_id = p.id AND o.author_id = {viewer}::bigint)"""


class SearchQueries(Protocol):
    """``viewer`` is an account's id, or None for a stranger."""

    @query(
        sql=f"""WITH some_matching AS MATERIALIZED (
            SELECT a.id, a.followers_count FROM accounts a WHERE NOT {{following}} AND {_MATCHES} LIMIT {MANY}
        ), matching AS (
            SELECT a.id FROM accounts a WHERE lower(a.name) = {{name}} AND NOT {{following}}
            UNION
            (SELECT a.id FROM follows f JOIN accounts a ON a.id = f.followee_id
            WHERE f.follower_id = {{viewer}}::bigint AND f.accepted
            AND (({_MATCHES}) OR lower(a.name) = {{name}})
            ORDER BY lower(a.name) = {{name}} DESC, a.followers_count DESC, a.id LIMIT {{limit}} + {{offset}})
            UNION
            (SELECT a.id FROM some_matching a WHERE (SELECT count(*) FROM some_matching) < {MANY} AND {_UNBLOCKED}
            ORDER BY a.followers_count DESC, a.id LIMIT {{limit}} + {{offset}})
            UNION
            (SELECT a.id FROM accounts a WHERE (SELECT count(*) FROM some_matching) >= {MANY}
            AND {_MATCHES} AND {_UNBLOCKED}
            ORDER BY a.followers_count DESC, a.id LIMIT {{limit}} + {{offset}})
        )
        SELECT {ACCOUNT_COLUMNS} FROM matching JOIN accounts a ON a.id = matching.id
        WHERE a.state = 'active' AND {not_blocked_by("a.id")}
        ORDER BY lower(a.name) = {{name}} DESC,
            EXISTS (SELECT FROM follows f
                    WHERE f.follower_id = {{viewer}}::bigint AND f.followee_id = a.id AND f.accepted) DESC,
            a.followers_count DESC, a.id
        LIMIT {{limit}} OFFSET {{offset}}""",
        load=rows(account),
    )
    async def accounts(
        self,
        viewer: int | None,
        name: str,
        prefix: str,
        words: str,
        following: bool,
        limit: int,
        offset: int,
    ) -> list[Account]:
        """``name`` is the whole of one, ``prefix`` a LIKE pattern; the name itself is found in any case.

        Whoever has that name, the first of those whom the viewer follows, and the first of all: the answer is among
        them, and not everybody whose name begins with a letter has to be sorted for it.

        An account that the viewer blocks is found by its whole name alone, so that the viewer can unblock it.

        ``following``: only those whom the viewer follows.
        """
        ...

    @query(
        sql="SELECT tag, coalesce(nullif(shown, ''), tag), uses FROM tags WHERE tag LIKE {prefix} AND uses > 0 "
        "ORDER BY tag = {tag} DESC, uses DESC, tag LIMIT {limit} OFFSET {offset}",
        load=rows(_tag),
    )
    async def tags(self, tag: str, prefix: str, limit: int, offset: int) -> list[Tag]: ...

    @query(
        sql=f"""SELECT {POST_COLUMNS} FROM {POST_TABLES}
        WHERE ({{words}} = '' OR p.search @@ to_tsquery('simple', {{words}})) AND p.boost_of_id IS NULL
          AND ({{author}}::text IS NULL
               OR (lower(a.name) = {{author}} AND coalesce(a.domain, '') = {{author_domain}}))
          AND ({{language}}::text IS NULL OR p.language = {{language}})
          AND ({{after}}::date IS NULL OR ({_SINCE})) AND ({{before}}::date IS NULL OR ({_UNTIL}))
          AND ((p.visibility = 'public' AND a.indexable) OR p.author_id = {{viewer}}::bigint
               OR {{viewer}}::bigint = ANY (p.mentioned_ids) OR {_TOUCHED})
          AND {VISIBLE} AND {listed_for("p.author_id")} AND {reads_present()}
          AND {within("p.id")} {in_order("p.id")}""",
        load=rows(post_row),
    )
    async def posts(
        self,
        viewer: int | None,
        words: str,
        author: str | None,
        author_domain: str,
        language: str | None,
        after: date | None,
        before: date | None,
        zone: str,
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[Post]:
        """Find public posts of accounts that let everyone search them, and posts that the viewer wrote, is named in,
        favourited, boosted or bookmarked.
        """
        ...


search = accessor(SearchQueries)
