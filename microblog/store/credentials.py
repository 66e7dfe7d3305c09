"""Whether sessions and tokens are still valid, in the database. `services.holding` uses this."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from dbxs import query

from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import rows, scalar


def _holding(account_id: int, token_id: int | None, session_id: int | None) -> tuple[Any, ...]:
    return account_id, token_id, session_id


class CredentialQueries(Protocol):
    @query(
        sql="""SELECT w.account_id, w.token_id, w.session_id
        FROM unnest({account_ids}::bigint[], {token_ids}::bigint[], {session_ids}::bigint[])
            AS w (account_id, token_id, session_id)
        JOIN accounts a ON a.id = w.account_id AND a.state = 'active'
        WHERE (w.token_id IS NULL
               OR EXISTS (SELECT FROM tokens t WHERE t.id = w.token_id AND t.account_id = w.account_id))
          AND (w.session_id IS NULL
               OR EXISTS (SELECT FROM sessions s WHERE s.id = w.session_id AND s.account_id = w.account_id))""",
        load=rows(_holding),
    )
    async def alive(
        self,
        account_ids: Sequence[int],
        token_ids: Sequence[int | None],
        session_ids: Sequence[int | None],
    ) -> list[tuple[Any, ...]]:
        """Return the triples whose account is active and whose token or session exists."""

    @query(
        sql="SELECT id FROM sessions WHERE id = {session_id} AND account_id = {account_id} "
        "AND seen_at > {idle_since} FOR KEY SHARE",
        load=scalar,
    )
    async def hold_session(self, session_id: int, account_id: int, idle_since: datetime) -> int | None:
        """Lock the session against its end until the transaction ends. None when it has ended."""

    @query(
        sql="SELECT id FROM tokens WHERE id = {token_id} AND account_id IS NOT DISTINCT FROM {account_id}::bigint "
        "AND (expires_at IS NULL OR expires_at > {now}) FOR KEY SHARE",
        load=scalar,
    )
    async def hold_token(self, token_id: int, account_id: int | None, now: datetime) -> int | None:
        """Lock the token against its revocation until the transaction ends. None when it was revoked."""


credentials = accessor(CredentialQueries)
