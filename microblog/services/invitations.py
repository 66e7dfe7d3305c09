"""Invitations: links that let others sign up."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from microblog.config.load import Config
from microblog.domain.accounts import Invitation, Viewer
from microblog.domain.errors import Forbidden, InvalidInput, NotFound
from microblog.services.holding import hold
from microblog.store.engine.database import Database
from microblog.store.invitations import invitations
from microblog.store.locks import retried
from microblog.store.users import users

#: Usable invitations that one account may have.
MOST_INVITATIONS: Final = 100


class Invitations:
    """Creates, lists and withdraws a member's invitations. ``now`` is the time, in UTC."""

    def __init__(self, *, config: Config, db: Database, now: Callable[[], datetime]) -> None:
        self.config = config
        self.db = db
        self._now = now

    @retried
    async def create(self, viewer: Viewer, uses: int = 1, days: int = 7) -> Invitation:
        """Create an invitation for ``uses`` people that expires after ``days`` (0: never).

        Raises InvalidInput; Unauthenticated where the viewer's session has ended; Forbidden where registration is
        closed, and for members where moderators approve sign-ups.
        """
        if self.config.registration == "closed":
            raise Forbidden("This site takes no new members.")
        if not 1 <= uses <= 100:
            raise InvalidInput("An invitation is good for 1 to 100 people.", field="uses")
        if not 0 <= days <= 365:
            raise InvalidInput("An invitation lasts up to 365 days; 0 is for good.", field="days")
        moderators_only = self.config.registration == "approval"
        now = self._now()
        async with self.db.transaction() as tx:
            await hold(tx, viewer, now)
            if moderators_only and not (await users(tx).by_id(viewer.id)).role.moderates:
                raise Forbidden("On this site moderators decide who joins, so only they can invite.")
            if len(await invitations(tx).of(viewer.id, now)) >= MOST_INVITATIONS:
                raise InvalidInput("You have too many invitations. Withdraw one that you don't need.")
            invitation: Invitation = await invitations(tx).insert(
                secrets.token_urlsafe(12), viewer.id, now + timedelta(days=days) if days else None, uses
            )
        return invitation

    async def of(self, viewer: Viewer) -> list[Invitation]:
        """Return the viewer's invitations that can still be used, newest first."""
        usable: list[Invitation] = await invitations(self.db.reads).of(viewer.id, self._now())
        return usable

    @retried
    async def withdraw(self, viewer: Viewer, invitation_id: int) -> None:
        """Make an invitation of the viewer's unusable. Raises NotFound unless it is theirs."""
        async with self.db.transaction() as tx:
            if await invitations(tx).delete(invitation_id, viewer.id) is None:
                raise NotFound()

    async def is_usable(self, code: str) -> bool:
        """Return whether somebody can sign up with the invitation ``code`` now."""
        by_moderators = self.config.registration == "approval"
        usable: bool = await invitations(self.db.reads).usable(code[:64], self._now(), by_moderators)
        return usable
