"""Lists in the database, and the timeline of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from dbxs import query, statement

from microblog.domain.accounts import Account
from microblog.domain.lists import RepliesPolicy, UserList
from microblog.domain.posts import Post
from microblog.store.access import accessor
from microblog.store.accounts import ACCOUNT_COLUMNS, account_at
from microblog.store.database import maybe_row, rows, scalar
from microblog.store.paging import in_order, span_of, within
from microblog.store.posts import BOOST_COLUMNS, BOOST_TABLES, listed_row
from microblog.store.visibility import BOOSTED, VISIBLE, wanted

_COLUMNS: Final = "l.id, l.title, l.replies_policy, l.exclusive"


def _list(id: int, title: str, replies_policy: str, exclusive: bool) -> UserList:
    return UserList(id, title, RepliesPolicy(replies_policy), exclusive)


# As the home timeline: each one in the list gives its newest few, of which the newest are taken.
_TIMELINE: Final = f"""
    SELECT {BOOST_COLUMNS}
    FROM (
        SELECT each.id
        FROM list_accounts x
        JOIN follows f ON f.follower_id = {{viewer}} AND f.followee_id = x.account_id AND f.accepted
        CROSS JOIN LATERAL (
            SELECT h.id FROM posts h
            WHERE h.author_id = x.account_id AND {within("h.id")}
            AND (h.boost_of_id IS NULL OR f.show_boosts)
            AND (h.reply_to_account_id IS NULL OR h.reply_to_account_id = h.author_id
                OR ({{policy}} <> 'none' AND h.reply_to_account_id = {{viewer}})
                OR ({{policy}} = 'list' AND EXISTS (
                    SELECT FROM list_accounts r WHERE r.list_id = {{list_id}} AND r.account_id = h.reply_to_account_id))
                OR ({{policy}} = 'followed' AND EXISTS (
                    SELECT FROM follows r
                    WHERE r.follower_id = {{viewer}} AND r.followee_id = h.reply_to_account_id AND r.accepted)))
            {in_order("h.id")}
        ) each
        WHERE x.list_id = {{list_id}} AND x.owner_id = {{viewer}}
        {in_order("each.id")}
    ) newest
    JOIN {BOOST_TABLES.replace("posts w", "posts w ON w.id = newest.id", 1)}
    WHERE {VISIBLE} AND {BOOSTED}
    AND {wanted("w.author_id")} AND (w.boost_of_id IS NULL OR ({wanted("p.author_id")}))
    {in_order("w.id")}"""


class ListQueries(Protocol):
    @query(
        sql=f"SELECT {_COLUMNS} FROM lists l WHERE l.account_id = {{account_id}} ORDER BY lower(l.title), l.id",
        load=rows(_list),
    )
    async def all(self, account_id: int) -> list[UserList]: ...

    @query(
        sql=f"SELECT {_COLUMNS} FROM lists l WHERE l.id = {{list_id}} AND l.account_id = {{account_id}}",
        load=maybe_row(_list),
    )
    async def by_id(self, account_id: int, list_id: int) -> UserList | None: ...

    @query(
        sql=f"SELECT {_COLUMNS} FROM lists l JOIN list_accounts x ON x.list_id = l.id "
        "WHERE x.owner_id = {account_id} AND x.account_id = {member_id} ORDER BY lower(l.title), l.id",
        load=rows(_list),
    )
    async def with_member(self, account_id: int, member_id: int) -> list[UserList]: ...

    @query(
        sql="INSERT INTO lists AS l (account_id, title, replies_policy, exclusive) "
        "SELECT {account_id}, {title}, {policy}, {exclusive} "
        "WHERE (SELECT count(*) FROM lists o WHERE o.account_id = {account_id}) < {most} "
        f"RETURNING {_COLUMNS}",
        load=maybe_row(_list),
    )
    async def insert(
        self, account_id: int, title: str, policy: str, exclusive: bool, most: int
    ) -> UserList | None:
        """None when there are ``most`` already."""
        ...

    @query(
        sql="UPDATE lists l SET title = {title}, replies_policy = {policy}, exclusive = {exclusive} "
        f"WHERE l.id = {{list_id}} AND l.account_id = {{account_id}} RETURNING {_COLUMNS}",
        load=maybe_row(_list),
    )
    async def update(
        self, account_id: int, list_id: int, title: str, policy: str, exclusive: bool
    ) -> UserList | None: ...

    @query(
        sql="DELETE FROM lists WHERE id = {list_id} AND account_id = {account_id} RETURNING id", load=scalar
    )
    async def delete(self, account_id: int, list_id: int) -> int | None: ...

    @query(
        sql="SELECT followee_id FROM follows WHERE follower_id = {account_id} AND followee_id = ANY({ids}::bigint[])",
        load=rows(int),
    )
    async def followed(self, account_id: int, ids: Sequence[int]) -> list[int]: ...

    @statement(
        sql="INSERT INTO list_accounts (list_id, owner_id, account_id) "
        "SELECT {list_id}, {account_id}, unnest({ids}::bigint[]) ON CONFLICT DO NOTHING"
    )
    async def add(self, account_id: int, list_id: int, ids: Sequence[int]) -> None: ...

    @statement(
        sql="DELETE FROM list_accounts WHERE list_id = {list_id} AND owner_id = {account_id} "
        "AND account_id = ANY({ids}::bigint[])"
    )
    async def remove(self, account_id: int, list_id: int, ids: Sequence[int]) -> None: ...

    @query(sql="SELECT count(*) FROM list_accounts WHERE list_id = {list_id}", load=scalar)
    async def size(self, list_id: int) -> int: ...

    @query(
        sql=f"SELECT x.id, {ACCOUNT_COLUMNS} FROM list_accounts x JOIN accounts a ON a.id = x.account_id "
        "WHERE x.list_id = {list_id} AND a.state = 'active'" + span_of("x.id"),
        load=rows(account_at),
    )
    async def members(
        self, list_id: int, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[tuple[int, Account]]: ...

    @query(sql=_TIMELINE, load=rows(listed_row))
    async def timeline(
        self,
        viewer: int,
        list_id: int,
        policy: str,
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[Post]: ...


lists = accessor(ListQueries)
