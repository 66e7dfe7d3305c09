"""Invitations in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Protocol

from dbxs import query, statement

from microblog.domain.accounts import Invitation
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import row, rows, scalar

_COLUMNS = "id, code, created_at, expires_at, uses_left"


def _invitation(*columns: Any) -> Invitation:
    return Invitation(*columns)


#: The invitation is usable: it has uses left, it has not expired, and its inviter may invite.
_USABLE: Final = """code = {code} AND uses_left > 0
            AND (expires_at IS NULL OR expires_at > {now})
            AND (account_id IS NULL OR EXISTS (
                SELECT FROM accounts a JOIN users u ON u.account_id = a.id
                WHERE a.id = i.account_id AND a.state = 'active' AND (u.role <> 'user' OR NOT {by_moderators})))"""


class InvitationQueries(Protocol):
    @query(
        sql="INSERT INTO invitations (code, account_id, expires_at, uses_left) "
        f"VALUES ({{code}}, {{account_id}}, {{expires_at}}::timestamptz, {{uses}}) RETURNING {_COLUMNS}",
        load=row(_invitation),
    )
    async def insert(
        self, code: str, account_id: int, expires_at: datetime | None, uses: int
    ) -> Invitation: ...

    @query(sql="SELECT account_id FROM invitations WHERE code = {code}", load=scalar)
    async def inviter(self, code: str) -> int | None: ...

    @query(
        sql=f"UPDATE invitations i SET uses_left = uses_left - 1 WHERE {_USABLE} RETURNING id",
        load=scalar,
    )
    async def use(self, code: str, now: datetime, by_moderators: bool) -> int | None:
        """Use an invitation once and return its id.

        Return None if it does not exist, is used up or has expired, if its inviter is suspended, or, with
        ``by_moderators``, if its inviter is no moderator. The inviter must be locked.
        """

    @query(sql=f"SELECT EXISTS (SELECT FROM invitations i WHERE {_USABLE})", load=scalar)
    async def usable(self, code: str, now: datetime, by_moderators: bool) -> bool:
        """Return whether `use` would accept the invitation now."""

    @statement(sql="UPDATE invitations SET uses_left = 0 WHERE account_id = {account_id} AND uses_left > 0")
    async def end_all(self, account_id: int) -> None: ...

    @query(
        sql=f"SELECT {_COLUMNS} FROM invitations WHERE account_id = {{account_id}} "
        "AND uses_left > 0 AND (expires_at IS NULL OR expires_at > {now}) ORDER BY id DESC LIMIT 100",
        load=rows(_invitation),
    )
    async def of(self, account_id: int, now: datetime) -> list[Invitation]:
        """Return the usable invitations of an account, newest first."""

    @query(
        sql="DELETE FROM invitations WHERE id = {invitation_id} AND account_id = {account_id} RETURNING id",
        load=scalar,
    )
    async def delete(self, invitation_id: int, account_id: int) -> int | None: ...


invitations = accessor(InvitationQueries)
