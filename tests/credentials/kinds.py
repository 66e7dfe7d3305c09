"""Every kind of credential that a person or program can hold, how one is made, and what it hangs on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from microblog.domain.accounts import Viewer
from microblog.domain.errors import Conflict, MicroblogError
from microblog.domain.oauth import App, Asked, Bearer
from microblog.services.oauth import OAuth
from microblog.services.outgoing_mail import OutgoingMail
from tests.services.people import PASSWORD, Site

NEW_PASSWORD = "a quite different phrase"
#: What a creation that failed gave.
NOTHING = "no secret at all"
APP_URI = "https://app.example/back"


class Town(Site):
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

    def asked(self) -> Asked:
        return Asked(self.app, APP_URI, ("read", "offline_access"), None, None)

    async def confirm_ann(self) -> None:
        await self.sql("UPDATE users SET email_confirmed_at = clock_timestamp()")


Make = Callable[[Town, Any], Coroutine[Any, Any, Any]]


@dataclass(frozen=True)
class Kind:
    """``creator`` is the service's method that makes it; ``table`` is where its row is inserted or changed."""

    creator: str
    table: str
    hangs_on: tuple[str, ...]
    make: Make  #: of the town and what ``prepare`` gave
    alive: Callable[[Town, Any], Awaitable[bool]]  #: whether it still opens anything
    prepare: Callable[[Town], Awaitable[Any]] | None = None
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


async def _log_in(town: Town, _: Any) -> str:
    return (await town.sessions.log_in("ann", PASSWORD))[0]


async def _session(town: Town, secret: str) -> bool:
    return await town.sessions.viewer(secret) is not None


async def _token(town: Town, secret: str) -> bool:
    found = await town.tokens.bearer(secret)
    return (
        found is not None
        and found.viewer is not None
        and found.state is not None
        and found.state.value == "active"
    )


async def _issued(town: Town, issued: Any) -> bool:
    if issued == NOTHING:
        return False
    return await _token(town, issued.token) or await _works(
        town.oauth.by_refresh(town.app, issued.refresh_token or "")
    )


async def _code(town: Town) -> str:
    return await town.oauth.allow(town.ann, town.asked())


async def _refresh(town: Town) -> str:
    issued = await town.oauth.by_code(town.app, await _code(town), APP_URI, None)
    assert issued.refresh_token is not None
    return issued.refresh_token


async def _reset_link(town: Town, _: Any) -> str:
    await town.accounts.request_reset("ann@example.org")
    sent = await town.sql("SELECT id FROM jobs WHERE kind = 'mail.reset'")
    return await town.secret_of("mail.reset") if sent else NOTHING


async def _asked_for_a_link(town: Town) -> Any:
    await town.accounts.request_reset("ann@example.org")
    [[payload]] = await town.sql("SELECT payload FROM jobs WHERE kind = 'mail.reset'")
    return payload


async def _logs_in_with_the_new_password(town: Town, _: Any) -> bool:
    return await _works(town.sessions.log_in("ann", NEW_PASSWORD))


async def _invitation(town: Town, _: Any) -> str:
    return (await town.accounts.invite(town.ann)).code


async def _admits(town: Town, code: str) -> bool:
    inviting = town.over(registration="invitation")
    try:
        return await _works(inviting.accounts.register("eve", "eve@example.org", PASSWORD, invitation=code))
    finally:
        inviting.passwords.stop()


async def _change_email(town: Town, _: Any) -> str:
    await town.accounts.change_email(town.ann, PASSWORD, "thief@example.org")
    return await town.secret_of("mail.confirm")


async def _resend(town: Town, _: Any) -> str:
    await town.accounts.resend_confirmation(town.ann)
    return await town.secret_of("mail.confirm")


async def _confirms_another_address(town: Town, secret: str) -> bool:
    await _done(town.accounts.confirm_email(secret))
    return await town.sql("SELECT email FROM users WHERE account_id = %s", town.ann.id) == [
        ("thief@example.org",)
    ]


async def _pending_address(town: Town) -> None:
    await town.confirm_ann()
    await town.sql("UPDATE users SET email_pending = 'thief@example.org' WHERE account_id = %s", town.ann.id)


async def _change_password(town: Town, _: Any) -> None:
    await town.accounts.change_password(town.ann, PASSWORD, NEW_PASSWORD)


async def _new_account(town: Town) -> Any:
    return (await town.viewer(town.ann.id)).account


ACCOUNT = ("suspension", "deletion")
PERSON = ("a new password", *ACCOUNT)

KINDS: dict[str, Kind] = {
    "session of a log-in": Kind("Sessions.log_in", "sessions", PERSON, _log_in, _session),
    "session of a sign-up": Kind(
        "Sessions.open_for",
        "sessions",
        ACCOUNT,
        lambda town, account: town.sessions.open_for(account),
        _session,
        _new_account,
    ),
    "token": Kind(
        "Tokens.create",
        "tokens",
        PERSON,
        lambda town, _: town.tokens.create(town.ann, ["read"]),
        _token,
        at_creation=("the end of the session",),
    ),
    "grant and code": Kind(
        "OAuth.allow",
        "grants",
        PERSON,
        lambda town, _: _code(town),
        lambda town, code: _works(town.oauth.by_code(town.app, code, APP_URI, None)),
        _refresh,
        at_creation=("the end of the session",),
        afterwards=("the end of the app's access",),
    ),
    "tokens for a code": Kind(
        "OAuth.by_code",
        "tokens",
        (*PERSON, "the end of the app's access"),
        lambda town, code: town.oauth.by_code(town.app, code, APP_URI, None),
        _issued,
        _code,
    ),
    "tokens for a refresh token": Kind(
        "OAuth.by_refresh",
        "tokens",
        (*PERSON, "the end of the app's access"),
        lambda town, refresh: town.oauth.by_refresh(town.app, refresh),
        _issued,
        _refresh,
    ),
    "token of a sign-up by an app": Kind(
        "OAuth.for_account",
        "tokens",
        ACCOUNT,
        lambda town, account: town.oauth.for_account(town.app_token, account),
        _issued,
        _new_account,
        at_creation=("the end of the app's own token",),
    ),
    "link to a new password": Kind(
        "Credentials.request_reset",
        "email_tokens",
        ACCOUNT,
        _reset_link,
        lambda town, secret: _done(town.accounts.reset(secret, NEW_PASSWORD)),
    ),
    "secret of a link to a new password": Kind(
        "OutgoingMail.link",
        "email_tokens",
        PERSON,
        lambda town, payload: town.mail.link(payload),
        lambda town, secret: _done(town.accounts.reset(secret or NOTHING, NEW_PASSWORD)),
        _asked_for_a_link,
    ),
    "password set by a link": Kind(
        "Credentials.reset",
        "users",
        PERSON,
        lambda town, secret: town.accounts.reset(secret, NEW_PASSWORD),
        _logs_in_with_the_new_password,
        lambda town: _reset_link(town, None),
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
        lambda town: town.confirm_ann(),
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
        "SignUp.invite", "invitations", ACCOUNT, _invitation, _admits, at_creation=("the end of the session",)
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


async def _delete(town: Town) -> None:
    async def proven(*_: Any, **__: Any) -> Any:
        return await town.accounts.user(town.ann)

    other = town.over()
    other.passwords.stop()
    other.accounts._prove = proven  # type: ignore[method-assign]
    ann = replace(town.ann, session_id=None)
    try:
        await other.accounts.delete(ann, PASSWORD)
    except Conflict:  # the password was changed since it was proven: they type the new one
        await other.accounts.delete(ann, NEW_PASSWORD)


async def _new_password(town: Town) -> None:
    await town.accounts.reset_password("ann")


async def _suspend(town: Town) -> None:
    await town.accounts.suspend("ann")


async def _end_session(town: Town) -> None:
    assert town.ann.session_id is not None
    await town.sessions.end(town.ann, town.ann.session_id)


async def _end_app(town: Town) -> None:
    await town.oauth.forget(town.ann, town.app.id)


async def _end_app_token(town: Town) -> None:
    await town.oauth.revoke(town.app, town.app_secret)


ENDS: dict[str, Callable[[Town], Coroutine[Any, Any, None]]] = {
    "a new password": _new_password,
    "suspension": _suspend,
    "deletion": _delete,
    "the end of the session": _end_session,
    "the end of the app's access": _end_app,
    "the end of the app's own token": _end_app_token,
}
