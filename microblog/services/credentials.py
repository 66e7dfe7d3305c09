"""Passwords and mail addresses: changing one, a new password by mail, and the confirmation of an address.

A mail address is somebody's once they have confirmed it.  Anybody can type one that is not theirs, so until then it
proves nothing and bars nobody: several may have typed it, and whoever has the mailbox is the one who can confirm it.
Nothing here says whether an address is somebody's: what depends on it is decided where mail is sent, out of sight.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from twisted.logger import Logger

from microblog.domain import validation
from microblog.domain.accounts import Account, State, User, Viewer
from microblog.domain.errors import Conflict, Gone, InvalidInput, RateLimited
from microblog.services.accounts import Accounts
from microblog.services.holding import hold
from microblog.services.jobs import Jobs
from microblog.services.mailed_links import RESET_LIFE, request_link
from microblog.services.passwords import Passwords
from microblog.services.revocation import end_credentials
from microblog.services.secret_tokens import digest
from microblog.services.sign_up import new_password
from microblog.store.accounts import Locked, accounts
from microblog.store.engine.database import Database
from microblog.store.jobs import jobs
from microblog.store.users import email_tokens, users

log = Logger()

#: Mails for a new password to one account in :data:`RESET_LIFE`: those asked for from one network, and all of them.
RESETS: Final = 3
RESETS_IN_ALL: Final = 12
#: Links to confirm an address that one account may have sent in :data:`CONFIRMATIONS_IN`.
CONFIRMATIONS: Final = 5
CONFIRMATIONS_IN: Final = timedelta(hours=1)


class Credentials:
    """Changes passwords and mail addresses. ``poke`` tells the dispatcher of events; ``now`` is the time, in UTC."""

    def __init__(
        self,
        *,
        db: Database,
        accounts: Accounts,
        passwords: Passwords,
        jobs: Jobs,
        poke: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self.db = db
        self._accounts = accounts
        self._passwords = passwords
        self._jobs = jobs
        self._poke = poke
        self._now = now

    async def change_password(self, viewer: Viewer, old: str, new: str) -> None:
        """All other sessions and all tokens end in the same transaction; the one that asks goes on.

        Raises InvalidInput with ``field`` ``old`` or ``password``.
        """
        user = await self.prove_password(viewer, old, field="old")
        new = validation.password(new, viewer.account.name, user.email)
        password_hash = await self._passwords.hash(new)
        async with self.db.transaction() as tx:
            await self.lock_proven(tx, viewer, user)
            await users(tx).set_password(viewer.id, password_hash)
            await end_credentials(tx, viewer.id, viewer.session_id)
        self._poke()
        log.info("account {account} changed its password", account=viewer.id)

    async def ask_for_reset(self, email: str, place: str | None = None) -> None:
        """Have a link for a new password mailed, if it is somebody's address; a job looks, so that nothing tells, not
        even the time that this takes. Raises InvalidInput for what is no address at all.

        ``place`` is the network that asks (an `address_key`): each has its own share of the mails to one account.
        """
        payload = {"email": validation.email(email)}
        await self._jobs.put("password.asked", payload if place is None else {**payload, "place": place})

    async def request_reset(self, email: str, place: str | None = None) -> None:
        """The job's work: mail the link, if it is somebody's address and not asked for too often.

        Where nobody has confirmed the address, all who typed it get theirs: the mail says for which name. Raises
        InvalidInput.
        """
        found: list[tuple[Account, User]] = await users(self.db.reads).by_email(validation.email(email))
        if found and found[0][1].email_confirmed_at is not None:
            del found[1:]
        for account, user in found:
            if account.state is not State.SUSPENDED:
                await self._send_reset(account, user, place)

    async def _send_reset(self, account: Account, user: User, place: str | None) -> None:
        async with self.db.transaction() as tx:
            held: list[Locked] = await accounts(tx).lock([account.id])
            now = await users(tx).lock_existing(account.id)
            if now is None or held[0].state is State.SUSPENDED or now.email != user.email:
                return
            since = self._now() - RESET_LIFE
            everywhere, there = await email_tokens(tx).asked_since(account.id, "reset", since, place)
            if there >= RESETS or everywhere >= RESETS_IN_ALL:
                log.info("account {account} asks for a new password too often", account=account.id)
                return
            await request_link(tx, self._now(), account.id, user.email, "reset", "mail.reset", place=place)
        await self._jobs.announce()

    async def whose_link(self, token: str, purpose: str) -> Account:
        """Return the account that the link of a mail belongs to; ``purpose`` is "reset" or "confirm".

        Raises Gone for a link that is used, too old or never was.
        """
        found: int | None = await email_tokens(self.db.reads).whose(digest(token), purpose, self._now())
        account = None if found is None else await accounts(self.db.reads).by_id(found)
        if account is None:
            raise _gone()
        return account

    async def reset(self, token: str, password: str) -> None:
        """Set a new password by the link of a mail; all sessions and tokens end. The link works once.

        Raises Gone for a link that is used, too old or never was; InvalidInput for the password.
        """
        token_hash = digest(token)
        account_id: int | None = await email_tokens(self.db.reads).whose(token_hash, "reset", self._now())
        found = None if account_id is None else await users(self.db.reads).person(account_id)
        if found is None:
            raise _gone()
        account, user = found
        password_hash = await self._passwords.hash(validation.password(password, account.name, user.email))
        async with self.db.transaction() as tx:
            await accounts(tx).lock([account.id])
            used: tuple[int, str] | None = await email_tokens(tx).use(token_hash, "reset", self._now())
            if used is None:
                raise _gone()
            await users(tx).set_password(account.id, password_hash)
            await users(tx).confirm(account.id, used[1])  # whoever has the link has the mailbox
            await end_credentials(tx, account.id)
        self._poke()
        log.info("account {account} reset its password", account=account.id)

    async def change_email(self, viewer: Viewer, password: str, email: str) -> str:
        """Ask for another mail address, which is returned: a link goes to it, and a word of it to the one until now,
        which stays until the link is used.

        An address that is somebody's is taken like any other, and its owner is told. Raises InvalidInput with ``field``
        ``email`` or ``password``; RateLimited.
        """
        email = validation.email(email)
        user = await self.prove_password(viewer, password, field="password")
        async with self.db.transaction() as tx:
            held = await self.lock_proven(tx, viewer, user)
            if email.lower() == held.email.lower():
                raise InvalidInput("This is your address already.", field="email", reason="same")
            await self._send_confirmation(tx, viewer.id, email)
            await users(tx).set_pending(viewer.id, email)
            if (
                held.email_confirmed_at is not None
            ):  # else whoever has that mailbox may never have heard of this site
                payload = {"account": viewer.id, "to": held.email}
                await jobs(tx).put("mail.changing", json.dumps(payload), None, 0.0)
        await self._jobs.announce()
        log.info("account {account} asks for another mail address", account=viewer.id)
        return email

    async def keep_email(self, viewer: Viewer) -> None:
        """The address stays as it is after all; the link to confirm another is void."""
        async with self.db.transaction() as tx:
            await users(tx).set_pending(viewer.id, None)

    async def resend_confirmation(self, viewer: Viewer) -> str:
        """Mail the link once more to the address that waits, which is returned.

        Raises Conflict when none waits; RateLimited.
        """
        async with self.db.transaction() as tx:
            await hold(tx, viewer, self._now())
            email = (await users(tx).lock(viewer.id)).email_waiting
            if email is None:
                raise Conflict("Your address is confirmed already.")
            await self._send_confirmation(tx, viewer.id, email)
        await self._jobs.announce()
        return email

    async def _send_confirmation(self, tx: Any, account_id: int, email: str) -> None:
        since = self._now() - CONFIRMATIONS_IN
        asked, _ = await email_tokens(tx).asked_since(account_id, "confirm", since, None)
        if asked >= CONFIRMATIONS:
            raise RateLimited(
                "That is enough mail for now. Look among the spam, or try again in an hour.",
                CONFIRMATIONS_IN.total_seconds(),
            )
        await request_link(tx, self._now(), account_id, email, "confirm", "mail.confirm", to=email)

    async def confirm_email(self, token: str) -> None:
        """The link of a mail shows that the address is theirs; from now on it is the one in use. Raises Gone."""
        token_hash = digest(token)
        async with self.db.transaction() as tx:
            owner: int | None = await email_tokens(tx).whose(token_hash, "confirm", self._now())
            if owner is not None:
                await accounts(tx).lock([owner])
            used: tuple[int, str] | None = await email_tokens(tx).use(token_hash, "confirm", self._now())
            if used is None:
                raise _gone()
            account_id, email = used
            before: User = await users(tx).lock(account_id)
            try:
                confirmed: int | None = await users(tx).confirm(account_id, email)
            except Conflict as error:
                raise _not_theirs() from error
            if confirmed is None:
                raise _not_theirs()
            if email.lower() != before.email.lower():
                # Those in the mailbox until now: perhaps it was given up because somebody else reads it.
                await email_tokens(tx).void(account_id, "reset")
                log.info("account {account} changed its mail address", account=account_id)

    async def reset_password(self, name: str) -> str:
        """A new password, made on the console; all sessions and tokens end. Raises NotFound."""
        account, _ = await self._accounts.in_any_state(name)
        password = new_password()
        password_hash = await self._passwords.hash(password)
        async with self.db.transaction() as tx:
            await accounts(tx).lock([account.id])
            await users(tx).set_password(account.id, password_hash)
            await end_credentials(tx, account.id)
        self._poke()
        log.info("account {account} got a new password on the console", account=account.id)
        return password

    async def lock_proven(self, tx: Any, viewer: Viewer, proven: User) -> User:
        """Lock the viewer's account and user after ``_prove``.

        Raises Conflict where the password was changed since then; Unauthenticated where the viewer's session or token
        has ended.
        """
        await hold(tx, viewer, self._now())
        held: User = await users(tx).lock(viewer.id)
        if held.password_hash != proven.password_hash:
            raise Conflict("Your password was changed somewhere else just now. Log in with that one.")
        return held

    async def prove_password(self, viewer: Viewer, password: str, field: str) -> User:
        """The viewer as a user, once they have shown that they know their password. Raises InvalidInput."""
        user: User = await users(self.db.reads).by_id(viewer.id)
        right, _ = await self._passwords.verify(user.password_hash, password)
        if not right:
            raise InvalidInput("This is not your password.", field=field, reason="wrong")
        return user


def _not_theirs() -> Gone:
    return Gone(
        "This address is no longer the one to confirm: it was changed, or another account here has it."
    )


def _gone() -> Gone:
    return Gone("This link was used already, or is too old. Ask for a new one.")
