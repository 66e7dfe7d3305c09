"""OAuth 2, as an authorization server: apps, consent, codes and tokens.

RFC 6749 (the framework), 7009 (revocation), 7636 (PKCE, S256 alone) and 9700 (best current practice), which applies
where they differ: redirect URIs are compared byte by byte, codes work once, using one twice revokes its grant, refresh
tokens are rotated with the same consequence, and there is no password grant.

An access token lasts until it is revoked, as Mastodon clients expect. An app that asks for ``offline_access`` gets one
for :data:`SHORT` seconds, and a refresh token beside it.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from twisted.logger import Logger

from microblog.domain import scopes
from microblog.domain.accounts import Account, Viewer
from microblog.domain.errors import InvalidInput, NotFound
from microblog.domain.oauth import (
    App,
    AuthorizedApp,
    Bearer,
    ConsentRequest,
    InvalidClient,
    IssuedToken,
    OAuthError,
    challenge,
    redirect_uri,
    verifies,
)
from microblog.domain.text import one_line
from microblog.services.holding import hold, hold_account, hold_token
from microblog.services.secret_tokens import digest, new_secret
from microblog.store.accounts import accounts
from microblog.store.engine.database import Database
from microblog.store.oauth import Code, Refresh, oauth

log = Logger()

CODE_LIFE: Final = timedelta(minutes=10)  #: the recommended maximum (RFC 6749, section 4.1.2)
SHORT: Final = 7200  #: seconds that an access token with a refresh token lasts
MOST_URIS: Final = 20
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9_-]{20,100}")
_WEBSITE: Final = re.compile(r"https?://[^\s\"'<>]+", re.ASCII)

_UNUSABLE: Final = "The code or token is invalid, expired, revoked, used already, or another program's."


class OAuth:
    """The authorization server. ``poke`` tells the dispatcher that there is an event; ``now`` is the time, in UTC."""

    def __init__(self, *, db: Database, poke: Callable[[], None], now: Callable[[], datetime]) -> None:
        self.db = db
        self._poke = poke
        self._now = now

    # -- apps ---------------------------------------------------------------------------------------------

    async def register(
        self, name: str, redirect_uris: Sequence[str], scope: str = "", website: str | None = None
    ) -> tuple[App, str]:
        """Register an app. Return it with its secret, which only this call knows.

        Raises InvalidInput with ``field`` ``client_name``, ``redirect_uris``, ``scopes`` or ``website``.
        """
        name = one_line(name, 200).strip()
        if not name:
            raise InvalidInput("A program has a name.", "client_name", "blank")
        uris = list(dict.fromkeys(redirect_uri(each) for each in redirect_uris))
        if not uris:
            raise InvalidInput(
                "Say where answers may go: an address of the program's, or urn:ietf:wg:oauth:2.0:oob.",
                "redirect_uris",
                "blank",
            )
        if len(uris) > MOST_URIS:
            raise InvalidInput(
                f"A program has at most {MOST_URIS} redirect URIs.", "redirect_uris", "too_many"
            )
        website = (website or "").strip() or None
        if website is not None and (len(website) > 2000 or not _WEBSITE.fullmatch(website)):
            raise InvalidInput("A program's website is an http or https address.", "website")
        chosen = scopes.parse(scope or scopes.DEFAULT, "scopes")
        secret, secret_hash = new_secret()
        async with self.db.transaction() as tx:
            app: App = await oauth(tx).insert_app(
                secrets.token_urlsafe(32), secret_hash, name, website, uris, list(chosen)
            )
        return app, secret

    async def app(self, client_id: str) -> App:
        """Return the app of a client id. Raises InvalidClient."""
        return (await self._known(client_id))[0]

    async def app_by_id(self, app_id: int) -> App:
        """Return an app. Raises NotFound."""
        found: App | None = await oauth(self.db.reads).app_by_id(app_id)
        if found is None:
            raise NotFound()
        return found

    async def authenticate(self, client_id: str, secret: str) -> App:
        """Return the app of a client id if ``secret`` is its secret. Raises InvalidClient."""
        app, secret_hash = await self._known(client_id)
        if not hmac.compare_digest(secret_hash, digest(secret)):
            raise _unknown_client()
        return app

    async def _known(self, client_id: str) -> tuple[App, bytes]:
        found = None
        if _CLIENT_ID.fullmatch(client_id):
            found = await oauth(self.db.reads).app(client_id)
        if found is None:
            raise _unknown_client()
        return found

    # -- consent ----------------------------------------------------------------------------------------------

    async def destination(self, client_id: str, uri: str | None) -> tuple[App, str]:
        """Return an app and the redirect URI that its answer, or an error, may go to.

        Raises OAuthError, for the person to read: without a valid redirect URI the app must not get it.
        """
        app = await self.app(client_id)
        if uri is None and len(app.redirect_uris) == 1:
            return app, app.redirect_uris[0]
        if uri is None or uri not in app.redirect_uris:
            raise OAuthError(
                "invalid_request",
                "The redirect URI is none that the program registered. Write to its makers.",
            )
        return app, uri

    def asked(
        self,
        app: App,
        uri: str,
        *,
        response_type: str | None,
        scope: str | None,
        state: str | None,
        code_challenge: str | None,
        code_challenge_method: str | None,
        uri_sent: bool = True,
    ) -> ConsentRequest:
        """Return the valid consent request of an app. Raises OAuthError, for the app."""
        if response_type != "code":
            raise OAuthError("unsupported_response_type", "The response_type has to be code.")
        chosen = self._narrowed(scope, app.scopes)
        made = challenge(code_challenge, code_challenge_method)
        return ConsentRequest(app, uri, chosen, state, made, uri_sent)

    async def allow(self, viewer: Viewer, asked: ConsentRequest) -> str:
        """Grant an app its consent request, and return the code. Raises Unauthenticated if the session has ended."""
        code, code_hash = new_secret()
        now = self._now()
        async with self.db.transaction() as tx:
            await hold(tx, viewer, now)
            grant_id = await oauth(tx).insert_grant(asked.app.id, viewer.id, list(asked.scopes), now)
            await oauth(tx).insert_code(
                code_hash, grant_id, asked.redirect_uri, asked.uri_sent, asked.challenge, now + CODE_LIFE
            )
        log.info("account {account} allowed app {app}", account=viewer.id, app=asked.app.id)
        return code

    # -- tokens -----------------------------------------------------------------------------------------------

    async def by_code(self, app: App, code: str, uri: str | None, verifier: str | None) -> IssuedToken:
        """Exchange a code for an access token. Raises OAuthError ``invalid_grant``.

        A code that is used twice, or without its proof, may have been stolen, so its grant ends.
        """
        code_hash = digest(code)
        async with self.db.transaction() as tx:
            await self._lock_owner(tx, await oauth(tx).owner_of_code(code_hash))
            held: Code | None = await oauth(tx).hold_code(code_hash)
            right = (
                held is not None
                and held.app_id == app.id
                and not held.used
                and held.active
                and held.expires_at > self._now()
                and (held.redirect_uri == uri or (uri is None and not held.uri_sent))
                and verifies(verifier, held.challenge)
            )
            if held is not None and right:
                await oauth(tx).use_code(code_hash, self._now())
                return await self._issue(tx, app, held.account_id, held.grant_id, tuple(held.scopes))
            if held is not None and held.app_id == app.id:
                await oauth(tx).end_grant(held.grant_id)
                log.warn("app {app}: a code was used twice, too late or wrongly; revoked", app=app.id)
        self._poke()
        raise OAuthError("invalid_grant", _UNUSABLE)

    async def by_refresh(self, app: App, refresh_token: str, scope: str | None = None) -> IssuedToken:
        """Exchange a refresh token for new tokens. Raises OAuthError; using one twice ends its grant."""
        token_hash = digest(refresh_token)
        async with self.db.transaction() as tx:
            await self._lock_owner(tx, await oauth(tx).owner_of_refresh(token_hash))
            held: Refresh | None = await oauth(tx).hold_refresh(token_hash)
            if held is not None and held.app_id == app.id and held.active and not held.used:
                chosen = self._narrowed(scope, held.scopes, tuple(held.scopes))
                await oauth(tx).use_refresh(token_hash, self._now())
                return await self._issue(tx, app, held.account_id, held.grant_id, chosen, refreshing=True)
            if held is not None and held.app_id == app.id and held.used:
                await oauth(tx).end_grant(held.grant_id)
                log.warn("app {app}: a refresh token was used twice; revoked", app=app.id)
        self._poke()
        raise OAuthError("invalid_grant", _UNUSABLE)

    async def by_credentials(self, app: App, scope: str | None = None) -> IssuedToken:
        """Issue a token for the app itself, without an account. Raises OAuthError ``invalid_scope``."""
        chosen = self._narrowed(scope, app.scopes)
        async with self.db.transaction() as tx:
            return await self._issue(tx, app, None, None, chosen)

    async def for_account(self, bearer: Bearer, account: Account) -> IssuedToken:
        """Issue a token for an account that an app has just signed up, with the scopes of the app's own token.

        The token of a pending account works from its approval on. Raises Unauthenticated if the app's token was
        revoked or the account was suspended meanwhile; NotFound.
        """
        app = await self.app_by_id(bearer.app_id or 0)
        granted = sorted(bearer.scopes)
        async with self.db.transaction() as tx:
            now = self._now()
            await hold_account(tx, account.id, pending=True)
            await hold_token(tx, bearer.token_id, bearer.viewer.id if bearer.viewer else None, now)
            grant_id = await oauth(tx).insert_grant(app.id, account.id, list(granted), now)
            return await self._issue(tx, app, account.id, grant_id, tuple(granted))

    async def revoke(self, app: App, token: str) -> None:
        """Revoke an access or refresh token, with all tokens of the same grant (RFC 7009).

        An unknown token counts as revoked. Raises OAuthError ``unauthorized_client`` for another app's token.
        """
        token_hash = digest(token)
        async with self.db.transaction() as tx:
            await self._lock_owner(tx, await oauth(tx).owner_of_token(token_hash))
            found: tuple[int | None, int | None] | None = await oauth(tx).token(token_hash)
            if found is None:
                held: Refresh | None = await oauth(tx).hold_refresh(token_hash)
                found = None if held is None else (held.app_id, held.grant_id)
            if found is None:
                return
            app_id, grant_id = found
            if app_id != app.id:
                raise OAuthError("unauthorized_client", "This token was given to another program.")
            if grant_id is not None:
                await oauth(tx).end_grant(grant_id)
            else:
                await oauth(tx).end_token(token_hash)
        self._poke()

    # -- authorized apps ----------------------------------------------------------------------------------

    async def apps_of(self, viewer: Viewer) -> list[AuthorizedApp]:
        """Return the apps that can act as the viewer, the last authorized first."""
        found: list[AuthorizedApp] = await oauth(self.db.reads).apps_of(viewer.id, self._now())
        return found

    async def forget(self, viewer: Viewer, app_id: int) -> None:
        """Revoke an app's access to the viewer's account and close its live connections. Raises NotFound."""
        async with self.db.transaction() as tx:
            await self._lock_owner(tx, viewer.id)
            if not await oauth(tx).end_app(viewer.id, app_id):
                raise NotFound()
        self._poke()
        log.info("account {account} revoked app {app}", account=viewer.id, app=app_id)

    # -- parts ------------------------------------------------------------------------------------------------

    async def _lock_owner(self, tx: Any, account_id: int | None) -> None:
        """Lock the account of a code or token before that is read, used or ended (`holding`)."""
        if account_id is not None:
            await accounts(tx).lock([account_id])

    def _narrowed(
        self, scope: str | None, most: Sequence[str], default: tuple[str, ...] = (scopes.DEFAULT,)
    ) -> tuple[str, ...]:
        """Return the requested scopes that ``most`` allows. Raises OAuthError ``invalid_scope``."""
        try:
            wanted = scopes.parse(scope) if scope else default
        except InvalidInput as error:
            raise OAuthError("invalid_scope", error.text) from error
        if not scope and scopes.narrowed(wanted, frozenset(most)) is None:
            wanted = tuple(most)  # no scope was requested, and the app may not even read
        chosen = scopes.narrowed(wanted, frozenset(most))
        if not chosen:
            raise OAuthError("invalid_scope", "The program asks for more than it registered for.")
        return chosen

    async def _issue(
        self,
        tx: Any,
        app: App,
        account_id: int | None,
        grant_id: int | None,
        granted: tuple[str, ...],
        *,
        refreshing: bool = False,
    ) -> IssuedToken:
        token, token_hash = new_secret()
        now = self._now()
        refresh: str | None = None
        if grant_id is not None and (refreshing or "offline_access" in granted):
            refresh, refresh_hash = new_secret()
            await oauth(tx).insert_refresh(refresh_hash, grant_id, now)
        life = timedelta(seconds=SHORT) if refresh is not None else None
        await oauth(tx).insert_token(
            token_hash,
            account_id,
            app.id,
            grant_id,
            app.name,
            list(granted),
            now,
            now + life if life else None,
        )
        return IssuedToken(token, granted, now, SHORT if life else None, refresh)


def _unknown_client() -> InvalidClient:
    return InvalidClient("No such program is registered here, or its secret is wrong. Register it anew.")
