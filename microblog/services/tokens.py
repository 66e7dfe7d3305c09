"""Access tokens: clients that act for an account, through the API and on the push port."""

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

#: Tokens that one account may create.
MOST: Final = 200
#: Seconds for which a process may cache the owner of a token: half of the second within which a revocation works.
REMEMBERED: Final = 0.5
_REMEMBERED_MOST: Final = 2000

#: Texts that Mastodon clients compare.
PENDING: Final = "Your login is currently pending approval"
DISABLED: Final = "Your login is currently disabled"


def require_active(bearer: Bearer) -> None:
    """Raise Forbidden if the account of a token is pending or suspended. An app's own token has no account."""
    if bearer.state is State.PENDING:
        raise Forbidden(PENDING)
    if bearer.state not in (None, State.ACTIVE):
        raise Forbidden(DISABLED)


class Tokens:
    """Creates, looks up and revokes access tokens.

    ``poke`` tells the dispatcher that there is an event; ``now`` is the time, in UTC; ``seconds`` is a monotonic clock,
    by default the database's.
    """

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
        """Create a token and return its secret, which only this call knows.

        Raises InvalidInput for unknown scopes or none; Unauthenticated if the viewer's session or token has ended;
        Forbidden for an account that is not active.
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
        """Return the viewer of a token, with its scopes; None for an invalid token."""
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
        """Return the bearer of a token for the API; None for an invalid token.

        Unlike a viewer, a bearer may be an app without an account, or an account that is not active.

        ``remembered`` allows an answer from a cache, up to :data:`REMEMBERED` seconds old. It is for requests that show
        nothing of the account. Each commit of this process empties the cache.
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
        # A commit during the query may or may not be in its result, so that result is not cached.
        elif commits == self.db.commits and len(self._remembered()) < _REMEMBERED_MOST:
            self._known[token_hash] = (self._seconds() + REMEMBERED, bearer)
        return bearer

    def _remembered(self) -> dict[bytes, tuple[float, Bearer]]:
        """Return the cache, emptied if this process has committed since it was filled."""
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
        """Return the tokens that the owner created, newest first. ``OAuth.apps_of`` returns those of apps."""
        found: list[Token] = await tokens(self.db.reads).of(owner.id)
        return found

    async def revoke(self, owner: Viewer | Account, token_id: int) -> None:
        """Revoke a token and close its live connections. Raises NotFound unless it is the owner's."""
        async with self.db.transaction() as tx:
            if await tokens(tx).end(owner.id, token_id) is None:
                raise NotFound()
        self._poke()
