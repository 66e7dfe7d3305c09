"""Revoking what gives access to an account: sessions, tokens, links in mails, invitations.

The caller locks the account first (`holding`). Without the lock, a credential that is created at the same moment
would survive.
"""

from __future__ import annotations

import json
from typing import Any

from microblog.domain.events import Kind
from microblog.store.events import outbox
from microblog.store.invitations import invitations
from microblog.store.sessions import sessions
from microblog.store.tokens import tokens
from microblog.store.users import email_tokens, users


async def end_credentials(tx: Any, account_id: int, except_session: int | None = None) -> None:
    """End all sessions of an account except ``except_session``, all its tokens and its password links.

    A pending change of the mail address is cancelled too: whoever asked for it may be the reason for the revocation.
    """
    await users(tx).set_pending(account_id, None)  # lock order: users before sessions
    await sessions(tx).end_all(account_id, except_session)
    await tokens(tx).end_all(account_id)
    await email_tokens(tx).void(account_id, "reset")


async def revoke_account(tx: Any, account_id: int) -> None:
    """End all credentials and invitations of an account, and write the event that closes its live connections."""
    await end_credentials(tx, account_id)
    await invitations(tx).end_all(account_id)
    await outbox(tx).put(Kind.REVOKED.value, account_id, None, None, json.dumps({"account": account_id}))
