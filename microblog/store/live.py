"""Queries of live streams beside the log: a viewer's relationships, and whether a stream exists."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from dbxs import query

from microblog.domain.streams import ListMembers, Relationships
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import row, rows, scalar
from microblog.store.relations import STREAM_BLOCKS, STREAM_PAIRS, VISIBLE


def _relationships(
    account_id: int,
    followed: list[int],
    with_boosts: list[bool],
    blocked_by: list[int],
    blocking: list[int],
    muted: list[int],
    until: list[datetime | None],
    tags: list[str],
    lists: list[tuple[int, str, bool, list[int]]],
) -> Relationships:
    owned = {
        list_id: ListMembers(frozenset(members), replies, exclusive)
        for list_id, replies, exclusive, members in lists
    }
    return Relationships(
        account_id,
        dict(zip(followed, with_boosts, strict=True)),
        frozenset(blocked_by),
        frozenset(blocking),
        {each: end.timestamp() if end else None for each, end in zip(muted, until, strict=True)},
        frozenset(tags),
        owned,
        frozenset[int]().union(*(each.members for each in owned.values() if each.exclusive)),
    )


def _pair(
    account_id: int, other_id: int, boosts: bool | None, blocked_by: bool, blocking: bool
) -> tuple[int, int, bool | None, bool, bool]:
    return account_id, other_id, boosts, blocked_by, blocking


class LiveQueries(Protocol):
    @query(
        sql="""
        SELECT {account_id}::bigint, f.ids, f.boosts, b.by_ids, c.ids, m.ids, m.ends,
            ARRAY(SELECT tag FROM followed_tags WHERE account_id = {account_id}),
            (SELECT coalesce(jsonb_agg(jsonb_build_array(l.id, l.replies_policy, l.exclusive,
                    ARRAY(SELECT x.account_id FROM list_accounts x WHERE x.list_id = l.id))), '[]')
             FROM lists l WHERE l.account_id = {account_id})
        FROM (SELECT coalesce(array_agg(followee_id ORDER BY id), '{{}}') AS ids,
                     coalesce(array_agg(show_boosts ORDER BY id), '{{}}') AS boosts
              FROM follows WHERE follower_id = {account_id} AND accepted) f,"""
        + STREAM_BLOCKS,
        load=row(_relationships),
    )
    async def relationships(self, account_id: int) -> Relationships: ...

    @query(sql=STREAM_PAIRS, load=rows(_pair))
    async def pairs(
        self, account_ids: list[int], other_ids: list[int]
    ) -> list[tuple[int, int, bool | None, bool, bool]]:
        """Return the relations of pairs of accounts, in constant work for each pair.

        Of each pair: the account, the other account, whether it follows the other with boosts (None: it doesn't
        follow), whether the other blocks it, whether it blocks the other.
        """

    @query(
        sql=f"""
        SELECT CASE WHEN {{name}} = 'user'
            THEN EXISTS (SELECT FROM accounts a WHERE a.id = {{id}} AND a.state = 'active')
            WHEN {{name}} = 'list'
            THEN EXISTS (SELECT FROM lists l WHERE l.id = {{id}} AND l.account_id = {{viewer}}::bigint)
            ELSE EXISTS (SELECT FROM posts p JOIN accounts a ON a.id = p.author_id
                         WHERE p.thread_id = {{id}} AND p.boost_of_id IS NULL AND {VISIBLE}) END""",
        load=scalar,
    )
    async def exists(self, name: str, id: int, viewer: int | None) -> bool:
        """Return whether an account, a list of the viewer, or a thread with a post that the viewer may see exists."""


live = accessor(LiveQueries)
