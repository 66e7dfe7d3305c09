"""Passwords: changing one, and getting a new one by mail."""

from __future__ import annotations

from typing import Final

from twisted.logger import Logger

from microblog.domain import names
from microblog.domain.accounts import Account, State, User, Viewer
from microblog.domain.errors import Conflict, Gone, InvalidInput
from microblog.services.people import RESET_LIFE, People
from microblog.services.secret_tokens import digest
from microblog.services.sign_up import new_password
from microblog.store.users import email_tokens, users

log = Logger()

#: Mails for a new password that one account may ask for in :data:`RESET_LIFE`.
RESETS: Final = 3


class Credentials(People):
    """Part of :class:`microblog.services.accounts.Accounts`."""

    async def change_password(self, viewer: Viewer, old: str, new: str) -> None:
        """All other sessions and all tokens end in the same transaction; the one that asks goes on.

        Raises InvalidInput with ``field`` ``old`` or ``password``.
        """
        user = await self._prove(viewer, old, field="old")
        new = names.password(new, viewer.account.name, user.email)
        password_hash = await self._passwords.hash(new)
        async with self.db.transaction() as tx:
            if (await users(tx).hold(viewer.id)).password_hash != user.password_hash:
                raise Conflict("Your password was changed somewhere else just now. Log in with that one.")
            await users(tx).set_password(viewer.id, password_hash)
            await self._end_everything(tx, viewer.id, viewer.session_id)
        self._poke()
        log.info("account {account} changed its password", account=viewer.id)

    async def request_reset(self, email: str) -> None:
        """Mail a link for a new password, if it is somebody's address and not asked for too often.

        Says nothing about either. Raises InvalidInput for what is no address at all.
        """
        found: tuple[Account, User] | None = await users(self.db.reads).by_email(names.email(email))
        if found is None or found[0].state is State.SUSPENDED:
            return
        account, user = found
        async with self.db.transaction() as tx:
            await users(tx).hold(account.id)
            if await email_tokens(tx).made_since(account.id, "reset", self._now() - RESET_LIFE) >= RESETS:
                log.info("account {account} asks for a new password too often", account=account.id)
                return
            await self._mail_secret(tx, account.id, user.email, "reset", "mail.reset")

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
        password_hash = await self._passwords.hash(names.password(password, account.name, user.email))
        async with self.db.transaction() as tx:
            used: tuple[int, str] | None = await email_tokens(tx).use(token_hash, "reset", self._now())
            if used is None:
                raise _gone()
            await users(tx).set_password(account.id, password_hash)
            await users(tx).confirm(account.id, used[1])  # whoever has the link has the mailbox
            await self._end_everything(tx, account.id)
        self._poke()
        log.info("account {account} reset its password", account=account.id)

    async def confirm_email(self, token: str) -> None:
        """The link of a mail shows that the address is theirs. Raises Gone."""
        async with self.db.transaction() as tx:
            used: tuple[int, str] | None = await email_tokens(tx).use(digest(token), "confirm", self._now())
            if used is None:
                raise _gone()
            await users(tx).confirm(*used)

    async def reset_password(self, name: str) -> str:
        """A new password, made on the console; all sessions and tokens end. Raises NotFound."""
        account, _ = await self._by_name(name)
        password = new_password()
        password_hash = await self._passwords.hash(password)
        async with self.db.transaction() as tx:
            await users(tx).set_password(account.id, password_hash)
            await self._end_everything(tx, account.id)
        self._poke()
        log.info("account {account} got a new password on the console", account=account.id)
        return password

    async def _prove(self, viewer: Viewer, password: str, field: str) -> User:
        """The viewer as a user, once they have shown that they know their password. Raises InvalidInput."""
        user: User = await users(self.db.reads).by_id(viewer.id)
        right, _ = await self._passwords.verify(user.password_hash, password)
        if not right:
            raise InvalidInput("This is not your password.", field=field, reason="wrong")
        return user


def _gone() -> Gone:
    return Gone("This link was used already, or is too old. Ask for a new one.")
