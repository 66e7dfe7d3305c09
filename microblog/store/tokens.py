"""Access tokens in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from dbxs import query, statement

from microblog.domain.accounts import State, Token, Viewer
from microblog.domain.oauth import Bearer
from microblog.store.engine.access import accessor, prepared
from microblog.store.engine.loaders import maybe_row, rows, scalar
from microblog.store.sessions import VIEWER_COLUMNS, VIEWER_WIDTH, viewer_from


def _viewer(*columns: Any) -> tuple[Viewer, bool]:
    token_id, scopes, until, stale = columns[VIEWER_WIDTH:]
    return viewer_from(columns, token_id=token_id, scopes=frozenset(scopes), until=until), stale


def _bearer(*columns: Any) -> tuple[Bearer, bool]:
    token_id, app_id, scopes, until, state, stale = columns[VIEWER_WIDTH:]
    granted = frozenset(scopes)
    viewer = None if state is None else viewer_from(columns, token_id=token_id, scopes=granted, until=until)
    return Bearer(token_id, app_id, granted, viewer, None if state is None else State(state)), stale


def _token(
    token_id: int,
    account_id: int,
    name: str,
    scopes: list[str],
    created_at: datetime,
    last_used_at: datetime | None,
) -> Token:
    return Token(token_id, account_id, name, tuple(scopes), created_at, last_used_at)


class TokenQueries(Protocol):
    @query(
        sql="INSERT INTO tokens (token_hash, account_id, name, scopes, created_at) "
        "VALUES ({token_hash}, {account_id}, {name}, {scopes}::text[], {now}) RETURNING id",
        load=scalar,
    )
    async def insert(
        self, token_hash: bytes, account_id: int, name: str, scopes: Sequence[str], now: datetime
    ) -> int: ...

    @prepared("bytea", "timestamptz", "timestamptz")
    @query(
        sql=f"""SELECT {VIEWER_COLUMNS}, t.id, t.app_id, t.scopes, t.expires_at, a.state,
            t.last_used_at IS NULL OR t.last_used_at < {{stale}}
        FROM tokens t LEFT JOIN accounts a ON a.id = t.account_id LEFT JOIN users u ON u.account_id = a.id
        WHERE t.token_hash = {{token_hash}} AND (t.expires_at IS NULL OR t.expires_at > {{now}})""",
        load=maybe_row(_bearer),
    )
    async def bearer(self, token_hash: bytes, stale: datetime, now: datetime) -> tuple[Bearer, bool] | None:
        """Return the bearer of a token like `viewer`, also for an app's own token and an account in any state."""

    @prepared("bytea", "timestamptz", "timestamptz")
    @query(
        sql=f"""SELECT {VIEWER_COLUMNS}, t.id, t.scopes, t.expires_at,
            t.last_used_at IS NULL OR t.last_used_at < {{stale}}
        FROM tokens t JOIN accounts a ON a.id = t.account_id JOIN users u ON u.account_id = a.id
        WHERE t.token_hash = {{token_hash}} AND (t.expires_at IS NULL OR t.expires_at > {{now}})
          AND a.state = 'active'""",
        load=maybe_row(_viewer),
    )
    async def viewer(self, token_hash: bytes, stale: datetime, now: datetime) -> tuple[Viewer, bool] | None:
        """Return the viewer of a token, and whether the token was last marked as used before ``stale``."""

    @statement(
        sql="UPDATE tokens SET last_used_at = {now} "
        "WHERE id = {token_id} AND (last_used_at IS NULL OR last_used_at < {now})"
    )
    async def touch(self, token_id: int, now: datetime) -> None: ...

    @query(
        sql="SELECT id, account_id, name, scopes, created_at, last_used_at FROM tokens "
        "WHERE account_id = {account_id} AND app_id IS NULL ORDER BY id DESC",
        load=rows(_token),
    )
    async def of(self, account_id: int) -> list[Token]:
        """Return the personal tokens of an account, newest first."""

    @query(
        sql="SELECT count(*) FROM tokens WHERE account_id = {account_id} AND app_id IS NULL",
        load=scalar,
    )
    async def count(self, account_id: int) -> int: ...

    @query(
        sql="""WITH ended AS (
            DELETE FROM tokens WHERE account_id = {account_id} AND id = {token_id} RETURNING id
        ), event AS (
            INSERT INTO outbox (kind, account_id, detail)
            SELECT 'revoked', {account_id}, jsonb_build_object('token', id) FROM ended
        ) SELECT id FROM ended""",
        load=scalar,
    )
    async def end(self, account_id: int, token_id: int) -> int | None:
        """Revoke a token and write its event. Return None if it does not exist."""

    @statement(
        sql="""WITH ended AS (DELETE FROM tokens WHERE account_id = {account_id} RETURNING id),
        denied AS (DELETE FROM grants WHERE account_id = {account_id})
        INSERT INTO outbox (kind, account_id, detail)
        SELECT 'revoked', {account_id}, jsonb_build_object('token', id) FROM ended"""
    )
    async def end_all(self, account_id: int) -> None:
        """Revoke all tokens of an account, with the grants and refresh tokens of apps."""


tokens = accessor(TokenQueries)
