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
from microblog.store.engine.access import accessor
from microblog.store.engine.bad_rows import elements, text_of
from microblog.store.engine.loaders import maybe_row, row, rows, scalar

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
    "indexable",
    "noindex",
    "hide_collections",
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
    return Account(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        elements("fields of account", row[0], row[6], _field) if row[6] else (),
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
        row[17],
        row[18],
        row[19],
    )


def _field(content: Any) -> Field:
    verified = content.get("verified_at")
    return Field(
        text_of(content, "name"),
        text_of(content, "value"),
        text_of(content, "html"),
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
    deleted: bool  #: its owner deleted it, and its rows are being deleted


def _locked(account_id: int, state: str, locked: bool, deleted: bool) -> Locked:
    return Locked(account_id, State(state), locked, deleted)


class AccountQueries(Protocol):
    @query(
        sql=f"SELECT {ACCOUNT_COLUMNS} FROM accounts a WHERE a.id = {{account_id}} AND a.deleted_at IS NULL",
        load=maybe_row(account),
    )
    async def by_id(self, account_id: int) -> Account | None: ...

    @query(
        sql=f"SELECT {ACCOUNT_COLUMNS} FROM accounts a WHERE a.id = ANY({{ids}}::bigint[]) AND a.deleted_at IS NULL",
        load=rows(account),
    )
    async def by_ids(self, ids: Sequence[int]) -> list[Account]: ...

    @query(
        sql=f"SELECT {ACCOUNT_COLUMNS} FROM accounts a "
        "WHERE lower(a.name) = lower({name}) AND coalesce(a.domain, '') = '' AND a.deleted_at IS NULL",
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
        sql="SELECT id, state, locked, deleted_at IS NOT NULL FROM accounts "
        "WHERE id = ANY({ids}::bigint[]) ORDER BY id FOR NO KEY UPDATE",
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
        "indexable = coalesce({indexable}::boolean, a.indexable), "
        "noindex = coalesce({noindex}::boolean, a.noindex), "
        "hide_collections = coalesce({hide_collections}::boolean, a.hide_collections), "
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
        indexable: bool | None,
        noindex: bool | None,
        hide_collections: bool | None,
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
        """Delete the row, after all that refers to it was deleted in batches (`erasing`)."""
        ...


accounts = accessor(AccountQueries)
