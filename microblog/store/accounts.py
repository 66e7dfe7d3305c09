"""Accounts in the database: the one list of an account's columns, and the queries for people.

Every query that shows people selects :data:`ACCOUNT_COLUMNS` (of the alias ``a``) and builds the record by
:func:`account_from`, so that a new column of a profile is added here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from dbxs import query, statement

from microblog.domain.accounts import Account, Field, State
from microblog.store.access import accessor
from microblog.store.database import maybe_row, row, rows, scalar

_COLUMNS: Final = (
    "id",
    "name",
    "domain",
    "display_name",
    "bio",
    "bio_html",
    "fields",
    "locked",
    "discoverable",
    "bot",
    "state",
    "created_at",
    "last_post_at",
    "posts_count",
    "followers_count",
    "following_count",
    "uri",
)

#: How many columns an account takes in a row.
ACCOUNT_WIDTH: Final = len(_COLUMNS)


def account_columns(alias: str) -> str:
    """The columns of ``accounts`` under the name ``alias``, as :func:`account_from` takes them."""
    return ", ".join(f"{alias}.{column}" for column in _COLUMNS)


ACCOUNT_COLUMNS: Final = account_columns("a")

_STATES: Final = {state.value: state for state in State}


def account_from(row: Sequence[Any]) -> Account:
    """The account in the first :data:`ACCOUNT_WIDTH` columns of ``row``."""
    fields: list[dict[str, str]] = row[6]
    return Account(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        tuple(_field(each) for each in fields) if fields else (),
        row[7],
        row[8],
        row[9],
        _STATES[row[10]],
        row[11],
        row[12],
        row[13],
        row[14],
        row[15],
        row[16],
    )


def _field(content: dict[str, str]) -> Field:
    verified = content.get("verified_at")
    return Field(
        content["name"],
        content["value"],
        content["html"],
        datetime.fromisoformat(verified) if verified else None,
    )


def account(*columns: Any) -> Account:
    """A dbxs loader for rows that are an account and nothing more."""
    return account_from(columns)


def account_at(cursor: int, *columns: Any) -> tuple[int, Account]:
    """A dbxs loader for rows of a listing: the id to page by, then the account."""
    return cursor, account_from(columns)


@dataclass(frozen=True, slots=True)
class Locked:
    """What somebody who is about to change an account has to know of it, read under its lock."""

    id: int
    state: State
    locked: bool


def _locked(account_id: int, state: str, locked: bool) -> Locked:
    return Locked(account_id, State(state), locked)


class AccountQueries(Protocol):
    @query(
        sql=f"SELECT {ACCOUNT_COLUMNS} FROM accounts a WHERE a.id = {{account_id}}", load=maybe_row(account)
    )
    async def by_id(self, account_id: int) -> Account | None: ...

    @query(
        sql=f"SELECT {ACCOUNT_COLUMNS} FROM accounts a WHERE a.id = ANY({{ids}}::bigint[])",
        load=rows(account),
    )
    async def by_ids(self, ids: Sequence[int]) -> list[Account]: ...

    @query(
        sql=f"SELECT {ACCOUNT_COLUMNS} FROM accounts a "
        "WHERE lower(a.name) = lower({name}) AND coalesce(a.domain, '') = ''",
        load=maybe_row(account),
    )
    async def by_name(self, name: str) -> Account | None: ...

    @query(
        sql=f"SELECT {ACCOUNT_COLUMNS} FROM accounts a "
        "WHERE lower(a.name) = ANY({names}::text[]) AND coalesce(a.domain, '') = '' AND a.state = 'active'",
        load=rows(account),
    )
    async def by_names(self, names: Sequence[str]) -> list[Account]:
        """Active people of this site; the names in lower case."""
        ...

    @query(
        sql="SELECT id, state, locked FROM accounts WHERE id = ANY({ids}::bigint[]) ORDER BY id FOR NO KEY UPDATE",
        load=rows(_locked),
    )
    async def lock(self, ids: Sequence[int]) -> list[Locked]:
        """Holds the accounts until the transaction ends, always in one order, so that two never wait for each other."""
        ...

    @query(
        sql="INSERT INTO accounts (name, state, search) "
        "VALUES ({name}, {state}, to_tsvector('simple', {document})) RETURNING id",
        load=scalar,
    )
    async def insert(self, name: str, state: str, document: str) -> int: ...

    @query(
        sql="UPDATE accounts a SET display_name = {display_name}, bio = {bio}, bio_html = {bio_html}, "
        "fields = {fields}::jsonb, locked = {locked}, discoverable = {discoverable}, bot = {bot}, "
        "search = to_tsvector('simple', {document}) "
        f"WHERE a.id = {{account_id}} RETURNING {ACCOUNT_COLUMNS}",
        load=row(account),
    )
    async def update_profile(
        self,
        account_id: int,
        display_name: str,
        bio: str,
        bio_html: str,
        fields: str,
        locked: bool,
        discoverable: bool,
        bot: bool,
        document: str,
    ) -> Account: ...

    @query(
        sql=f"UPDATE accounts a SET state = {{state}} WHERE a.id = {{account_id}} RETURNING {ACCOUNT_COLUMNS}",
        load=row(account),
    )
    async def set_state(self, account_id: int, state: str) -> Account: ...

    @query(sql="SELECT EXISTS (SELECT FROM reserved_names WHERE name = {name})", load=scalar)
    async def reserved(self, name: str) -> bool:
        """Whether it was the name of an account that is deleted."""
        ...

    @statement(sql="INSERT INTO reserved_names (name) VALUES ({name}) ON CONFLICT DO NOTHING")
    async def reserve(self, name: str) -> None: ...

    @statement(sql="DELETE FROM accounts WHERE id = {account_id}")
    async def delete(self, account_id: int) -> None:
        """With all that hangs on it; ``release`` and ``allow_long`` come first."""
        ...

    @statement(sql="SET LOCAL statement_timeout = '120s'")
    async def allow_long(self) -> None:
        """For what takes longer the more somebody wrote."""
        ...

    @query(
        sql="""SELECT count(*) FROM (SELECT id FROM accounts WHERE id IN (
            SELECT followee_id FROM follows WHERE follower_id = {account_id}
            UNION SELECT follower_id FROM follows WHERE followee_id = {account_id}
            UNION SELECT p.author_id FROM posts p JOIN posts o ON o.id = p.boost_of_id WHERE o.author_id = {account_id}
            UNION SELECT {account_id}) ORDER BY id FOR NO KEY UPDATE) held""",
        load=scalar,
    )
    async def hold_everyone_near(self, account_id: int) -> int:
        """Locks those whose counters change with the account's deletion, in the one order."""
        ...

    @statement(
        sql="""WITH followed AS (
            UPDATE accounts a SET followers_count = a.followers_count - 1 FROM follows f
            WHERE f.follower_id = {account_id} AND f.accepted AND a.id = f.followee_id
              AND NOT EXISTS (SELECT FROM follows g
                              WHERE g.follower_id = f.followee_id AND g.followee_id = {account_id} AND g.accepted)
        ), following AS (
            UPDATE accounts a SET following_count = a.following_count - 1 FROM follows f
            WHERE f.followee_id = {account_id} AND f.accepted AND a.id = f.follower_id
              AND NOT EXISTS (SELECT FROM follows g
                              WHERE g.followee_id = f.follower_id AND g.follower_id = {account_id} AND g.accepted)
        ), both_ways AS (
            UPDATE accounts a SET followers_count = a.followers_count - 1, following_count = a.following_count - 1
            FROM follows f JOIN follows g ON g.follower_id = f.followee_id AND g.followee_id = f.follower_id
            WHERE f.follower_id = {account_id} AND f.accepted AND g.accepted AND a.id = f.followee_id
        )
        UPDATE posts p SET
            favourites_count = p.favourites_count - d.favourites,
            boosts_count = p.boosts_count - d.boosts,
            replies_count = p.replies_count - d.replies
        FROM (
            SELECT post_id, sum(favourite) AS favourites, sum(boost) AS boosts, sum(reply) AS replies FROM (
                SELECT post_id, 1 AS favourite, 0 AS boost, 0 AS reply FROM favourites WHERE account_id = {account_id}
                UNION ALL
                SELECT boost_of_id, 0, 1, 0 FROM posts WHERE author_id = {account_id} AND boost_of_id IS NOT NULL
                UNION ALL
                SELECT reply_to_id, 0, 0, 1 FROM posts WHERE author_id = {account_id} AND reply_to_id IS NOT NULL
                    AND visibility IN ('public', 'unlisted')
            ) did GROUP BY post_id
        ) d
        WHERE p.id = d.post_id AND p.author_id <> {account_id}"""
    )
    async def release(self, account_id: int) -> None:
        """Take what the account did out of everybody else's counters, before it is deleted."""
        ...

    @statement(
        sql="""UPDATE accounts a SET posts_count = greatest(a.posts_count - d.boosts, 0)
        FROM (SELECT w.author_id, count(*) AS boosts FROM posts w JOIN posts p ON p.id = w.boost_of_id
              WHERE p.author_id = {account_id} AND w.author_id <> {account_id} GROUP BY w.author_id) d
        WHERE a.id = d.author_id"""
    )
    async def release_boosts(self, account_id: int) -> None:
        """Others' boosts of the account's posts go with these."""
        ...

    @statement(
        sql="""UPDATE tags t SET posts_count = greatest(t.posts_count - d.uses, 0)
        FROM (SELECT g.tag, count(*) AS uses FROM post_tags g JOIN posts p ON p.id = g.post_id
              WHERE p.author_id = {account_id} AND p.visibility = 'public' GROUP BY g.tag) d
        WHERE t.tag = d.tag"""
    )
    async def release_tags(self, account_id: int) -> None: ...

    @statement(
        sql="""INSERT INTO outbox (kind, account_id, post_id, detail)
        SELECT 'delete', p.author_id, p.id, jsonb_build_object(
            'author_id', p.author_id, 'author_name', a.name, 'visibility', p.visibility,
            'mentioned_ids', to_jsonb(p.mentioned_ids), 'tags', to_jsonb(p.tags), 'thread_id', p.thread_id,
            'reply_to_account_id', p.reply_to_account_id, 'is_boost', p.boost_of_id IS NOT NULL)
        FROM posts p JOIN accounts a ON a.id = p.author_id
        WHERE p.author_id = {account_id} AND p.created_at > clock_timestamp() - interval '7 days'
        ORDER BY p.id DESC LIMIT 5000"""
    )
    async def tell_of_deleted(self, account_id: int) -> None:
        """Live readers get to know which posts go: those that the log of events may still have."""
        ...


accounts = accessor(AccountQueries)
