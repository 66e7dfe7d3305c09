"""Rows whose time is over.  Each statement takes a bounded number, so that none holds locks for long.

The time is ``now()``, which stays the same within a statement, so that an index can find what is older.
``clock_timestamp()`` may differ with each row, and would be compared with each row of the table.
"""

from __future__ import annotations

from typing import Final, Protocol

from dbxs import query

from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import scalar


def _delete(table: str, where: str) -> str:
    """Deletes at most {limit} rows, leaving those that somebody holds for the next time; says how many."""
    return (
        f"WITH gone AS (DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {where} "
        "LIMIT {limit} FOR UPDATE SKIP LOCKED)) RETURNING 1) SELECT count(*) FROM gone"
    )


def _before(age: str) -> str:
    """The first id of the moment that long ago: ids begin with the time."""
    return f"((floor(extract(epoch FROM now() - interval '{age}') * 1000)::bigint) << 16)"


class PruningQueries(Protocol):
    @query(sql=_delete("notifications", f"id < {_before('1 year')}"), load=scalar)
    async def notifications(self, limit: int) -> int: ...

    @query(sql=_delete("notifications", f"filtered AND id < {_before('90 days')}"), load=scalar)
    async def notification_requests(self, limit: int) -> int:
        """Notifications that a policy made wait, and that nobody asked for."""

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
        """What somebody allowed, and no program came for; or came for once, and let go."""

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
        """Programs that registered themselves, and that nobody uses."""

    @query(sql=_delete("email_tokens", "expires_at < now() - interval '1 day'"), load=scalar)
    async def email_tokens(self, limit: int) -> int: ...

    @query(sql=_delete("idempotency_keys", "created_at < now() - interval '1 day'"), load=scalar)
    async def idempotency_keys(self, limit: int) -> int: ...

    @query(
        sql=_delete(
            "events",
            # The newest stays, however old: it says where the log is.
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
        told AS (
            INSERT INTO outbox (kind, account_id, recipient_id) SELECT 'relation', account_id, target_id FROM over)
        SELECT count(*) FROM over
        """,
        load=scalar,
    )
    async def mutes(self, limit: int) -> int:
        """Mutes that ended; live readers hear of it."""


pruning = accessor(PruningQueries)

#: What ends at a time of its own, and what others see end.
ENDING: Final = ("mutes",)

#: What is only old. In this order.
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
