"""Search for accounts, hashtags and posts in the database. `domain.search` makes the tokens of posts."""

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
    DELIVERED,
    FINDABLE,
    VISIBLE,
    listed_for,
    not_blocked_by,
    reads_present,
)


def _tag(tag: str, shown: str, posts_count: int) -> Tag:
    return Tag(tag, shown, posts_count)


#: Matching accounts that are sorted. Where more match, PostgreSQL reads them by their number of followers instead.
SORTED_MOST: Final = 2000

#: The account is discoverable and matches.
_MATCHES: Final = f"""{FINDABLE}
            AND (lower(a.name) LIKE {{prefix}} OR a.search @@ to_tsquery('simple', {{words}}))"""
#: Neither the account nor the viewer blocks the other. PostgreSQL looks this up in a hash.
_UNBLOCKED: Final = f"a.id NOT IN ({BLOCKED_EITHER_WAY})"

#: The first moments after the day ``after`` and of the day ``before``.
_AFTER: Final = "({after}::date + 1)::timestamp AT TIME ZONE {zone}"
_BEFORE: Final = "({before}::date)::timestamp AT TIME ZONE {zone}"


def _id_at(moment: str, slack: int) -> str:
    """Return SQL for the first snowflake id of a moment plus ``slack`` milliseconds."""
    return f"((extract(epoch FROM {moment}) * 1000)::bigint + {slack} << 16)"


#: The post is of that time, by its id with an hour's slack, and by its creation time. ``interval '0'`` hides the
#: second condition from the planner: it would take both for independent, expect few posts, and sort them.
_SINCE: Final = f"p.id >= {_id_at(_AFTER, -3_600_000)} AND p.created_at + interval '0' >= {_AFTER}"
_UNTIL: Final = f"p.id < {_id_at(_BEFORE, 3_600_000)} AND p.created_at + interval '0' < {_BEFORE}"


#: The viewer favourited, boosted or bookmarked the post.
_REACTED: Final = """EXISTS (SELECT FROM favourites f WHERE f.post_id = p.id AND f.account_id = {viewer}::bigint)
               OR EXISTS (SELECT FROM bookmarks b WHERE b.post_id = p.id AND b.account_id = {viewer}::bigint)
               OR EXISTS (SELECT FROM posts o WHERE o.boost_of_id = p.id AND o.author_id = {viewer}::bigint)"""


class SearchQueries(Protocol):
    """``viewer`` is an account's id, or None for an anonymous request."""

    @query(
        sql=f"""WITH some_matching AS MATERIALIZED (
            SELECT a.id, a.followers_count FROM accounts a WHERE NOT {{following}} AND {_MATCHES} LIMIT {SORTED_MOST}
        ), matching AS (
            SELECT a.id FROM accounts a WHERE lower(a.name) = {{name}} AND NOT {{following}}
            UNION
            (SELECT a.id FROM follows f JOIN accounts a ON a.id = f.followee_id
            WHERE f.follower_id = {{viewer}}::bigint AND f.accepted
            AND (({_MATCHES}) OR lower(a.name) = {{name}})
            ORDER BY lower(a.name) = {{name}} DESC, a.followers_count DESC, a.id LIMIT {{limit}} + {{offset}})
            UNION
            (SELECT a.id FROM some_matching a
            WHERE (SELECT count(*) FROM some_matching) < {SORTED_MOST} AND {_UNBLOCKED}
            ORDER BY a.followers_count DESC, a.id LIMIT {{limit}} + {{offset}})
            UNION
            (SELECT a.id FROM accounts a WHERE (SELECT count(*) FROM some_matching) >= {SORTED_MOST}
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
        """Return the accounts with a ``name``, with the LIKE pattern ``prefix``, or with ``words`` in their profiles.

        The query takes the accounts with exactly that name, the first accounts that the viewer follows and the first
        of all accounts. The result is among these, so that a prefix of one letter does not sort all its accounts.

        An account that the viewer blocks matches only by its full name, so that the viewer can unblock it.
        ``following`` limits the result to accounts that the viewer follows.
        """

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
               OR ({{viewer}}::bigint = ANY (p.mentioned_ids) AND {DELIVERED}) OR {_REACTED})
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
        """Return the public posts of indexable accounts, and the posts that the viewer wrote, favourited, boosted,
        bookmarked or got with a mention, that match. A direct post that a policy withheld did not reach the viewer.
        """


search = accessor(SearchQueries)
