"""Access tokens: programs that act for somebody, on the push port and through the API."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from twisted.logger import Logger

from microblog.domain.accounts import Account, State, Token, Viewer
from microblog.domain.errors import Forbidden, InvalidInput, MicroblogError, NotFound, Unauthenticated
from microblog.domain.oauth import Bearer
from microblog.domain.scopes import SCOPES
from microblog.domain.text import one_line
from microblog.services.holding import hold
from microblog.services.secret_tokens import digest, new_secret
from microblog.services.sessions import TOUCH
from microblog.store.engine.database import Database
from microblog.store.tokens import tokens

log = Logger()

#: Tokens that one account may have.
MOST: Final = 200
#: Seconds for which a process may remember who holds a token: half of the second within which a revoked one is void.
REMEMBERED: Final = 0.5
_REMEMBERED_MOST: Final = 2000


#: Texts that clients of the Mastodon protocol compare.
PENDING: Final = "Your login is currently pending approval"
DISABLED: Final = "Your login is currently disabled"


def require_active(bearer: Bearer) -> None:
    """Raise Forbidden when the account of a token waits for approval or is suspended. An app has no account."""
    if bearer.state is State.PENDING:
        raise Forbidden(PENDING)
    if bearer.state not in (None, State.ACTIVE):
        raise Forbidden(DISABLED)


class Tokens:
    """``poke`` tells the dispatcher of an event; ``now`` is the time, in UTC; ``seconds`` is a monotonic clock, by
    default the database's."""

    def __init__(
        self,
        *,
        db: Database,
        poke: Callable[[], None],
        now: Callable[[], datetime],
        seconds: Callable[[], float] | None = None,
    ) -> None:
        self.db = db
        self._seconds: Callable[[], float] = seconds or db.reactor.seconds
        self._poke = poke
        self._now = now
        self._known: dict[bytes, tuple[float, Bearer]] = {}
        self._known_at = 0

    async def create(self, owner: Viewer | Account, scopes: Iterable[str], name: str = "") -> str:
        """Create a token and return its secret, which is shown this once.

        Raises InvalidInput for scopes that don't exist, or none; Unauthenticated where the viewer's session or token
        has ended; Forbidden for an account that is not active.
        """
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
            try:
                await hold(tx, owner, self._now())
            except Unauthenticated as error:
                if isinstance(owner, Viewer):
                    raise
                raise Forbidden(f"@{owner.name} is not active, so a token would not work.") from error
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

    async def bearer(self, token: str, *, remembered: bool = False) -> Bearer | None:
        """The same for the API, where an app may act for itself, and whoever waits for approval has to be told so.

        ``remembered``: who it was up to :data:`REMEMBERED` seconds ago will do, as nothing of their account is shown.
        Whatever this process itself commits meanwhile makes it look again.
        """
        if not token:
            return None
        token_hash = digest(token)
        known = self._remembered().get(token_hash) if remembered else None
        if known is not None and known[0] > self._seconds():
            return known[1]
        now, commits = self._now(), self.db.commits
        found = await tokens(self.db.reads).bearer(token_hash, now - TOUCH, now)
        if found is None:
            return None
        bearer: Bearer
        bearer, stale = found
        if stale:
            await self._touch(bearer.token_id, now)
        # What was committed while it was read may be in it or not.
        elif commits == self.db.commits and len(self._remembered()) < _REMEMBERED_MOST:
            self._known[token_hash] = (self._seconds() + REMEMBERED, bearer)
        return bearer

    def _remembered(self) -> dict[bytes, tuple[float, Bearer]]:
        """Those that nothing that was committed here can have changed."""
        if self._known_at != self.db.commits or len(self._known) >= _REMEMBERED_MOST:
            self._known_at = self.db.commits
            self._known.clear()
        return self._known

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
