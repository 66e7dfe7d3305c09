"""Search in the database: people, tags, and posts by their words (``domain/search.py`` makes the tokens)."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from dbxs import query

from microblog.domain.accounts import Account
from microblog.domain.found import Tag
from microblog.domain.posts import Post
from microblog.store.access import accessor
from microblog.store.accounts import ACCOUNT_COLUMNS, account
from microblog.store.database import rows
from microblog.store.paging import in_order, within
from microblog.store.posts import POST_COLUMNS, POST_TABLES, post_row
from microblog.store.visibility import VISIBLE, wanted


def _tag(tag: str, shown: str, posts_count: int) -> Tag:
    return Tag(tag, shown, posts_count)


class SearchQueries(Protocol):
    """``viewer`` is an account's id, or None for a stranger."""

    @query(
        sql=f"""SELECT {ACCOUNT_COLUMNS} FROM accounts a
        WHERE a.state = 'active' AND (
                lower(a.name) = {{name}}
                OR (a.discoverable AND lower(a.name) LIKE {{prefix}})
                OR (a.discoverable AND a.search @@ to_tsquery('simple', {{words}})))
          AND NOT EXISTS (SELECT FROM blocks k WHERE k.account_id = a.id AND k.target_id = {{viewer}}::bigint)
          AND (NOT {{following}} OR EXISTS (
                SELECT FROM follows f
                WHERE f.follower_id = {{viewer}}::bigint AND f.followee_id = a.id AND f.accepted))
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

        ``following``: only those whom the viewer follows.
        """
        ...

    @query(
        sql="SELECT tag, shown, posts_count FROM tags WHERE tag LIKE {prefix} AND posts_count > 0 "
        "ORDER BY tag = {tag} DESC, posts_count DESC, tag LIMIT {limit} OFFSET {offset}",
        load=rows(_tag),
    )
    async def tags(self, tag: str, prefix: str, limit: int, offset: int) -> list[Tag]: ...

    @query(
        sql=f"""SELECT {POST_COLUMNS} FROM {POST_TABLES}
        WHERE ({{words}} = '' OR p.search @@ to_tsquery('simple', {{words}})) AND p.boost_of_id IS NULL
          AND ({{author}}::text IS NULL
               OR (lower(a.name) = {{author}} AND coalesce(a.domain, '') = {{author_domain}}))
          AND ({{language}}::text IS NULL OR p.language = {{language}})
          AND ({{after}}::date IS NULL OR p.created_at >= ({{after}}::date + 1)::timestamp AT TIME ZONE {{zone}})
          AND ({{before}}::date IS NULL OR p.created_at < ({{before}}::date)::timestamp AT TIME ZONE {{zone}})
          AND (p.visibility = 'public' OR p.author_id = {{viewer}}::bigint
               OR {{viewer}}::bigint = ANY (p.mentioned_ids))
          AND {VISIBLE} AND ({{viewer}}::bigint IS NULL OR ({wanted("p.author_id")}))
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
        """Public ones, one's own, and those one is named in."""
        ...


search = accessor(SearchQueries)
