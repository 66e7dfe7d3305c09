"""What the parts of :class:`microblog.services.accounts.Accounts` share."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from microblog.config.load import Config
from microblog.domain.accounts import Account, User, Viewer
from microblog.domain.errors import Forbidden, NotFound
from microblog.domain.events import Kind
from microblog.domain.validation import known_name
from microblog.services.jobs import Jobs
from microblog.services.passwords import Passwords
from microblog.store.engine.database import Database
from microblog.store.events import outbox
from microblog.store.invitations import invitations
from microblog.store.jobs import jobs
from microblog.store.sessions import sessions
from microblog.store.tokens import tokens
from microblog.store.users import email_tokens, users

#: How long a link in a mail is good for.
RESET_LIFE: Final = timedelta(hours=1)
CONFIRM_LIFE: Final = timedelta(days=7)

NOBODY: Final = "There is nobody of this name here."


class People:
    """``poke`` tells the dispatcher that there is an event; ``now`` is the time, in UTC."""

    def __init__(
        self,
        *,
        config: Config,
        db: Database,
        passwords: Passwords,
        poke: Callable[[], None],
        now: Callable[[], datetime],
        jobs: Jobs | None = None,
    ) -> None:
        self.config = config
        self.db = db
        self._passwords = passwords
        self._poke = poke
        self._now = now
        self._jobs = jobs or Jobs(db)

    async def _by_name(self, name: str) -> tuple[Account, User]:
        """Somebody of this site in whatever state, with what only they know. Raises NotFound."""
        known = known_name(name)
        found: tuple[Account, User] | None = None
        if known is not None:
            found = await users(self.db.reads).by_name(known)
        if found is None:
            raise NotFound(NOBODY)
        return found

    async def _ask_for_link(
        self,
        tx: Any,
        account_id: int,
        email: str,
        purpose: str,
        kind: str,
        *,
        place: str | None = None,
        **more: Any,
    ) -> None:
        """Write down that a link is wanted, and put the job that mails it; to be announced after the commit.

        The link's secret is made when the mail is sent (``OutgoingMail.link``), so none waits in the database.
        """
        request = secrets.token_bytes(32)
        now = self._now()
        life = RESET_LIFE if purpose == "reset" else CONFIRM_LIFE
        await email_tokens(tx).ask(request, account_id, purpose, email, now, now + life, place)
        payload = json.dumps({"account": account_id, "request": request.hex(), **more})
        await jobs(tx).put(kind, payload, None, 0.0)

    async def _end_everything(self, tx: Any, account_id: int, keep_session: int | None = None) -> None:
        """Sessions (but one), tokens and links in mails of an account are void, each with its event.

        The account has to be locked before (`holding`): else what is created at this moment would go on.
        A change of the mail address that waits is void as well: whoever asked for it may be why this is done.
        """
        await users(tx).set_pending(account_id, None)  # users before sessions, as everywhere
        await sessions(tx).end_all(account_id, keep_session)
        await tokens(tx).end_all(account_id)
        await email_tokens(tx).void(account_id, "reset")

    async def _revoke_account(self, tx: Any, account_id: int) -> None:
        await self._end_everything(tx, account_id)
        await invitations(tx).end_all(account_id)
        await outbox(tx).put(Kind.REVOKED.value, account_id, None, None, json.dumps({"account": account_id}))


def require_moderator(viewer: Viewer) -> None:
    """Raises Forbidden."""
    if not viewer.role.moderates:
        raise Forbidden("This is for the moderators of this site.")
