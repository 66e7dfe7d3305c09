"""Every kind of credential that a person or program can hold, how one is made, and what it hangs on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from microblog.domain.accounts import Viewer
from microblog.domain.errors import Conflict, MicroblogError
from microblog.domain.oauth import App, Bearer, ConsentRequest
from microblog.services.oauth import OAuth
from microblog.services.outgoing_mail import OutgoingMail
from tests.services.people import PASSWORD, Site

NEW_PASSWORD = "a quite different phrase"
#: What a creation that failed gave.
NOTHING = "no secret at all"
APP_URI = "https://app.example/back"


class ApiSite(Site):
    """A site with Ann, who is logged in, and an app that she allowed to act for her."""

    oauth: OAuth
    mail: OutgoingMail
    ann: Viewer
    app: App
    app_token: Bearer

    async def prepare(self) -> None:
        self.mail = OutgoingMail(self.db, now=self.now)
        self.oauth = OAuth(db=self.db, poke=self.poke, now=self.now)
        await self.person("olga")  # the first one owns the site
        await self.person("ann")
        _, self.ann = await self.sessions.log_in("ann", PASSWORD)
        self.app, _ = await self.oauth.register("App", [APP_URI], "read offline_access")
        issued = await self.oauth.by_credentials(self.app)
        found = await self.tokens.bearer(issued.token)
        assert found is not None
        self.app_token = found
        self.app_secret = issued.token

    def asked(self) -> ConsentRequest:
        return ConsentRequest(self.app, APP_URI, ("read", "offline_access"), None, None)

    async def confirm_ann(self) -> None:
        await self.sql("UPDATE users SET email_confirmed_at = clock_timestamp()")


Make = Callable[[ApiSite, Any], Coroutine[Any, Any, Any]]


@dataclass(frozen=True)
class Kind:
    """``creator`` is the service's method that makes it; ``table`` is where its row is inserted or changed."""

    creator: str
    table: str
    hangs_on: tuple[str, ...]
    make: Make  #: of the api_site and what ``prepare`` gave
    alive: Callable[[ApiSite, Any], Awaitable[bool]]  #: whether it still opens anything
    prepare: Callable[[ApiSite], Awaitable[Any]] | None = None
    #: what it hangs on at the moment of its creation only: an end that comes later leaves it alone
    at_creation: tuple[str, ...] = ()
    #: what ends it, and yet does not keep another one from being made afterwards
    afterwards: tuple[str, ...] = ()


async def _works(attempt: Awaitable[Any]) -> bool:
    try:
        return await attempt is not None
    except MicroblogError:
        return False


async def _done(attempt: Awaitable[Any]) -> bool:
    try:
        await attempt
    except MicroblogError:
        return False
    return True


async def _log_in(api_site: ApiSite, _: Any) -> str:
    return (await api_site.sessions.log_in("ann", PASSWORD))[0]


async def _session(api_site: ApiSite, secret: str) -> bool:
    return await api_site.sessions.viewer(secret) is not None


async def _token(api_site: ApiSite, secret: str) -> bool:
    found = await api_site.tokens.bearer(secret)
    return (
        found is not None
        and found.viewer is not None
        and found.state is not None
        and found.state.value == "active"
    )


async def _issued(api_site: ApiSite, issued: Any) -> bool:
    if issued == NOTHING:
        return False
    return await _token(api_site, issued.token) or await _works(
        api_site.oauth.by_refresh(api_site.app, issued.refresh_token or "")
    )


async def _code(api_site: ApiSite) -> str:
    return await api_site.oauth.allow(api_site.ann, api_site.asked())


async def _refresh(api_site: ApiSite) -> str:
    issued = await api_site.oauth.by_code(api_site.app, await _code(api_site), APP_URI, None)
    assert issued.refresh_token is not None
    return issued.refresh_token


async def _reset_link(api_site: ApiSite, _: Any) -> str:
    await api_site.credentials.request_reset("ann@example.org")
    sent = await api_site.sql("SELECT id FROM jobs WHERE kind = 'mail.reset'")
    return await api_site.secret_of("mail.reset") if sent else NOTHING


async def _asked_for_a_link(api_site: ApiSite) -> Any:
    await api_site.credentials.request_reset("ann@example.org")
    [[payload]] = await api_site.sql("SELECT payload FROM jobs WHERE kind = 'mail.reset'")
    return payload


async def _logs_in_with_the_new_password(api_site: ApiSite, _: Any) -> bool:
    return await _works(api_site.sessions.log_in("ann", NEW_PASSWORD))


async def _invitation(api_site: ApiSite, _: Any) -> str:
    return (await api_site.invitations.create(api_site.ann)).code


async def _admits(api_site: ApiSite, code: str) -> bool:
    inviting = api_site.over(registration="invitation")
    try:
        return await _works(inviting.sign_up.register("eve", "eve@example.org", PASSWORD, invitation=code))
    finally:
        inviting.passwords.stop()


async def _change_email(api_site: ApiSite, _: Any) -> str:
    await api_site.credentials.change_email(api_site.ann, PASSWORD, "thief@example.org")
    return await api_site.secret_of("mail.confirm")


async def _resend(api_site: ApiSite, _: Any) -> str:
    await api_site.credentials.resend_confirmation(api_site.ann)
    return await api_site.secret_of("mail.confirm")


async def _confirms_another_address(api_site: ApiSite, secret: str) -> bool:
    await _done(api_site.credentials.confirm_email(secret))
    return await api_site.sql("SELECT email FROM users WHERE account_id = %s", api_site.ann.id) == [
        ("thief@example.org",)
    ]


async def _pending_address(api_site: ApiSite) -> None:
    await api_site.confirm_ann()
    await api_site.sql(
        "UPDATE users SET email_pending = 'thief@example.org' WHERE account_id = %s", api_site.ann.id
    )


async def _change_password(api_site: ApiSite, _: Any) -> None:
    await api_site.credentials.change_password(api_site.ann, PASSWORD, NEW_PASSWORD)


async def _new_account(api_site: ApiSite) -> Any:
    return (await api_site.viewer(api_site.ann.id)).account


ACCOUNT = ("suspension", "deletion")
PERSON = ("a new password", *ACCOUNT)

KINDS: dict[str, Kind] = {
    "session of a log-in": Kind("Sessions.log_in", "sessions", PERSON, _log_in, _session),
    "session of a sign-up": Kind(
        "Sessions.open_for",
        "sessions",
        ACCOUNT,
        lambda api_site, account: api_site.sessions.open_for(account),
        _session,
        _new_account,
    ),
    "token": Kind(
        "Tokens.create",
        "tokens",
        PERSON,
        lambda api_site, _: api_site.tokens.create(api_site.ann, ["read"]),
        _token,
        at_creation=("the end of the session",),
    ),
    "grant and code": Kind(
        "OAuth.allow",
        "grants",
        PERSON,
        lambda api_site, _: _code(api_site),
        lambda api_site, code: _works(api_site.oauth.by_code(api_site.app, code, APP_URI, None)),
        _refresh,
        at_creation=("the end of the session",),
        afterwards=("the end of the app's access",),
    ),
    "tokens for a code": Kind(
        "OAuth.by_code",
        "tokens",
        (*PERSON, "the end of the app's access"),
        lambda api_site, code: api_site.oauth.by_code(api_site.app, code, APP_URI, None),
        _issued,
        _code,
    ),
    "tokens for a refresh token": Kind(
        "OAuth.by_refresh",
        "tokens",
        (*PERSON, "the end of the app's access"),
        lambda api_site, refresh: api_site.oauth.by_refresh(api_site.app, refresh),
        _issued,
        _refresh,
    ),
    "token of a sign-up by an app": Kind(
        "OAuth.for_account",
        "tokens",
        ACCOUNT,
        lambda api_site, account: api_site.oauth.for_account(api_site.app_token, account),
        _issued,
        _new_account,
        at_creation=("the end of the app's own token",),
    ),
    "link to a new password": Kind(
        "Credentials.request_reset",
        "email_tokens",
        ACCOUNT,
        _reset_link,
        lambda api_site, secret: _done(api_site.credentials.reset(secret, NEW_PASSWORD)),
    ),
    "secret of a link to a new password": Kind(
        "OutgoingMail.link",
        "email_tokens",
        PERSON,
        lambda api_site, payload: api_site.mail.link(payload),
        lambda api_site, secret: _done(api_site.credentials.reset(secret or NOTHING, NEW_PASSWORD)),
        _asked_for_a_link,
    ),
    "password set by a link": Kind(
        "Credentials.reset",
        "users",
        PERSON,
        lambda api_site, secret: api_site.credentials.reset(secret, NEW_PASSWORD),
        _logs_in_with_the_new_password,
        lambda api_site: _reset_link(api_site, None),
    ),
    "password set by its owner": Kind(
        "Credentials.change_password",
        "users",
        PERSON,
        _change_password,
        _logs_in_with_the_new_password,
        at_creation=("the end of the session",),
    ),
    "link to confirm another address": Kind(
        "Credentials.change_email",
        "email_tokens",
        PERSON,
        _change_email,
        _confirms_another_address,
        lambda api_site: api_site.confirm_ann(),
        at_creation=("the end of the session",),
    ),
    "link to confirm, sent again": Kind(
        "Credentials.resend_confirmation",
        "email_tokens",
        PERSON,
        _resend,
        _confirms_another_address,
        _pending_address,
        at_creation=("the end of the session",),
    ),
    "invitation": Kind(
        "Invitations.create",
        "invitations",
        ACCOUNT,
        _invitation,
        _admits,
        at_creation=("the end of the session",),
    ),
}

#: Methods that make a credential which hangs on nothing that could end at the same moment, with the reason.
FREE_STANDING = {
    "SignUp.register": "the account is made in the same transaction",
    "SignUp.create": "the account is made in the same transaction, on the console",
    "OAuth.by_credentials": "it hangs on the app alone, by a foreign key",
    "OAuth.register": "an app hangs on nothing",
    "Credentials.reset_password": "the console's word is the last",
    "Sessions.renew": "it changes the session's own row, and fails where that is gone",
}


async def _delete(api_site: ApiSite) -> None:
    async def proven(*_: Any, **__: Any) -> Any:
        return await api_site.accounts.user(api_site.ann)

    other = api_site.over()
    other.passwords.stop()
    other.credentials.prove_password = proven  # type: ignore[method-assign]
    ann = replace(api_site.ann, session_id=None)
    try:
        await other.deletion.delete(ann, PASSWORD)
    except Conflict:  # the password was changed since it was proven: they type the new one
        await other.deletion.delete(ann, NEW_PASSWORD)


async def _new_password(api_site: ApiSite) -> None:
    await api_site.credentials.reset_password("ann")


async def _suspend(api_site: ApiSite) -> None:
    await api_site.moderation.suspend("ann")


async def _end_session(api_site: ApiSite) -> None:
    assert api_site.ann.session_id is not None
    await api_site.sessions.end(api_site.ann, api_site.ann.session_id)


async def _end_app(api_site: ApiSite) -> None:
    await api_site.oauth.forget(api_site.ann, api_site.app.id)


async def _end_app_token(api_site: ApiSite) -> None:
    await api_site.oauth.revoke(api_site.app, api_site.app_secret)


ENDS: dict[str, Callable[[ApiSite], Coroutine[Any, Any, None]]] = {
    "a new password": _new_password,
    "suspension": _suspend,
    "deletion": _delete,
    "the end of the session": _end_session,
    "the end of the app's access": _end_app,
    "the end of the app's own token": _end_app_token,
}
