"""Deletion of expired rows. Each statement deletes a bounded number, so that none holds locks for long.

Statements compare with ``now()``, which is constant within a statement, so that an index finds the older rows.
``clock_timestamp()`` may differ for each row, so PostgreSQL would compare it with each row of the table.
"""

from __future__ import annotations

from typing import Final, Protocol

from dbxs import query

from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import scalar


def _delete(table: str, where: str) -> str:
    """Return SQL that deletes at most ``{limit}`` rows, skips locked rows, and returns the number."""
    return (
        f"WITH gone AS (DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {where} "
        "LIMIT {limit} FOR UPDATE SKIP LOCKED)) RETURNING 1) SELECT count(*) FROM gone"
    )


def _before(age: str) -> str:
    """Return SQL for the first snowflake id of the moment ``age`` ago."""
    return f"((floor(extract(epoch FROM now() - interval '{age}') * 1000)::bigint) << 16)"


class PruningQueries(Protocol):
    @query(sql=_delete("notifications", f"id < {_before('1 year')}"), load=scalar)
    async def notifications(self, limit: int) -> int: ...

    @query(sql=_delete("notifications", f"filtered AND id < {_before('90 days')}"), load=scalar)
    async def notification_requests(self, limit: int) -> int:
        """Delete waiting notifications that their recipients did not accept."""

    @query(sql=_delete("sessions", "seen_at < now() - interval '90 days'"), load=scalar)
    async def sessions(self, limit: int) -> int: ...

    @query(sql=_delete("tokens", "expires_at < now() - interval '30 days'"), load=scalar)
    async def tokens(self, limit: int) -> int: ...

    @query(sql=_delete("authorization_codes", "expires_at < now() - interval '7 days'"), load=scalar)
    async def authorization_codes(self, limit: int) -> int: ...

    @query(sql=_delete("refresh_tokens", "used_at < now() - interval '30 days'"), load=scalar)
    async def refresh_tokens(self, limit: int) -> int: ...

    @query(
        sql=_delete(
            "grants",
            "created_at < now() - interval '7 days' "
            "AND NOT EXISTS (SELECT FROM tokens t WHERE t.grant_id = grants.id) "
            "AND NOT EXISTS (SELECT FROM refresh_tokens r WHERE r.grant_id = grants.id) "
            "AND NOT EXISTS (SELECT FROM authorization_codes c WHERE c.grant_id = grants.id)",
        ),
        load=scalar,
    )
    async def grants(self, limit: int) -> int:
        """Delete grants without a valid code or token."""

    @query(
        sql=_delete(
            "apps",
            "created_at < now() - interval '90 days' "
            "AND NOT EXISTS (SELECT FROM tokens t WHERE t.app_id = apps.id "
            "AND coalesce(t.last_used_at, t.created_at) > now() - interval '90 days') "
            "AND NOT EXISTS (SELECT FROM tokens t WHERE t.app_id = apps.id AND t.account_id IS NOT NULL) "
            "AND NOT EXISTS (SELECT FROM grants g WHERE g.app_id = apps.id)",
        ),
        load=scalar,
    )
    async def apps(self, limit: int) -> int:
        """Delete apps that nobody uses."""

    @query(sql=_delete("email_tokens", "expires_at < now() - interval '1 day'"), load=scalar)
    async def email_tokens(self, limit: int) -> int: ...

    @query(sql=_delete("idempotency_keys", "created_at < now() - interval '1 day'"), load=scalar)
    async def idempotency_keys(self, limit: int) -> int: ...

    @query(
        sql=_delete(
            "events",
            # The newest event stays at any age, because it holds the position of the log.
            "at < now() - interval '7 days' AND position < (SELECT max(position) FROM events)",
        ),
        load=scalar,
    )
    async def events(self, limit: int) -> int: ...

    @query(
        sql=_delete("jobs", "parked_at < now() - interval '90 days'"),
        load=scalar,
    )
    async def parked_jobs(self, limit: int) -> int: ...

    @query(sql=_delete("withdrawn_notifications", "began_at < now() - interval '1 day'"), load=scalar)
    async def withdrawn_notifications(self, limit: int) -> int: ...

    @query(sql=_delete("reader_samples", "at < now() - interval '8 days'"), load=scalar)
    async def reader_samples(self, limit: int) -> int: ...

    @query(sql=_delete("tag_days", "day < (now() AT TIME ZONE 'UTC')::date - 9"), load=scalar)
    async def tag_days(self, limit: int) -> int: ...

    @query(sql=_delete("tag_day_accounts", "day < (now() AT TIME ZONE 'UTC')::date - 9"), load=scalar)
    async def tag_day_accounts(self, limit: int) -> int: ...

    @query(
        sql="""
        WITH over AS (
            DELETE FROM mutes WHERE id = ANY(ARRAY(
                SELECT id FROM mutes WHERE expires_at < now() LIMIT {limit} FOR UPDATE SKIP LOCKED))
            RETURNING account_id, target_id),
        event AS (
            INSERT INTO outbox (kind, account_id, recipient_id) SELECT 'relation', account_id, target_id FROM over)
        SELECT count(*) FROM over
        """,
        load=scalar,
    )
    async def mutes(self, limit: int) -> int:
        """Delete expired mutes and write an event for each."""


pruning = accessor(PruningQueries)

#: Rows with their own end, which subscribers see.
ENDING: Final = ("mutes",)

#: Rows that are only old, in the order of deletion.
PRUNED: Final = (
    "notifications",
    "notification_requests",
    "sessions",
    "tokens",
    "authorization_codes",
    "refresh_tokens",
    "grants",
    "apps",
    "email_tokens",
    "idempotency_keys",
    "events",
    "parked_jobs",
    "withdrawn_notifications",
    "reader_samples",
    "tag_days",
    "tag_day_accounts",
)
