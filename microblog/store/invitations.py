"""Invitations in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from dbxs import query

from microblog.domain.accounts import Invitation
from microblog.store.access import accessor
from microblog.store.database import row, rows, scalar

_COLUMNS = "id, code, created_at, expires_at, uses_left"


def _invitation(*columns: Any) -> Invitation:
    return Invitation(*columns)


class InvitationQueries(Protocol):
    @query(
        sql="INSERT INTO invitations (code, account_id, expires_at, uses_left) "
        f"VALUES ({{code}}, {{account_id}}, {{expires_at}}::timestamptz, {{uses}}) RETURNING {_COLUMNS}",
        load=row(_invitation),
    )
    async def insert(
        self, code: str, account_id: int, expires_at: datetime | None, uses: int
    ) -> Invitation: ...

    @query(
        sql="UPDATE invitations SET uses_left = uses_left - 1 WHERE code = {code} AND uses_left > 0 "
        "AND (expires_at IS NULL OR expires_at > {now}) RETURNING id",
        load=scalar,
    )
    async def use(self, code: str, now: datetime) -> int | None:
        """The invitation's id, with one use less; None when it is unknown, used up, or over."""
        ...

    @query(
        sql=f"SELECT {_COLUMNS} FROM invitations WHERE account_id = {{account_id}} "
        "AND uses_left > 0 AND (expires_at IS NULL OR expires_at > {now}) ORDER BY id DESC LIMIT 100",
        load=rows(_invitation),
    )
    async def of(self, account_id: int, now: datetime) -> list[Invitation]:
        """Those that can still be used, newest first."""
        ...

    @query(
        sql="DELETE FROM invitations WHERE id = {invitation_id} AND account_id = {account_id} RETURNING id",
        load=scalar,
    )
    async def delete(self, invitation_id: int, account_id: int) -> int | None: ...


invitations = accessor(InvitationQueries)
