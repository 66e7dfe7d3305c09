"""Looking up accounts. Signing up, profiles, credentials, moderation and deletion have modules of their own."""

from __future__ import annotations

from collections.abc import Sequence

from microblog.domain.accounts import Account, State, User, Viewer
from microblog.domain.errors import NotFound
from microblog.domain.validation import known_name
from microblog.store.accounts import accounts
from microblog.store.engine.database import Database
from microblog.store.users import users


class Accounts:
    """The accounts of this site, as the other services and the adapters look them up."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def by_name(self, name: str) -> Account:
        """Return the active account of a name; a leading ``@`` and capitals make no difference. Raises NotFound."""
        known = known_name(name)
        return _active(None if known is None else await accounts(self._db.reads).by_name(known))

    async def by_id(self, account_id: int) -> Account:
        """Return the active account of an id. Raises NotFound."""
        return _active(await accounts(self._db.reads).by_id(account_id))

    async def by_ids(self, ids: Sequence[int]) -> list[Account]:
        """Return the active accounts among ``ids``, in that order."""
        if not ids:
            return []
        by_id: dict[int, Account] = {
            each.id: each for each in await accounts(self._db.reads).by_ids(list(ids))
        }
        return [by_id[each] for each in ids if each in by_id and by_id[each].state is State.ACTIVE]

    async def user(self, viewer: Viewer) -> User:
        """Return the private half of the viewer's account: mail address, preferences, role."""
        user: User = await users(self._db.reads).by_id(viewer.id)
        return user

    async def all(self) -> list[tuple[Account, User]]:
        """Return every account of this site, in any state, oldest first. Only the console asks for this."""
        everyone: list[tuple[Account, User]] = await users(self._db.reads).everyone()
        return everyone

    async def in_any_state(self, name: str) -> tuple[Account, User]:
        """Return the account of a name even if it is suspended or waits for approval. Raises NotFound."""
        known = known_name(name)
        account: tuple[Account, User] | None = None
        if known is not None:
            account = await users(self._db.reads).by_name(known)
        if account is None:
            raise NotFound("There is nobody of this name here.")
        return account


def _active(account: Account | None) -> Account:
    if account is None or account.state is not State.ACTIVE:
        raise NotFound()
    return account
