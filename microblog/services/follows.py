"""Relations between accounts: follows and follow requests, blocks, mutes.

Every change is one transaction that first locks both accounts, in the order of their ids, so that counters match the
rows and two accounts that act on each other at the same time cannot deadlock. All changes are idempotent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from microblog.domain.accounts import Account, Relationship, State, Viewer
from microblog.domain.errors import Forbidden, InvalidInput, NotFound
from microblog.domain.events import Kind, NotificationKind
from microblog.domain.posts import Page, Span
from microblog.domain.validation import known_name
from microblog.services.notifications import write
from microblog.store.accounts import Locked, accounts
from microblog.store.engine.database import Database
from microblog.store.engine.paging import bounds, page_of
from microblog.store.events import outbox
from microblog.store.follows import follows
from microblog.store.locks import retried
from microblog.store.notifications import notifications

#: The longest mute that ends. A longer one is cut to this.
LONGEST_MUTE = timedelta(days=3650)

#: The kind of the job that accepts waiting followers after their account was unlocked.
ACCEPT: Final = "follows.accept"
#: Seconds until the job begins. By then the request that unlocked the account has usually accepted all.
ACCEPT_DELAY: Final = 3.0
#: Requests that one transaction accepts.
ACCEPT_BATCH: Final = 200


class Follows:
    """Changes and lists relations. ``poke`` tells the dispatcher of an event; ``now`` is the time, in UTC."""

    def __init__(self, *, db: Database, poke: Callable[[], None], now: Callable[[], datetime]) -> None:
        self.db = db
        self._poke = poke
        self._now = now

    @retried
    async def follow(
        self, viewer: Viewer, account_id: int, *, show_boosts: bool = True, notify: bool = False
    ) -> Relationship:
        """Follow an account, or request to if it is locked. Repeating it changes the options of the follow.

        Raises NotFound; InvalidInput for the viewer's own account; Forbidden if either account blocks the other.
        """
        async with self._change(viewer, account_id, "follow") as (tx, target):
            if target.state is not State.ACTIVE:
                raise NotFound()
            if await follows(tx).blocked_either_way(viewer.id, account_id):
                raise Forbidden("You can't follow somebody who blocks you, or whom you block.")
            accepted, new = await follows(tx).put(
                viewer.id, account_id, not target.locked, show_boosts, notify
            )
            if new:
                if accepted:
                    await follows(tx).count(viewer.id, account_id, 1)
                kind = NotificationKind.FOLLOW if accepted else NotificationKind.FOLLOW_REQUEST
                await write.notify(tx, account_id, kind, viewer.id)
        return await self._relationship(self.db.reads, viewer, account_id)

    @retried
    async def unfollow(self, viewer: Viewer, account_id: int) -> Relationship:
        """End a follow, or withdraw a follow request."""
        async with self._change(viewer, account_id, "unfollow") as (tx, _):
            await self._remove(tx, viewer.id, account_id)
        return await self._relationship(self.db.reads, viewer, account_id)

    @retried
    async def remove_follower(self, viewer: Viewer, account_id: int) -> Relationship:
        """End an account's follow of the viewer. The account may follow again."""
        async with self._change(viewer, account_id, "remove") as (tx, _):
            await self._remove(tx, account_id, viewer.id)
        return await self._relationship(self.db.reads, viewer, account_id)

    @retried
    async def accept(self, viewer: Viewer, follower_id: int) -> Relationship:
        """Accept a follow request. Raises NotFound if the account neither requests to follow nor follows."""
        async with self._change(viewer, follower_id, "accept") as (tx, _):
            if await follows(tx).accept(follower_id, viewer.id) is not None:
                await follows(tx).count(follower_id, viewer.id, 1)
                await write.withdraw(tx, viewer.id, NotificationKind.FOLLOW_REQUEST, follower_id)
            elif not (await self._relationship(tx, viewer, follower_id)).followed_by:
                raise NotFound("This request to follow you was taken back, or answered already.")
        return await self._relationship(self.db.reads, viewer, follower_id)

    async def accept_waiting(self, account_id: int, patience: float) -> bool:
        """Accept everyone who asked to follow an account that is no longer locked, for about ``patience`` seconds.

        Return whether no request is left or the account is locked again. Raises Unavailable.
        """
        until = self.db.reactor.seconds() + patience
        while await self._accept_batch(account_id):
            self._poke()
            if self.db.reactor.seconds() >= until:
                return False
        return True

    @retried
    async def _accept_batch(self, account_id: int) -> bool:
        """Accept one batch of requests. Return whether there may be more."""
        async with self.db.transaction() as tx:
            waiting: list[int] = await follows(tx).waiting(account_id, ACCEPT_BATCH)
            if not waiting:
                return False
            locked: list[Locked] = await accounts(tx).lock([account_id, *waiting])
            if any(each.id == account_id and each.locked for each in locked):
                return False
            await follows(tx).accept_all(account_id, waiting)
        return True

    @retried
    async def reject(self, viewer: Viewer, follower_id: int) -> Relationship:
        """Reject a follow request, without a notification. Raises NotFound if the account follows already."""
        async with self._change(viewer, follower_id, "reject") as (tx, _):
            if await follows(tx).reject(follower_id, viewer.id) is not None:
                await write.withdraw(tx, viewer.id, NotificationKind.FOLLOW_REQUEST, follower_id)
            elif (await self._relationship(tx, viewer, follower_id)).followed_by:
                raise NotFound("They follow you already. Remove them from your followers instead.")
        return await self._relationship(self.db.reads, viewer, follower_id)

    @retried
    async def block(self, viewer: Viewer, account_id: int) -> Relationship:
        """Hide both accounts from each other, end follows both ways, and delete notifications about each other."""
        async with self._change(viewer, account_id, "block") as (tx, _):
            await follows(tx).block(viewer.id, account_id)
            await self._remove(tx, viewer.id, account_id)
            await self._remove(tx, account_id, viewer.id)
            await notifications(tx).forget(viewer.id, account_id)
        return await self._relationship(self.db.reads, viewer, account_id)

    @retried
    async def unblock(self, viewer: Viewer, account_id: int) -> Relationship:
        """Remove a block. Follows stay ended."""
        async with self._change(viewer, account_id, "unblock") as (tx, _):
            await follows(tx).unblock(viewer.id, account_id)
        return await self._relationship(self.db.reads, viewer, account_id)

    @retried
    async def mute(
        self, viewer: Viewer, account_id: int, *, notifications: bool = True, seconds: float | None = None
    ) -> Relationship:
        """Hide an account from the viewer's timelines for ``seconds``, or until ``unmute``, without a notification."""
        until: datetime | None = None
        if seconds is not None and seconds > 0:  # 0 means "indefinitely" in the Mastodon API
            until = self._now() + min(timedelta(seconds=min(seconds, 1e10)), LONGEST_MUTE)
        async with self._change(viewer, account_id, "mute") as (tx, _):
            await follows(tx).mute(viewer.id, account_id, notifications, until)
        return await self._relationship(self.db.reads, viewer, account_id)

    @retried
    async def unmute(self, viewer: Viewer, account_id: int) -> Relationship:
        """Remove a mute."""
        async with self._change(viewer, account_id, "unmute") as (tx, _):
            await follows(tx).unmute(viewer.id, account_id)
        return await self._relationship(self.db.reads, viewer, account_id)

    async def related(self, viewer: Viewer, name: str) -> Account:
        """Return an active account, or a suspended one that the viewer has a relation to, so that it can be removed.

        Raises NotFound.
        """
        known = known_name(name)
        found: Account | None = None if known is None else await accounts(self.db.reads).by_name(known)
        if found is None or found.state is State.PENDING:
            raise NotFound()
        if found.state is State.SUSPENDED:
            now = await self._relationship(self.db.reads, viewer, found.id)
            if not (now.blocking or now.muting or now.following or now.requested or now.followed_by):
                raise NotFound()
        return found

    async def relationships(self, viewer: Viewer, ids: Sequence[int]) -> list[Relationship]:
        """Return the viewer's relationships to accounts, without unknown ids. One query."""
        if not ids:
            return []
        found: list[Relationship] = await follows(self.db.reads).relationships(viewer.id, list(ids))
        return found

    async def requests(self, viewer: Viewer, span: Span) -> Page[Account]:
        """Return the accounts that request to follow the viewer, newest first."""
        found: list[tuple[int, Account]] = await follows(self.db.reads).followers(
            viewer.id, viewer.id, False, **bounds(span)
        )
        return page_of(found, span)

    async def requests_count(self, viewer: Viewer) -> int:
        """Count the viewer's follow requests, up to a thousand."""
        count: int = await follows(self.db.reads).count_waiting(viewer.id)
        return count

    async def followers(self, viewer: Viewer | None, account_id: int, span: Span) -> Page[Account]:
        """Return an account's followers, newest first; none if it hides them. Raises NotFound."""
        if await self._hidden(viewer, account_id):
            return Page(())
        found: list[tuple[int, Account]] = await follows(self.db.reads).followers(
            viewer.id if viewer else None, account_id, True, **bounds(span)
        )
        return page_of(found, span)

    async def following(self, viewer: Viewer | None, account_id: int, span: Span) -> Page[Account]:
        """Return the accounts that an account follows, newest first; none if it hides them. Raises NotFound."""
        if await self._hidden(viewer, account_id):
            return Page(())
        found: list[tuple[int, Account]] = await follows(self.db.reads).following(
            viewer.id if viewer else None, account_id, **bounds(span)
        )
        return page_of(found, span)

    async def blocks(self, viewer: Viewer, span: Span) -> Page[Account]:
        """Return the accounts that the viewer blocks, newest block first."""
        found: list[tuple[int, Account]] = await follows(self.db.reads).blocks(viewer.id, **bounds(span))
        return page_of(found, span)

    async def mutes(self, viewer: Viewer, span: Span) -> Page[Account]:
        """Return the accounts that the viewer mutes, newest mute first."""
        found: list[tuple[int, Account]] = await follows(self.db.reads).mutes(viewer.id, **bounds(span))
        return page_of(found, span)

    async def mute_ends(self, viewer: Viewer, account_ids: Sequence[int]) -> dict[int, datetime | None]:
        """Return the end of the mute for each of these accounts that the viewer mutes; None: it never ends."""
        return dict(await follows(self.db.reads).mute_ends(viewer.id, list(account_ids)))

    async def _hidden(self, viewer: Viewer | None, account_id: int) -> bool:
        """Return whether the account hides its followers and follows from the viewer. Raises NotFound."""
        account = await accounts(self.db.reads).by_id(account_id)
        if account is None or (account.state is not State.ACTIVE and not (viewer and viewer.role.moderates)):
            raise NotFound()
        return account.hide_collections and (viewer is None or viewer.id != account_id)

    @asynccontextmanager
    async def _change(self, viewer: Viewer, other_id: int, verb: str) -> AsyncIterator[tuple[Any, Locked]]:
        """Run a transaction that locks both accounts, yield it with the other account's row, and write the event."""
        if viewer.id == other_id:
            raise InvalidInput(f"You can't {verb} yourself.")
        async with self.db.transaction() as tx:
            yield tx, await self._hold(tx, viewer.id, other_id)
            await outbox(tx).put(Kind.RELATION.value, viewer.id, other_id, None, None)
        self._poke()

    async def _hold(self, tx: Any, viewer_id: int, other_id: int) -> Locked:
        """Lock both accounts and return the other's row. Raises NotFound."""
        held: list[Locked] = await accounts(tx).lock([viewer_id, other_id])
        for each in held:
            # Pending and deleted accounts do not exist for others.
            if each.id == other_id and each.state is not State.PENDING and not each.deleted:
                return each
        raise NotFound()

    async def _remove(self, tx: Any, follower_id: int, followee_id: int) -> None:
        counted = await follows(tx).remove(follower_id, followee_id)
        if counted:
            await follows(tx).count(follower_id, followee_id, -1)
            await write.withdraw(tx, followee_id, NotificationKind.FOLLOW, follower_id)
        elif counted is False:
            await write.withdraw(tx, followee_id, NotificationKind.FOLLOW_REQUEST, follower_id)

    async def _relationship(self, tx: Any, viewer: Viewer, account_id: int) -> Relationship:
        """Return the viewer's relationship to an account. Raises NotFound if it was deleted meanwhile."""
        found: list[Relationship] = await follows(tx).relationships(viewer.id, [account_id])
        if not found:
            raise NotFound()
        return found[0]
