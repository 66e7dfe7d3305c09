"""Apps, grants, authorization codes and refresh tokens in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from dbxs import query, statement

from microblog.domain.oauth import App, AuthorizedApp
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import maybe_row, row, rows, scalar

_COLUMNS: Final = "p.id, p.client_id, p.name, p.website, p.redirect_uris, p.scopes, p.created_at"


def _app(
    app_id: int,
    client_id: str,
    name: str,
    website: str | None,
    redirect_uris: list[str],
    scopes: list[str],
    created_at: datetime,
) -> App:
    return App(app_id, client_id, name, website, tuple(redirect_uris), tuple(scopes), created_at)


def _with_secret(secret_hash: bytes, *columns: Any) -> tuple[App, bytes]:
    return _app(*columns), bytes(secret_hash)


def _authorized(
    scopes: list[str], created_at: datetime, last_used_at: datetime | None, *columns: Any
) -> AuthorizedApp:
    return AuthorizedApp(_app(*columns), tuple(scopes), created_at, last_used_at)


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code with its grant, locked until the transaction ends."""

    grant_id: int
    app_id: int
    account_id: int
    scopes: list[str]
    redirect_uri: str
    uri_sent: bool  #: whether the client sent the redirect URI, or it is the registered one
    challenge: str | None
    expires_at: datetime
    used: bool
    active: bool  #: whether the account is active


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh token with its grant, locked until the transaction ends."""

    grant_id: int
    app_id: int
    account_id: int
    scopes: list[str]
    used: bool
    active: bool


class OAuthQueries(Protocol):
    @query(
        sql="INSERT INTO apps AS p (client_id, secret_hash, name, website, redirect_uris, scopes) "
        "VALUES ({client_id}, {secret_hash}, {name}, {website}, {redirect_uris}::text[], {scopes}::text[]) "
        f"RETURNING {_COLUMNS}",
        load=row(_app),
    )
    async def insert_app(
        self,
        client_id: str,
        secret_hash: bytes,
        name: str,
        website: str | None,
        redirect_uris: Sequence[str],
        scopes: Sequence[str],
    ) -> App: ...

    @query(
        sql=f"SELECT p.secret_hash, {_COLUMNS} FROM apps p WHERE p.client_id = {{client_id}}",
        load=maybe_row(_with_secret),
    )
    async def app(self, client_id: str) -> tuple[App, bytes] | None:
        """Return an app with the hash of its secret."""

    @query(sql=f"SELECT {_COLUMNS} FROM apps p WHERE p.id = {{app_id}}", load=maybe_row(_app))
    async def app_by_id(self, app_id: int) -> App | None: ...

    @query(
        sql="INSERT INTO grants (app_id, account_id, scopes, created_at) "
        "VALUES ({app_id}, {account_id}, {scopes}::text[], {now}) RETURNING id",
        load=scalar,
    )
    async def insert_grant(
        self, app_id: int, account_id: int, scopes: Sequence[str], now: datetime
    ) -> int: ...

    @statement(
        sql="INSERT INTO authorization_codes (code_hash, grant_id, redirect_uri, uri_sent, challenge, expires_at) "
        "VALUES ({code_hash}, {grant_id}, {redirect_uri}, {uri_sent}, {challenge}, {expires_at})"
    )
    async def insert_code(
        self,
        code_hash: bytes,
        grant_id: int,
        redirect_uri: str,
        uri_sent: bool,
        challenge: str | None,
        expires_at: datetime,
    ) -> None: ...

    @query(
        sql="SELECT g.account_id FROM authorization_codes c JOIN grants g ON g.id = c.grant_id "
        "WHERE c.code_hash = {code_hash}",
        load=scalar,
    )
    async def owner_of_code(self, code_hash: bytes) -> int | None: ...

    @query(
        sql="SELECT g.account_id FROM refresh_tokens r JOIN grants g ON g.id = r.grant_id "
        "WHERE r.token_hash = {token_hash}",
        load=scalar,
    )
    async def owner_of_refresh(self, token_hash: bytes) -> int | None: ...

    @query(
        sql="SELECT coalesce((SELECT account_id FROM tokens WHERE token_hash = {token_hash}), "
        "(SELECT g.account_id FROM refresh_tokens r JOIN grants g ON g.id = r.grant_id "
        "WHERE r.token_hash = {token_hash}))",
        load=scalar,
    )
    async def owner_of_token(self, token_hash: bytes) -> int | None:
        """Return the account of an access or refresh token, or None for an app's own token and an unknown one."""

    @query(
        sql="""SELECT g.id, g.app_id, g.account_id, g.scopes, c.redirect_uri, c.uri_sent, c.challenge, c.expires_at,
            c.used_at IS NOT NULL, a.state = 'active'
        FROM authorization_codes c JOIN grants g ON g.id = c.grant_id JOIN accounts a ON a.id = g.account_id
        WHERE c.code_hash = {code_hash} FOR UPDATE OF c""",
        load=maybe_row(Code),
    )
    async def hold_code(self, code_hash: bytes) -> Code | None: ...

    @statement(sql="UPDATE authorization_codes SET used_at = {now} WHERE code_hash = {code_hash}")
    async def use_code(self, code_hash: bytes, now: datetime) -> None: ...

    @query(
        sql="INSERT INTO tokens (token_hash, account_id, app_id, grant_id, name, scopes, created_at, expires_at) "
        "VALUES ({token_hash}, {account_id}::bigint, {app_id}, {grant_id}::bigint, {name}, {scopes}::text[], {now}, "
        "{expires_at}::timestamptz) RETURNING id",
        load=scalar,
    )
    async def insert_token(
        self,
        token_hash: bytes,
        account_id: int | None,
        app_id: int,
        grant_id: int | None,
        name: str,
        scopes: Sequence[str],
        now: datetime,
        expires_at: datetime | None,
    ) -> int: ...

    @statement(
        sql="INSERT INTO refresh_tokens (token_hash, grant_id, created_at) VALUES ({token_hash}, {grant_id}, {now})"
    )
    async def insert_refresh(self, token_hash: bytes, grant_id: int, now: datetime) -> None: ...

    @query(
        sql="""SELECT g.id, g.app_id, g.account_id, g.scopes, r.used_at IS NOT NULL, a.state = 'active'
        FROM refresh_tokens r JOIN grants g ON g.id = r.grant_id JOIN accounts a ON a.id = g.account_id
        WHERE r.token_hash = {token_hash} FOR UPDATE OF r""",
        load=maybe_row(Refresh),
    )
    async def hold_refresh(self, token_hash: bytes) -> Refresh | None: ...

    @statement(sql="UPDATE refresh_tokens SET used_at = {now} WHERE token_hash = {token_hash}")
    async def use_refresh(self, token_hash: bytes, now: datetime) -> None: ...

    @statement(
        sql="""WITH ended AS (
            DELETE FROM tokens WHERE grant_id = {grant_id} RETURNING id, account_id
        ), event AS (
            INSERT INTO outbox (kind, account_id, detail)
            SELECT 'revoked', account_id, jsonb_build_object('token', id) FROM ended
        ) DELETE FROM grants WHERE id = {grant_id}"""
    )
    async def end_grant(self, grant_id: int) -> None:
        """Revoke a grant with all its codes and tokens, and write an event for each token."""

    @query(
        sql="""WITH ended AS (
            DELETE FROM tokens WHERE token_hash = {token_hash} RETURNING id, account_id
        ), event AS (
            INSERT INTO outbox (kind, account_id, detail)
            SELECT 'revoked', account_id, jsonb_build_object('token', id) FROM ended
        ) SELECT id FROM ended""",
        load=scalar,
    )
    async def end_token(self, token_hash: bytes) -> int | None: ...

    @query(
        sql="SELECT app_id, grant_id FROM tokens WHERE token_hash = {token_hash}",
        load=maybe_row(lambda app_id, grant_id: (app_id, grant_id)),
    )
    async def token(self, token_hash: bytes) -> tuple[int | None, int | None] | None:
        """Return the app and the grant of a token."""

    @query(
        sql=f"""SELECT t.scopes, t.created_at, t.last_used_at, {_COLUMNS} FROM apps p JOIN (
            SELECT t.app_id, array_agg(DISTINCT s.scope ORDER BY s.scope) AS scopes,
                min(t.created_at) AS created_at, max(t.last_used_at) AS last_used_at, max(t.id) AS newest
            FROM tokens t CROSS JOIN unnest(t.scopes) AS s (scope)
            WHERE t.account_id = {{account_id}} AND t.app_id IS NOT NULL
              AND (t.grant_id IS NOT NULL OR t.expires_at IS NULL OR t.expires_at > {{now}})
            GROUP BY t.app_id
        ) t ON t.app_id = p.id ORDER BY t.newest DESC LIMIT 200""",
        load=rows(_authorized),
    )
    async def apps_of(self, account_id: int, now: datetime) -> list[AuthorizedApp]:
        """Return the apps that an account authorized, last authorized first."""

    @query(
        sql="""WITH ended AS (
            DELETE FROM tokens WHERE account_id = {account_id} AND app_id = {app_id} RETURNING id
        ), denied AS (
            DELETE FROM grants WHERE account_id = {account_id} AND app_id = {app_id} RETURNING id
        ), event AS (
            INSERT INTO outbox (kind, account_id, detail)
            SELECT 'revoked', {account_id}, jsonb_build_object('token', id) FROM ended
        ) SELECT (SELECT count(*) FROM ended) + (SELECT count(*) FROM denied)""",
        load=scalar,
    )
    async def end_app(self, account_id: int, app_id: int) -> int:
        """Revoke all grants and tokens of an app for an account, and return how many."""


oauth = accessor(OAuthQueries)
