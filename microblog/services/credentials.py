"""Passwords and mail addresses: changing them, setting a new password by mail, confirming an address.

An account owns a mail address once it has confirmed it. People can type addresses of others, so an unconfirmed address
proves nothing and blocks nobody: several accounts may have it, and the one that can read the mailbox confirms it. No
method reveals whether an account owns an address: the mail jobs decide what depends on it.
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

#: Mails for a new password to one account in :data:`RESET_LIFE`: requested from one network, and in all.
RESETS: Final = 3
RESETS_IN_ALL: Final = 12
#: Links to confirm an address that one account may request in :data:`CONFIRMATIONS_IN`.
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
        """Change the viewer's password, and end all their other sessions and all tokens in the same transaction.

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
        """Queue a job that mails a link for a new password if an account has the address.

        The job looks the address up, so that neither the answer nor its time shows whether it is known. ``place`` is
        the network of the request (an `address_key`): each network has its own limit of mails to one account.

        Raises InvalidInput for text that is not a mail address.
        """
        payload = {"email": validation.email(email)}
        await self._jobs.put("password.asked", payload if place is None else {**payload, "place": place})

    async def request_reset(self, email: str, place: str | None = None) -> None:
        """Queue the mail with the link, unless there were too many. The job of ``ask_for_reset`` calls this.

        If no account has confirmed the address, each account that typed it gets a mail, which names the account.

        Raises InvalidInput.
        """
        recipients: list[tuple[Account, User]] = await users(self.db.reads).by_email(validation.email(email))
        if recipients and recipients[0][1].email_confirmed_at is not None:
            del recipients[1:]
        for account, user in recipients:
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
        """Return the account of a mailed link; ``purpose`` is "reset" or "confirm".

        Raises Gone for a link that is used, expired or invalid.
        """
        account_id: int | None = await email_tokens(self.db.reads).whose(digest(token), purpose, self._now())
        account = None if account_id is None else await accounts(self.db.reads).by_id(account_id)
        if account is None:
            raise _link_ended()
        return account

    async def reset(self, token: str, password: str) -> None:
        """Set a new password by a mailed link, which works once. All sessions and tokens end.

        Raises Gone for a link that is used, expired or invalid; InvalidInput for the password.
        """
        token_hash = digest(token)
        account_id: int | None = await email_tokens(self.db.reads).whose(token_hash, "reset", self._now())
        found = None if account_id is None else await users(self.db.reads).person(account_id)
        if found is None:
            raise _link_ended()
        account, user = found
        password_hash = await self._passwords.hash(validation.password(password, account.name, user.email))
        async with self.db.transaction() as tx:
            await accounts(tx).lock([account.id])
            used: tuple[int, str] | None = await email_tokens(tx).use(token_hash, "reset", self._now())
            if used is None:
                raise _link_ended()
            await users(tx).set_password(account.id, password_hash)
            await users(tx).confirm(account.id, used[1])  # the link proves access to the mailbox
            await end_credentials(tx, account.id)
        self._poke()
        log.info("account {account} reset its password", account=account.id)

    async def change_email(self, viewer: Viewer, password: str, email: str) -> str:
        """Request a change of the viewer's mail address, and return the new one in its canonical form.

        A link goes to the new address, a notice to the present one, which stays in use until the link is used. If
        another account owns the new address, the method behaves the same, and that account gets a warning.

        Raises InvalidInput with ``field`` ``email`` or ``password``; RateLimited.
        """
        email = validation.email(email)
        user = await self.prove_password(viewer, password, field="password")
        async with self.db.transaction() as tx:
            held = await self.lock_proven(tx, viewer, user)
            if email.lower() == held.email.lower():
                raise InvalidInput("This is your address already.", field="email", reason="same")
            await self._send_confirmation(tx, viewer.id, email)
            await users(tx).set_pending(viewer.id, email)
            # An unconfirmed address may belong to a person who has nothing to do with this site.
            if held.email_confirmed_at is not None:
                payload = {"account": viewer.id, "to": held.email}
                await jobs(tx).put("mail.changing", json.dumps(payload), None, 0.0)
        await self._jobs.announce()
        log.info("account {account} asks for another mail address", account=viewer.id)
        return email

    async def keep_email(self, viewer: Viewer) -> None:
        """Cancel the viewer's pending change of the mail address, which voids its link."""
        async with self.db.transaction() as tx:
            await users(tx).set_pending(viewer.id, None)

    async def resend_confirmation(self, viewer: Viewer) -> str:
        """Mail the confirmation link again, and return the address that it goes to.

        Raises Conflict when no address waits for confirmation; RateLimited.
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
        """Confirm a mail address by a mailed link, and use it from now on. Raises Gone."""
        token_hash = digest(token)
        async with self.db.transaction() as tx:
            owner: int | None = await email_tokens(tx).whose(token_hash, "confirm", self._now())
            if owner is not None:
                await accounts(tx).lock([owner])
            used: tuple[int, str] | None = await email_tokens(tx).use(token_hash, "confirm", self._now())
            if used is None:
                raise _link_ended()
            account_id, email = used
            before: User = await users(tx).lock(account_id)
            try:
                confirmed: int | None = await users(tx).confirm(account_id, email)
            except Conflict as error:
                raise _not_pending() from error
            if confirmed is None:
                raise _not_pending()
            if email.lower() != before.email.lower():
                # Links in the old mailbox: another person may read it, and that may be why it was given up.
                await email_tokens(tx).void(account_id, "reset")
                log.info("account {account} changed its mail address", account=account_id)

    async def reset_password(self, name: str) -> str:
        """Set a random password on the console and return it. All sessions and tokens end. Raises NotFound."""
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
        """Lock the viewer's account and user after ``prove_password``, and return the user.

        Raises Conflict if the password was changed since then; Unauthenticated if the viewer's session or token has
        ended.
        """
        await hold(tx, viewer, self._now())
        held: User = await users(tx).lock(viewer.id)
        if held.password_hash != proven.password_hash:
            raise Conflict("Your password was changed somewhere else just now. Log in with that one.")
        return held

    async def prove_password(self, viewer: Viewer, password: str, field: str) -> User:
        """Return the viewer's user if ``password`` is theirs. Raises InvalidInput, with ``field``, if not."""
        user: User = await users(self.db.reads).by_id(viewer.id)
        right, _ = await self._passwords.verify(user.password_hash, password)
        if not right:
            raise InvalidInput("This is not your password.", field=field, reason="wrong")
        return user


def _not_pending() -> Gone:
    return Gone(
        "This address is no longer the one to confirm: it was changed, or another account here has it."
    )


def _link_ended() -> Gone:
    return Gone("This link was used already, or is too old. Ask for a new one.")
