"""Moderation: approving sign-ups, suspending accounts, giving roles."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from twisted.logger import Logger

from microblog.domain.accounts import Account, Role, State, User, Viewer
from microblog.domain.errors import Forbidden, InvalidInput, NotFound
from microblog.domain.posts import Page, Span
from microblog.services.accounts import Accounts
from microblog.services.jobs import Jobs
from microblog.services.revocation import revoke_account
from microblog.store.accounts import Locked, accounts
from microblog.store.engine.database import Database
from microblog.store.engine.paging import bounds, page
from microblog.store.jobs import jobs
from microblog.store.like_patterns import beginning_with
from microblog.store.locks import retried
from microblog.store.users import users

log = Logger()

#: Roles from the least to the most powerful. Only a higher role may suspend an account.
_RANKS: Final = [Role.USER, Role.MODERATOR, Role.ADMIN, Role.OWNER]


class Moderation:
    """The use cases of moderators, on the website and on the console.

    ``poke`` tells the dispatcher that there is an event.
    """

    def __init__(self, *, db: Database, accounts: Accounts, jobs: Jobs, poke: Callable[[], None]) -> None:
        self.db = db
        self._accounts = accounts
        self._jobs = jobs
        self._poke = poke

    async def accounts(self, viewer: Viewer, query: str, span: Span) -> Page[tuple[Account, User]]:
        """Return the accounts whose name begins with ``query``, newest first.

        Administrators also find accounts by their mail address. Raises Forbidden unless the viewer is a moderator.
        """
        require_moderator(viewer)
        pattern = beginning_with(query.strip().removeprefix("@").lower())
        rows: list[tuple[Account, User]] = await users(self.db.reads).listing(
            pattern, viewer.role.administers, **bounds(span)
        )
        return page(rows, span, lambda each: each[0].id)

    async def pending(self, viewer: Viewer) -> list[tuple[Account, str]]:
        """Return the accounts that wait for approval with their reasons to join, oldest first. Raises Forbidden."""
        require_moderator(viewer)
        pending: list[tuple[Account, str]] = await users(self.db.reads).pending()
        return pending

    @retried
    async def approve(self, viewer: Viewer, account_id: int) -> Account:
        """Make a pending account active, and mail its owner. Raises Forbidden; NotFound unless it is pending."""
        require_moderator(viewer)
        async with self.db.transaction() as tx:
            await _lock_pending(tx, account_id)
            account: Account = await accounts(tx).set_state(account_id, State.ACTIVE.value)
            await jobs(tx).put("mail.approved", json.dumps({"account": account_id}), None, 0.0)
        await self._jobs.announce()
        log.info("account {account} was approved by {by}", account=account_id, by=viewer.id)
        return account

    @retried
    async def turn_down(self, viewer: Viewer, account_id: int) -> None:
        """Delete a pending account, which frees its name. Raises Forbidden; NotFound unless it is pending."""
        require_moderator(viewer)
        async with self.db.transaction() as tx:
            await _lock_pending(tx, account_id)
            await accounts(tx).delete(account_id)
        log.info("account {account} was turned down by {by}", account=account_id, by=viewer.id)

    @retried
    async def suspend(self, name: str, *, by: Viewer | None = None) -> Account:
        """End all sessions and tokens of an account and hide its posts, until ``unsuspend``.

        ``by`` is the moderator, or None on the console. Raises NotFound; Forbidden; InvalidInput for a pending account,
        because unsuspending it would approve it.
        """
        account, user = await self._accounts.in_any_state(name)
        _require_rank_above(by, account, user)
        if account.state is State.PENDING:
            raise InvalidInput(f"@{account.name} is not in yet. Turn the request down instead.", "name")
        async with self.db.transaction() as tx:
            await accounts(tx).lock([account.id])
            # The role may have changed since it was read.
            _require_rank_above(by, account, await users(tx).by_id(account.id))
            account = await accounts(tx).set_state(account.id, State.SUSPENDED.value)
            await revoke_account(tx, account.id)
        self._poke()
        log.info("account {account} was suspended", account=account.id)
        return account

    @retried
    async def unsuspend(self, name: str, *, by: Viewer | None = None) -> Account:
        """End a suspension, so that the account and its posts are visible again. Raises NotFound, Forbidden."""
        account, user = await self._accounts.in_any_state(name)
        _require_rank_above(by, account, user)
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
        account, _ = await self._accounts.in_any_state(name)
        async with self.db.transaction() as tx:
            locked: list[Locked] = await accounts(tx).lock([account.id])
            user: User = await users(tx).by_id(account.id)
            if user.role is Role.OWNER and role is not Role.OWNER:
                raise InvalidInput(f"@{account.name} owns this site. Make somebody else its owner first.")
            if role is Role.OWNER and locked[0].state is not State.ACTIVE:
                raise InvalidInput(
                    f"@{account.name} is {locked[0].state.value}, so they can't own this site. Make the account active "
                    "first, or choose another."
                )
            if role is Role.OWNER:
                await users(tx).step_down()
            await users(tx).set_role(account.id, role.value)
        return account


def require_moderator(viewer: Viewer) -> None:
    """Raise Forbidden unless the viewer is a moderator, administrator or owner."""
    if not viewer.role.moderates:
        raise Forbidden("This is for the moderators of this site.")


def _require_rank_above(by: Viewer | None, account: Account, user: User) -> None:
    """Raise Forbidden unless ``by`` (None: the console) may suspend the account."""
    if user.role is Role.OWNER:
        raise Forbidden("The owner of a site can't be suspended.")
    if by is None:
        return
    require_moderator(by)
    if _RANKS.index(by.role) <= _RANKS.index(user.role):
        raise Forbidden(f"@{account.name} helps to run this site. Only somebody above them can do this.")


async def _lock_pending(tx: Any, account_id: int) -> None:
    locked: list[Locked] = await accounts(tx).lock([account_id])
    if not locked or locked[0].state is not State.PENDING:
        raise NotFound("They don't wait any more: another moderator may have been quicker.")
