"""Sessions: the browsers in which an account is logged in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from twisted.logger import Logger

from microblog.domain.accounts import Account, Session, State, User, Viewer
from microblog.domain.errors import Forbidden, InvalidInput, MicroblogError, NotFound, Unavailable
from microblog.domain.validation import known_email, known_name
from microblog.services.holding import IDLE, hold_account
from microblog.services.passwords import Passwords
from microblog.services.secret_tokens import digest, new_secret
from microblog.store.accounts import Locked, accounts
from microblog.store.engine.database import Database
from microblog.store.sessions import sessions
from microblog.store.users import users

log = Logger()

#: How often a log-in verifies the password again when the password changes at the same moment.
_TRIES: Final = 3
#: The shortest interval between two writes of a session's or token's time of use.
TOUCH: Final = timedelta(minutes=5)


class Sessions:
    """Opens, looks up and ends sessions.

    ``poke`` tells the dispatcher that there is an event; ``now`` is the time, in UTC.
    """

    def __init__(
        self, *, db: Database, passwords: Passwords, poke: Callable[[], None], now: Callable[[], datetime]
    ) -> None:
        self.db = db
        self._passwords = passwords
        self._poke = poke
        self._now = now

    async def log_in(
        self,
        login: str,
        password: str,
        *,
        address: str = "",
        user_agent: str = "",
        admit: Callable[[int], bool] | None = None,
    ) -> tuple[str, Viewer]:
        """Open a session. Return its secret, for the cookie, and its viewer. ``login`` is a name or a mail address.

        ``admit`` returns whether the account of an id may have one more try. A try that is not admitted fails like a
        wrong password, after the same work, so that a visitor can't find out which account has a mail address.

        Raises InvalidInput, after the same work for an unknown name as for a wrong password; Forbidden, once the
        password is proven, if the account is pending or suspended; Unavailable when too many log in at once.
        """
        for _ in range(_TRIES):
            account, user, outdated = await self._proven(login, password, admit)
            renewed = await self._passwords.hash(password) if outdated else None
            opened = await self._open(account.id, user.password_hash, renewed, address, user_agent)
            if opened is not None:
                return opened
        raise _wrong()

    async def _proven(
        self, login: str, password: str, admit: Callable[[int], bool] | None
    ) -> tuple[Account, User, bool]:
        """Return the account with this login and password, and whether its password hash is outdated."""
        found: tuple[Account, User] | None = None
        outdated = False
        for person in await self._candidates(login):
            admitted = person is None or admit is None or admit(person[0].id)
            right, old = await self._passwords.verify(person[1].password_hash if person else None, password)
            if right and admitted and found is None:
                found, outdated = person, old
        if found is None:
            raise _wrong()
        account, user = found
        _require_active(account.state)
        return account, user, outdated

    async def _open(
        self, account_id: int, password_hash: str, renewed: str | None, address: str, user_agent: str
    ) -> tuple[str, Viewer] | None:
        """Insert a session for a password that matched ``password_hash``; ``renewed`` replaces that hash.

        Return None if the account has another hash now: the password was changed since it was verified, or another
        log-in renewed the hash.
        """
        token, token_hash = new_secret()
        now = self._now()
        async with self.db.transaction() as tx:
            held: list[Locked] = await accounts(tx).lock([account_id])
            user: User | None = await users(tx).lock_existing(account_id) if held else None
            if user is None or user.password_hash != password_hash:
                return None
            _require_active(held[0].state)
            if renewed is not None:
                await users(tx).rehash(account_id, password_hash, renewed)
            session_id = await sessions(tx).insert(
                token_hash, account_id, now, address[:100], user_agent[:300]
            )
            await users(tx).seen(account_id, now)
            opened = await sessions(tx).viewer(token_hash, now - TOUCH, now - IDLE)
            assert opened is not None
        log.info("session {session} of account {account} began", session=session_id, account=account_id)
        return token, opened[0]

    async def open_for(self, account: Account, *, address: str = "", user_agent: str = "") -> str:
        """Open a session for an account whose owner has just signed up, and return its secret.

        Raises Unauthenticated if the account is not active any more.
        """
        token, token_hash = new_secret()
        async with self.db.transaction() as tx:
            await hold_account(tx, account.id)
            await sessions(tx).insert(token_hash, account.id, self._now(), address[:100], user_agent[:300])
        return token

    async def viewer(self, token: str) -> Viewer | None:
        """Return the viewer of a session's secret; None if the session has ended."""
        if not token:
            return None
        now = self._now()
        found = await sessions(self.db.reads).viewer(digest(token), now - TOUCH, now - IDLE)
        if found is None:
            return None
        viewer, stale = found
        if stale and viewer.session_id is not None:
            await self._touch(viewer.session_id, viewer.id, now)
            viewer = replace(viewer, prolonged=True)
        return viewer

    async def viewer_of(self, account_id: int) -> Viewer | None:
        """Return an active account as a viewer without a session, for the console and for tests."""
        found: Viewer | None = await sessions(self.db.reads).viewer_of(account_id)
        return found

    async def log_out(self, token: str) -> None:
        """End the session of a secret, if there is one."""
        viewer = await self.viewer(token)
        if viewer is not None and viewer.session_id is not None:
            try:
                await self.end(viewer, viewer.session_id)
            except NotFound:
                log.debug("a session was ended twice at once")

    async def all(self, viewer: Viewer) -> list[Session]:
        """Return the viewer's sessions, the most recently used first."""
        found: list[Session] = await sessions(self.db.reads).of(viewer.id, self._now() - IDLE)
        return found

    async def renew(self, viewer: Viewer) -> str:
        """Give the viewer's session a new secret, and return it. Copies of the old cookie become invalid.

        Raises NotFound if the session has ended.
        """
        token, token_hash = new_secret()
        async with self.db.transaction() as tx:
            if viewer.session_id is None or (
                await sessions(tx).renew(viewer.id, viewer.session_id, token_hash) is None
            ):
                raise NotFound()
        return token

    async def end(self, viewer: Viewer, session_id: int) -> None:
        """End a session of the viewer's. Raises NotFound unless it is theirs."""
        async with self.db.transaction() as tx:
            if await sessions(tx).end(viewer.id, session_id) is None:
                raise NotFound()
        self._poke()

    async def _candidates(self, login: str) -> list[tuple[Account, User] | None]:
        """Return the accounts that a login may mean: one for a name, always two for a mail address.

        A mail address may mean its owner, who has confirmed it, and the newest account that only typed it. None stands
        for each that does not exist, so that the work never shows whether an address has an owner.
        """
        login = login.strip()
        if "@" in login[1:]:
            email = known_email(login)
            found: list[tuple[Account, User]] = (
                [] if email is None else await users(self.db.reads).by_email(email)
            )
            owner = next((each for each in found if each[1].email_confirmed_at is not None), None)
            other = next((each for each in found if each[1].email_confirmed_at is None), None)
            return [owner, other]
        name = known_name(login)
        return [None if name is None else await users(self.db.reads).by_name(name)]

    async def _touch(self, session_id: int, account_id: int, now: datetime) -> None:
        try:
            async with self.db.transaction() as tx:
                await users(tx).seen(account_id, now)  # users before sessions, as everywhere (`holding`)
                await sessions(tx).touch(session_id, now)
        except Unavailable as error:
            # Reading goes on while nothing can be written.
            log.debug("the time of use was not written: {error}", error=error.text)
        except MicroblogError as error:
            log.warn("the time of use was not written: {error}", error=error.text)


def _wrong() -> InvalidInput:
    return InvalidInput(
        "That is not the name and the password of anybody here. Mind capitals in the password; after many "
        "tries, wait five minutes.",
        field="password",
        reason="wrong",
    )


def _require_active(state: State) -> None:
    """Raise Forbidden unless the account can be used."""
    if state is State.PENDING:
        raise Forbidden("Your account waits for a moderator's approval. You will get a mail when it is open.")
    if state is not State.ACTIVE:
        raise Forbidden("Your account is suspended. Write to the people who run this site.")
