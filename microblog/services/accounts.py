"""Accounts: signing up, profiles, credentials, and their end.

The class is put together from four parts, one idea a file: ``sign_up.py``, ``profiles.py``, ``credentials.py``, and
here suspension, roles and deletion.
"""

from __future__ import annotations

import json
from typing import Final

from twisted.logger import Logger

from microblog.domain.accounts import Account, Role, State, User, Viewer
from microblog.domain.errors import Forbidden, InvalidInput, Unavailable
from microblog.domain.posts import Page, Span
from microblog.services.credentials import Credentials
from microblog.services.erasing import ERASE, Erasing
from microblog.services.people import require_moderator
from microblog.services.profiles import Profiles
from microblog.services.sign_up import SignUp
from microblog.store.accounts import Locked, accounts
from microblog.store.engine.paging import bounds, page
from microblog.store.erasing import erasing
from microblog.store.jobs import jobs
from microblog.store.like_patterns import beginning_with
from microblog.store.locks import retried
from microblog.store.users import users

log = Logger()

#: Seconds that a request deletes rows of its account itself; what is left then is the job's.
AT_ONCE: Final = 1.0
#: Seconds until the job begins: most accounts are gone by then, and it finds nothing to do.
ERASE_DELAY: Final = 3.0

_RANKS = [Role.USER, Role.MODERATOR, Role.ADMIN, Role.OWNER]


class Accounts(SignUp, Profiles, Credentials):
    """All that concerns an account as a whole."""

    async def all(self) -> list[tuple[Account, User]]:
        """Everybody of this site, oldest first: for the console."""
        found: list[tuple[Account, User]] = await users(self.db.reads).everyone()
        return found

    async def named(self, name: str) -> tuple[Account, User]:
        """Somebody in whatever state: for the console. Raises NotFound."""
        return await self._by_name(name)

    async def listing(self, viewer: Viewer, looked_for: str, span: Span) -> Page[tuple[Account, User]]:
        """Everybody whose name begins so, newest first; administrators find them by mail address as well.

        Raises Forbidden.
        """
        require_moderator(viewer)
        pattern = beginning_with(looked_for.strip().removeprefix("@").lower())
        found: list[tuple[Account, User]] = await users(self.db.reads).listing(
            pattern, viewer.role.administers, **bounds(span)
        )
        return page(found, span, lambda each: each[0].id)

    @retried
    async def suspend(self, name: str, *, by: Viewer | None = None) -> Account:
        """Logged out everywhere, and nobody sees what they wrote, until ``unsuspend``.

        ``by`` is who does it, None on the console. Raises NotFound, Forbidden, InvalidInput for one who waits for
        approval: unsuspending them would be an approval nobody gave.
        """
        account, user = await self._by_name(name)
        self._may_judge(by, account, user)
        if account.state is State.PENDING:
            raise InvalidInput(f"@{account.name} is not in yet. Turn the request down instead.", "name")
        async with self.db.transaction() as tx:
            await accounts(tx).lock([account.id])
            self._may_judge(by, account, await users(tx).by_id(account.id))  # the role may be another by now
            account = await accounts(tx).set_state(account.id, State.SUSPENDED.value)
            await self._revoke_account(tx, account.id)
        self._poke()
        log.info("account {account} was suspended", account=account.id)
        return account

    @retried
    async def unsuspend(self, name: str, *, by: Viewer | None = None) -> Account:
        """They are back, with all they wrote. Raises NotFound, Forbidden."""
        account, user = await self._by_name(name)
        self._may_judge(by, account, user)
        if account.state is State.SUSPENDED:
            async with self.db.transaction() as tx:
                account = await accounts(tx).set_state(account.id, State.ACTIVE.value)
            log.info("account {account} is back from suspension", account=account.id)
        return account

    @retried
    async def set_role(self, name: str, role: Role) -> Account:
        """Give an account another role, on the console. A new owner makes the old one an administrator.

        Raises NotFound; InvalidInput for the owner, and for a new owner whose account is not active.
        """
        account, _ = await self._by_name(name)
        async with self.db.transaction() as tx:
            held: list[Locked] = await accounts(tx).lock([account.id])
            user: User = await users(tx).by_id(account.id)
            if user.role is Role.OWNER and role is not Role.OWNER:
                raise InvalidInput(f"@{account.name} owns this site. Make somebody else its owner first.")
            if role is Role.OWNER and held[0].state is not State.ACTIVE:
                raise InvalidInput(
                    f"@{account.name} is {held[0].state.value}, so they can't own this site. Make the account active "
                    "first, or choose another."
                )
            if role is Role.OWNER:
                await users(tx).step_down()
            await users(tx).set_role(account.id, role.value)
        return account

    async def delete(self, viewer: Viewer, password: str) -> None:
        """Delete the viewer's account with all it wrote and did. Its name stays taken, as others' posts name it.

        The account disappears at once. Its rows are deleted in batches, those of a large account by a job.

        Raises InvalidInput for a wrong password; Forbidden for the owner of a site with others on it.
        """
        user = await self._prove(viewer, password, field="password")
        if user.role is Role.OWNER and await users(self.db.reads).others(viewer.id):
            raise Forbidden(
                "You own this site. Hand it over first: microblog account role NAME owner, on the console."
            )
        await self._hide(viewer, user)
        self._poke()
        log.info("account {account} deleted itself", account=viewer.id)
        try:
            await Erasing(self.db, self._poke).erase(viewer.id, AT_ONCE)
        except Unavailable as error:
            log.info("the job deletes account {account}: {reason}", account=viewer.id, reason=error.text)

    @retried
    async def _hide(self, viewer: Viewer, proven: User) -> None:
        """From this transaction on the account does not exist for anybody; a job deletes its rows."""
        async with self.db.transaction() as tx:
            await self._hold_proven(tx, viewer, proven)
            await erasing(tx).hide(viewer.id)
            await self._revoke_account(tx, viewer.id)
            await accounts(tx).reserve(viewer.account.name)
            await erasing(tx).forget_user(viewer.id)
            await jobs(tx).put(ERASE, json.dumps({"account": viewer.id}), f"{ERASE}:{viewer.id}", ERASE_DELAY)

    def _may_judge(self, by: Viewer | None, account: Account, user: User) -> None:
        if user.role is Role.OWNER:
            raise Forbidden("The owner of a site can't be suspended.")
        if by is None:
            return
        require_moderator(by)
        if _RANKS.index(by.role) <= _RANKS.index(user.role):
            raise Forbidden(f"@{account.name} helps to run this site. Only somebody above them can do this.")
