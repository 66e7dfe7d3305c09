"""Access tokens: programs that act for somebody, on the push port and through the API."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from twisted.logger import Logger

from microblog.domain.accounts import Account, Token, Viewer
from microblog.domain.errors import InvalidInput, MicroblogError, NotFound
from microblog.domain.oauth import Bearer
from microblog.domain.scopes import SCOPES
from microblog.domain.text import one_line
from microblog.services.secret_tokens import digest, new_secret
from microblog.services.sessions import TOUCH
from microblog.store.accounts import accounts
from microblog.store.database import Database
from microblog.store.tokens import tokens

log = Logger()

#: Tokens that one account may have.
MOST: Final = 200


class Tokens:
    """``poke`` tells the notifier that there is an event; ``now`` is the time, in UTC."""

    def __init__(self, *, db: Database, poke: Callable[[], None], now: Callable[[], datetime]) -> None:
        self.db = db
        self._poke = poke
        self._now = now

    async def create(self, owner: Viewer | Account, scopes: Iterable[str], name: str = "") -> str:
        """A new token, which is shown this once. Raises InvalidInput for scopes that don't exist, or none."""
        wanted = sorted(set(scopes))
        if not wanted:
            raise InvalidInput(
                "Say what the token may do: read, write, or follow.", field="scopes", reason="blank"
            )
        unknown = [scope for scope in wanted if scope not in SCOPES]
        if unknown:
            raise InvalidInput(
                f"There is no scope “{one_line(unknown[0], 40)}”. There are read, write, follow and their parts, "
                "such as read:statuses.",
                field="scopes",
            )
        label = one_line(name, 200)
        token, token_hash = new_secret()
        async with self.db.transaction() as tx:
            await accounts(tx).lock([owner.id])
            if await tokens(tx).count(owner.id) >= MOST:
                raise InvalidInput(f"You have {MOST} tokens already. Revoke one that you don't need.")
            await tokens(tx).insert(token_hash, owner.id, label, wanted, self._now())
        return token

    async def viewer(self, token: str) -> Viewer | None:
        """Who a token stands for, with its scopes; None when it is void."""
        if not token:
            return None
        now = self._now()
        found = await tokens(self.db.reads).viewer(digest(token), now - TOUCH, now)
        if found is None:
            return None
        viewer: Viewer
        viewer, stale = found
        if stale and viewer.token_id is not None:
            await self._touch(viewer.token_id, now)
        return viewer

    async def bearer(self, token: str) -> Bearer | None:
        """The same for the API, where an app may act for itself, and whoever waits for approval has to be told so."""
        if not token:
            return None
        now = self._now()
        found = await tokens(self.db.reads).bearer(digest(token), now - TOUCH, now)
        if found is None:
            return None
        bearer: Bearer
        bearer, stale = found
        if stale:
            await self._touch(bearer.token_id, now)
        return bearer

    async def _touch(self, token_id: int, now: datetime) -> None:
        try:
            async with self.db.transaction() as tx:
                await tokens(tx).touch(token_id, now)
        except MicroblogError as error:
            log.debug("the time of use was not written: {error}", error=error.text)

    async def all(self, owner: Viewer | Account) -> list[Token]:
        """Those that somebody made for themselves, newest first; what apps hold is in ``OAuth.apps_of``."""
        found: list[Token] = await tokens(self.db.reads).of(owner.id)
        return found

    async def revoke(self, owner: Viewer | Account, token_id: int) -> None:
        """It is void at once, and what it is connected to ends. Raises NotFound unless it is the owner's."""
        async with self.db.transaction() as tx:
            if await tokens(tx).end(owner.id, token_id) is None:
                raise NotFound()
        self._poke()
