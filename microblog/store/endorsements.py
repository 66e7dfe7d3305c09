"""Endorsements of accounts and private notes about them in the database."""

from __future__ import annotations

from typing import Protocol

from dbxs import query, statement

from microblog.domain.accounts import Account
from microblog.store.accounts import ACCOUNT_COLUMNS, account_at
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import rows, scalar
from microblog.store.engine.paging import span_of
from microblog.store.relations import PERSON_LISTED


class EndorsementQueries(Protocol):
    @query(
        sql=f"SELECT e.id, {ACCOUNT_COLUMNS} FROM endorsements e JOIN accounts a ON a.id = e.target_id "
        "WHERE e.account_id = {account_id} AND "
        f"{PERSON_LISTED}" + span_of("e.id"),
        load=rows(account_at),
    )
    async def of(
        self,
        viewer: int | None,
        account_id: int,
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[tuple[int, Account]]: ...

    @query(
        sql="""WITH known AS (
            SELECT FROM follows WHERE follower_id = {account_id} AND followee_id = {target_id}
        ), made AS (
            INSERT INTO endorsements (account_id, target_id)
            SELECT {account_id}, {target_id} WHERE EXISTS (SELECT FROM known) ON CONFLICT DO NOTHING
        )
        SELECT EXISTS (SELECT FROM known)""",
        load=scalar,
    )
    async def endorse(self, account_id: int, target_id: int) -> bool:
        """Endorse an account, and return whether the endorsing account follows it, which is required."""

    @statement(sql="DELETE FROM endorsements WHERE account_id = {account_id} AND target_id = {target_id}")
    async def withdraw(self, account_id: int, target_id: int) -> None: ...

    @statement(
        sql="INSERT INTO account_notes (account_id, target_id, comment) VALUES ({account_id}, {target_id}, {comment}) "
        "ON CONFLICT (account_id, target_id) DO UPDATE SET comment = excluded.comment"
    )
    async def note(self, account_id: int, target_id: int, comment: str) -> None: ...

    @statement(sql="DELETE FROM account_notes WHERE account_id = {account_id} AND target_id = {target_id}")
    async def forget_note(self, account_id: int, target_id: int) -> None: ...


endorsements = accessor(EndorsementQueries)
