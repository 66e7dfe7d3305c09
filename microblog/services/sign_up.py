"""Becoming a member: registration in its four modes, invitations, approval."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import Any

from twisted.logger import Logger

from microblog.domain import validation
from microblog.domain.accounts import Account, Invitation, Role, State, Viewer
from microblog.domain.errors import Conflict, Forbidden, InvalidInput, MicroblogError, NotFound
from microblog.domain.events import NotificationKind
from microblog.domain.language import known_language
from microblog.domain.search import document
from microblog.domain.text import normalise
from microblog.services.holding import hold
from microblog.services.notify import notify_all
from microblog.services.people import People, require_moderator
from microblog.store.accounts import Locked, accounts
from microblog.store.invitations import invitations
from microblog.store.jobs import jobs
from microblog.store.locks import retried
from microblog.store.users import email_tokens, users

log = Logger()

LONGEST_REASON = 2000
MOST_INVITATIONS = 100
#: Welcomes to one address in WELCOMES_IN, whoever signs up with it. Later, the account's settings send the link again.
WELCOMES = 12
WELCOMES_IN = timedelta(hours=1)


class SignUp(People):
    """Part of :class:`microblog.services.accounts.Accounts`."""

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
        """Sign up. The very first account is the owner's, and active at once; under ``approval`` others wait.

        A valid invitation spares the wait.  Raises InvalidInput (``field`` is ``name``, ``email``, ``password``,
        ``reason`` or ``invitation``), Forbidden where registration is closed.

        Whether somebody has the mail address already shows nowhere: the account is made all the same, with the same
        work.  Its mail decides (``OutgoingMail.confirmation``): an owner of the address is told of the attempt, and
        gets no link that would confirm it for the new account.
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
            first = await self._first(tx)
            invitation_id = None
            if invitation is not None and not first:
                inviter: int | None = await invitations(tx).inviter(invitation)
                if inviter is not None:
                    await accounts(tx).lock([inviter])
                invitation_id = await invitations(tx).use(invitation, self._now(), mode == "approval")
                if invitation_id is None and mode != "open":
                    raise InvalidInput(
                        "This invitation can't be used any more. Ask for a new one.",
                        field="invitation",
                    )
            waits = mode == "approval" and not first and invitation_id is None
            state = State.PENDING if waits else State.ACTIVE
            role = Role.OWNER if first else Role.USER
            account_id = await self._insert(
                tx, name, email, password_hash, state, role, language, reason, invitation_id, confirmed=False
            )
            # Only the mail stays away, so that nobody can keep the owner of an address from signing up with it.
            if await email_tokens(tx).asked_for_address(email, "confirm", now - WELCOMES_IN) < WELCOMES:
                await self._ask_for_link(tx, account_id, email, "confirm", "mail.welcome")
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
        """An account made on the console, active, with a new password, which is returned this once.

        The first is the owner, whatever ``role`` says. Their address counts as confirmed. Raises InvalidInput, also
        for an address that is somebody's.
        """
        name, email = validation.user_name(name, allow_reserved=True), validation.email(email)
        password = password or new_password()
        password_hash = await self._passwords.hash(password)
        async with self.db.transaction() as tx:
            first = await self._first(tx)
            account_id = await self._insert(
                tx,
                name,
                email,
                password_hash,
                State.ACTIVE,
                Role.OWNER if first else role,
                None,
                "",
                None,
                confirmed=True,
            )
            account = await accounts(tx).by_id(account_id)
        assert account is not None
        return account, password

    @retried
    async def invite(self, viewer: Viewer, uses: int = 1, days: int = 7) -> Invitation:
        """A link that lets ``uses`` people sign up within ``days`` (0: for good).

        Raises InvalidInput; Unauthenticated where the viewer's session has ended; Forbidden where registration is
        closed, or asks for approval, which a member's word does not replace.
        """
        if self.config.registration == "closed":
            raise Forbidden("This site takes no new members.")
        moderators = self.config.registration == "approval"
        if not 1 <= uses <= 100:
            raise InvalidInput("An invitation is good for 1 to 100 people.", field="uses")
        if not 0 <= days <= 365:
            raise InvalidInput("An invitation lasts up to 365 days; 0 is for good.", field="days")
        now = self._now()
        async with self.db.transaction() as tx:
            await hold(tx, viewer, now)
            if moderators and not (await users(tx).by_id(viewer.id)).role.moderates:
                raise Forbidden("On this site moderators decide who joins, so only they can invite.")
            if len(await invitations(tx).of(viewer.id, now)) >= MOST_INVITATIONS:
                raise InvalidInput("You have too many invitations. Withdraw one that you don't need.")
            made: Invitation = await invitations(tx).insert(
                secrets.token_urlsafe(12), viewer.id, now + timedelta(days=days) if days else None, uses
            )
        return made

    async def invitations(self, viewer: Viewer) -> list[Invitation]:
        """The viewer's that can still be used, newest first."""
        found: list[Invitation] = await invitations(self.db.reads).of(viewer.id, self._now())
        return found

    @retried
    async def withdraw(self, viewer: Viewer, invitation_id: int) -> None:
        """Nobody can use it any more. Raises NotFound unless it is the viewer's."""
        async with self.db.transaction() as tx:
            if await invitations(tx).delete(invitation_id, viewer.id) is None:
                raise NotFound()

    async def can_join(self, code: str) -> bool:
        """Return whether the invitation ``code`` can be used at this moment."""
        by_moderators = self.config.registration == "approval"
        found: bool = await invitations(self.db.reads).usable(code[:64], self._now(), by_moderators)
        return found

    async def pending(self, viewer: Viewer) -> list[tuple[Account, str]]:
        """Who waits for approval, and why they want in, oldest first. Raises Forbidden."""
        require_moderator(viewer)
        found: list[tuple[Account, str]] = await users(self.db.reads).pending()
        return found

    @retried
    async def approve(self, viewer: Viewer, account_id: int) -> Account:
        """They are in, and get a mail that says so. Raises Forbidden; NotFound unless they wait."""
        require_moderator(viewer)
        async with self.db.transaction() as tx:
            await self._waiting(tx, account_id)
            account: Account = await accounts(tx).set_state(account_id, State.ACTIVE.value)
            await jobs(tx).put("mail.approved", json.dumps({"account": account_id}), None, 0.0)
        await self._jobs.announce()
        log.info("account {account} was approved by {by}", account=account_id, by=viewer.id)
        return account

    @retried
    async def turn_down(self, viewer: Viewer, account_id: int) -> None:
        """They are not let in: what they typed is deleted, the name is free. Raises as ``approve`` does."""
        require_moderator(viewer)
        async with self.db.transaction() as tx:
            await self._waiting(tx, account_id)
            await accounts(tx).delete(account_id)
        log.info("account {account} was turned down by {by}", account=account_id, by=viewer.id)

    async def _waiting(self, tx: Any, account_id: int) -> None:
        held: list[Locked] = await accounts(tx).lock([account_id])
        if not held or held[0].state is not State.PENDING:
            raise NotFound("They don't wait any more: another moderator may have been quicker.")

    async def _first(self, tx: Any) -> bool:
        """Whether nobody is here yet. If so, whoever else signs up at this moment waits for this transaction."""
        if await users(tx).any():
            return False
        await users(tx).alone()
        return not await users(tx).any()

    async def _insert(
        self,
        tx: Any,
        name: str,
        email: str,
        password_hash: str,
        state: State,
        role: Role,
        language: str | None,
        reason: str,
        invitation_id: int | None,
        *,
        confirmed: bool,
    ) -> int:
        if await accounts(tx).reserved(name):
            raise _taken(Conflict(constraint="accounts_address"))
        try:
            account_id: int = await accounts(tx).insert(name, state.value, document(name))
            await users(tx).insert(
                account_id,
                email,
                password_hash,
                role.value,
                language,
                reason,
                invitation_id,
                self._now() if confirmed else None,
            )
        except Conflict as error:
            raise _taken(error) from error
        return account_id


def new_password() -> str:
    """A password that nobody guesses, for somebody to change."""
    return secrets.token_urlsafe(12)


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
