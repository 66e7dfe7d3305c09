"""Accounts in the database: the one list of an account's columns, and queries of accounts.

Every query that shows accounts selects :data:`ACCOUNT_COLUMNS` (of the alias ``a``) and makes the records with
:func:`account_from`, so that a new column of accounts is added to :data:`_COLUMNS` and to the record only.
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

#: The columns of an account, in the order of the fields of `domain.accounts.Account`.
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

#: The number of columns of an account in a row.
ACCOUNT_WIDTH: Final = len(_COLUMNS)
_FIELDS: Final = _COLUMNS.index("fields")
_STATE: Final = _COLUMNS.index("state")


def account_columns(alias: str) -> str:
    """Return the columns of ``accounts`` under an alias, for :func:`account_from`."""
    return ", ".join(f"{alias}.{column}" for column in _COLUMNS)


ACCOUNT_COLUMNS: Final = account_columns("a")

_STATES: Final = {state.value: state for state in State}


def account_from(row: Sequence[Any]) -> Account:
    """Return the account in the first :data:`ACCOUNT_WIDTH` columns of a row."""
    values = list(row[:ACCOUNT_WIDTH])
    values[_FIELDS] = elements("fields of account", row[0], row[_FIELDS], _field) if row[_FIELDS] else ()
    values[_STATE] = _STATES[row[_STATE]]
    return Account(*values)


def _field(content: Any) -> Field:
    verified = content.get("verified_at")
    return Field(
        text_of(content, "name"),
        text_of(content, "value"),
        text_of(content, "html"),
        datetime.fromisoformat(verified) if verified else None,
    )


def account(*columns: Any) -> Account:
    """Load a row that is an account."""
    return account_from(columns)


def account_at(cursor: int, *columns: Any) -> tuple[int, Account]:
    """Load a row of a listing: the cursor, then the account."""
    return cursor, account_from(columns)


@dataclass(frozen=True, slots=True)
class Locked:
    """The state of an account, read under its lock."""

    id: int
    state: State
    locked: bool
    deleted: bool  #: its owner deleted it, and its rows are being deleted in batches


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
        """Return the active local accounts with these names, which are in lower case."""

    @query(
        sql="SELECT id, state, locked, deleted_at IS NOT NULL FROM accounts "
        "WHERE id = ANY({ids}::bigint[]) ORDER BY id FOR NO KEY UPDATE",
        load=rows(_locked),
    )
    async def lock(self, ids: Sequence[int]) -> list[Locked]:
        """Lock the accounts until the transaction ends, by id, so that no two transactions wait for each other."""

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
        """Return whether the name was that of a deleted account."""

    @statement(sql="INSERT INTO reserved_names (name) VALUES ({name}) ON CONFLICT DO NOTHING")
    async def reserve(self, name: str) -> None: ...

    @statement(sql="DELETE FROM accounts WHERE id = {account_id}")
    async def delete(self, account_id: int) -> None:
        """Delete the row of an account, after the rows that refer to it (`deletion`)."""


accounts = accessor(AccountQueries)
