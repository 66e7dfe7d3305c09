"""Checks that a viewer's session or token is still valid at the moment when something starts to depend on it.

The viewer is looked up at the beginning of a request. When the request does its work, the session may have ended, the
token may be revoked, the password changed, the account suspended. So the request checks again:

* A live connection registers with the dispatcher first and calls :meth:`Holdings.check` afterwards. A revocation
  that is committed before the check fails the check. A later one comes as an event, which closes the connection.
* A transaction that creates a credential calls :func:`hold` first, which locks the account. Every revocation locks the
  account as well before it deletes anything. Either the revocation waits and then ends the new credential too, or
  :func:`hold` waits and then finds that the old one has ended.

Locks follow the order of ``store/locks.py``; here: accounts, users, then sessions, tokens, grants and links.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from microblog.domain.accounts import Account, State, Viewer
from microblog.domain.errors import Unauthenticated
from microblog.services.batch_loader import BatchLoader
from microblog.store.accounts import Locked, accounts
from microblog.store.credentials import credentials
from microblog.store.engine.database import Database

#: A session ends when it is unused for this long.
IDLE: Final = timedelta(days=90)

_Holding = tuple[int, int | None, int | None]


class Holdings:
    """Checks the sessions and tokens of many viewers with one query."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lookups: BatchLoader[_Holding, bool] = BatchLoader(self._alive)

    async def check(self, viewer: Viewer) -> None:
        """Raise Unauthenticated unless the viewer's account is active and their token or session still exists."""
        if not await self._lookups.of((viewer.id, viewer.token_id, viewer.session_id)):
            raise ended()

    async def _alive(self, holdings: Sequence[_Holding]) -> Mapping[_Holding, bool]:
        columns = [list(column) for column in zip(*holdings, strict=True)]
        found = set(await credentials(self._db.reads).alive(*columns))
        return {each: each in found for each in holdings}


async def hold(tx: Any, viewer: Viewer | Account, now: datetime) -> None:
    """Lock the viewer's account and their session or token, so that neither ends before the transaction does.

    An account, or a viewer without session and token (on the console), only has to be active. Raises Unauthenticated.
    """
    await hold_account(tx, viewer.id)
    if not isinstance(viewer, Viewer):
        return
    if viewer.session_id is not None:
        held = await credentials(tx).hold_session(viewer.session_id, viewer.id, now - IDLE)
        if held is None:
            raise ended()
    if viewer.token_id is not None:
        await hold_token(tx, viewer.token_id, viewer.id, now)


async def hold_account(tx: Any, account_id: int, *, pending: bool = False) -> None:
    """Lock an account until the transaction ends. Raise Unauthenticated unless active (or ``pending``)."""
    held: list[Locked] = await accounts(tx).lock([account_id])
    if not held or not (held[0].state is State.ACTIVE or (pending and held[0].state is State.PENDING)):
        raise ended()


async def hold_token(tx: Any, token_id: int, account_id: int | None, now: datetime) -> None:
    """Lock a token until the transaction ends; ``account_id`` is None for an app's own. Raise Unauthenticated."""
    if await credentials(tx).hold_token(token_id, account_id, now) is None:
        raise ended()


def ended() -> Unauthenticated:
    return Unauthenticated("Your session or token has ended. Log in again.")
