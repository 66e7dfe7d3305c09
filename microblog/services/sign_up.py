"""Signing up: registration in its four modes, and accounts that are made on the console."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from twisted.logger import Logger

from microblog.config.load import Config
from microblog.domain import validation
from microblog.domain.accounts import Account, Role, State
from microblog.domain.errors import Conflict, Forbidden, InvalidInput, MicroblogError
from microblog.domain.events import NotificationKind
from microblog.domain.language import known_language
from microblog.domain.search import document
from microblog.domain.text import normalise
from microblog.services.jobs import Jobs
from microblog.services.mailed_links import request_link
from microblog.services.notifications.write import notify_all
from microblog.services.passwords import Passwords
from microblog.store.accounts import accounts
from microblog.store.engine.database import Database
from microblog.store.invitations import invitations
from microblog.store.locks import retried
from microblog.store.users import email_tokens, users

log = Logger()

#: Characters of a reason to join.
LONGEST_REASON: Final = 2000
#: Welcome mails to one address in WELCOMES_IN, whoever signs up with it. Later, the settings page sends the link again.
WELCOMES: Final = 12
WELCOMES_IN: Final = timedelta(hours=1)


class SignUp:
    """Creates accounts. ``poke`` tells the dispatcher that there is an event; ``now`` is the time, in UTC."""

    def __init__(
        self,
        *,
        config: Config,
        db: Database,
        passwords: Passwords,
        jobs: Jobs,
        poke: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self.config = config
        self.db = db
        self._passwords = passwords
        self._jobs = jobs
        self._poke = poke
        self._now = now

    @retried
    async def register(
        self,
        name: str,
        email: str,
        password: str,
        *,
        reason: str = "",
        invitation: str | None = None,
        language: str | None = None,
    ) -> Account:
        """Create an account for a visitor of the site.

        The first account becomes the owner's, active at once. Where moderators approve sign-ups, an account waits
        unless it comes with a valid invitation.

        Raises InvalidInput (``field`` is ``name``, ``email``, ``password``, ``reason`` or ``invitation``); Forbidden
        where registration is closed.

        The result never shows whether another account has the mail address: the account is created with the same
        work in both cases. The mail job decides (``OutgoingMail.confirmation``): if the address has an owner, the
        owner gets a warning instead of a link that would confirm it for the new account.
        """
        mode = self.config.registration
        if mode == "closed":
            raise Forbidden("This site takes no new members.")
        name, email = validation.user_name(name), validation.email(email)
        password = validation.password(password, name, email)
        reason = _reason(reason)
        language = known_language(language)
        if invitation is not None:
            invitation = invitation.strip()[:64] or None
        if mode == "invitation" and invitation is None and await users(self.db.reads).any():
            raise InvalidInput(
                "This site takes new members by invitation. Ask somebody who is here for a link.",
                field="invitation",
                reason="blank",
            )
        password_hash = await self._passwords.hash(password)
        async with self.db.transaction() as tx:
            now = self._now()
            first = await _is_first(tx)
            invitation_id = None
            if invitation is not None and not first:
                invitation_id = await self._use_invitation(tx, invitation)
            waits = mode == "approval" and not first and invitation_id is None
            state = State.PENDING if waits else State.ACTIVE
            role = Role.OWNER if first else Role.USER
            account_id = await _insert(
                tx, name, email, password_hash, state, role, language, reason, invitation_id
            )
            # Only the mail is limited: a limit on sign-ups would let a stranger lock out the owner of the address.
            if await email_tokens(tx).asked_for_address(email, "confirm", now - WELCOMES_IN) < WELCOMES:
                await request_link(tx, now, account_id, email, "confirm", "mail.welcome")
            if waits:
                await notify_all(tx, await users(tx).moderators(), NotificationKind.SIGN_UP, account_id)
            account = await accounts(tx).by_id(account_id)
        self._poke()
        await self._jobs.announce()
        log.info("account {account} signed up as {role}, {state}", account=account_id, role=role, state=state)
        assert account is not None
        return account

    @retried
    async def create(
        self, name: str, email: str, role: Role = Role.USER, *, password: str | None = None
    ) -> tuple[Account, str]:
        """Create an active account on the console. Return it with its password, which is generated if None.

        The first account is the owner's, whatever ``role`` says. The mail address counts as confirmed. Raises
        InvalidInput, also where another account has confirmed the address.
        """
        name, email = validation.user_name(name, allow_reserved=True), validation.email(email)
        password = password or new_password()
        password_hash = await self._passwords.hash(password)
        async with self.db.transaction() as tx:
            if await _is_first(tx):
                role = Role.OWNER
            account_id = await _insert(
                tx, name, email, password_hash, State.ACTIVE, role, confirmed_at=self._now()
            )
            account = await accounts(tx).by_id(account_id)
        assert account is not None
        return account, password

    async def _use_invitation(self, tx: Any, code: str) -> int | None:
        """Use up a place of an invitation and return its id; None where it is invalid and registration is open.

        Raises InvalidInput for an invalid invitation where registration is not open.
        """
        mode = self.config.registration
        inviter: int | None = await invitations(tx).inviter(code)
        if inviter is not None:
            await accounts(tx).lock([inviter])
        invitation_id: int | None = await invitations(tx).use(code, self._now(), mode == "approval")
        if invitation_id is None and mode != "open":
            raise InvalidInput(
                "This invitation can't be used any more. Ask for a new one.", field="invitation"
            )
        return invitation_id


def new_password() -> str:
    """Return a random password of 96 bits, for its owner to change."""
    return secrets.token_urlsafe(12)


async def _is_first(tx: Any) -> bool:
    """Return whether the site has no account yet. If so, all other sign-ups wait until this transaction ends."""
    if await users(tx).any():
        return False
    await users(tx).lock_sign_up()
    return not await users(tx).any()


async def _insert(
    tx: Any,
    name: str,
    email: str,
    password_hash: str,
    state: State,
    role: Role,
    language: str | None = None,
    reason: str = "",
    invitation_id: int | None = None,
    *,
    confirmed_at: datetime | None = None,
) -> int:
    """Insert an account with its user and return its id. Raises InvalidInput where the name or address is taken."""
    if await accounts(tx).reserved(name):
        raise _taken(Conflict(constraint="accounts_address"))
    try:
        account_id: int = await accounts(tx).insert(name, state.value, document(name))
        await users(tx).insert(
            account_id, email, password_hash, role.value, language, reason, invitation_id, confirmed_at
        )
    except Conflict as error:
        raise _taken(error) from error
    return account_id


def _reason(raw: str) -> str:
    reason = normalise(raw)
    if len(reason) > LONGEST_REASON:
        raise InvalidInput(
            f"Say it in {LONGEST_REASON} characters at most.", field="reason", reason="too_long"
        )
    return reason


def _taken(error: Conflict) -> MicroblogError:
    if error.constraint == "accounts_address":
        return InvalidInput("This name is taken. Choose another.", field="name", reason="taken")
    if error.constraint == "users_confirmed_email":
        return InvalidInput("Somebody here has this e-mail address already.", field="email", reason="taken")
    return error
