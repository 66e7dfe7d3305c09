"""Lists in the database, and their timelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from dbxs import query, statement

from microblog.domain.accounts import Account
from microblog.domain.lists import RepliesPolicy, UserList
from microblog.domain.posts import Post
from microblog.store.accounts import ACCOUNT_COLUMNS, account_at
from microblog.store.engine.access import accessor, prepared
from microblog.store.engine.loaders import maybe_row, rows, scalar
from microblog.store.engine.paging import span_of
from microblog.store.home import REPLY_TO_FOLLOWED, newest_of
from microblog.store.posts.columns import listed_row
from microblog.store.relations import UNWANTED

_COLUMNS: Final = "l.id, l.title, l.replies_policy, l.exclusive"


def _list(id: int, title: str, replies_policy: str, exclusive: bool) -> UserList:
    return UserList(id, title, RepliesPolicy(replies_policy), exclusive)


_MEMBERS: Final = f"""SELECT x.account_id AS id, f.show_boosts
        FROM list_accounts x
        JOIN follows f ON f.follower_id = {{viewer}} AND f.followee_id = x.account_id AND f.accepted
        WHERE x.list_id = {{list_id}} AND x.owner_id = {{viewer}} AND x.account_id NOT IN ({UNWANTED})"""

_REPLIES: Final = f"""({{policy}} <> 'none' AND h.reply_to_account_id = {{viewer}})
            OR ({{policy}} = 'list' AND EXISTS (SELECT FROM list_accounts r
                WHERE r.list_id = {{list_id}} AND r.account_id = h.reply_to_account_id OFFSET 0))
            OR ({{policy}} = 'followed' AND {REPLY_TO_FOLLOWED})"""


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
        """Create a list. Return None if the account has ``most`` lists already."""

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


class ListedQueries(Protocol):
    """The timeline of a list. ``below``, ``above`` and ``count`` come from `paging.bounds`."""

    @prepared("bigint", "bigint", "text", "bigint", "bigint", "integer")
    @query(sql=newest_of(_MEMBERS, _REPLIES, ascending=False), load=rows(listed_row))
    async def newest(
        self, viewer: int, list_id: int, policy: str, below: int | None, above: int | None, count: int
    ) -> list[Post]: ...

    @prepared("bigint", "bigint", "text", "bigint", "bigint", "integer")
    @query(sql=newest_of(_MEMBERS, _REPLIES, ascending=True), load=rows(listed_row))
    async def oldest(
        self, viewer: int, list_id: int, policy: str, below: int | None, above: int | None, count: int
    ) -> list[Post]: ...


lists = accessor(ListQueries)
listed = accessor(ListedQueries)
