"""The ordered log of events: left by writers, put in order by a sequencer, read by cursor.

Ids that are handed out in one order become visible in another, so a reader that pages by id loses what commits late.
Here a writer's event goes to ``outbox`` in its own transaction, and after that is committed a sequencer moves it to
``events``, which gives it a position.  One sequencer works at a time, under an advisory lock that PostgreSQL releases
only after its transaction has become visible: positions become visible in their own order, and a reader that
keeps the last one misses nothing.  Writers never wait for it or for each other, and no NOTIFY stands in a write
transaction, where it would take a lock that all commits share.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from dbxs import query

from microblog.store.engine.access import accessor, prepared
from microblog.store.engine.loaders import row, rows, scalar

LOCK: Final = 0x73657175  # "sequ": any constant of ours
CHANNEL: Final = "events"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the log as it is kept; `services.event_log` makes a `domain.events.Event` of it."""

    position: int
    at: datetime
    kind: str
    account_id: int | None
    recipient_id: int | None
    post_id: int | None
    detail: dict[str, Any] | None


class OutboxQueries(Protocol):
    @query(
        sql="INSERT INTO outbox (kind, account_id, recipient_id, post_id, detail) "
        "VALUES ({kind}, {account_id}, {recipient_id}, {post_id}, {detail}::jsonb)",
        load=scalar,
    )
    async def put(
        self,
        kind: str,
        account_id: int | None,
        recipient_id: int | None,
        post_id: int | None,
        detail: str | None,
    ) -> None: ...


class EventQueries(Protocol):
    # Three statements, one round trip, one transaction; each has a snapshot of its own, so the second
    # sees all that was committed before the lock was had.
    @query(
        sql=f"""
        SET LOCAL lock_timeout = '2s'; SELECT pg_advisory_xact_lock({LOCK});
        WITH moved AS (
            DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT {{limit}})
            RETURNING id, kind, account_id, recipient_id, post_id, detail
        ), placed AS (
            INSERT INTO events (kind, account_id, recipient_id, post_id, detail)
            SELECT kind, account_id, recipient_id, post_id, detail FROM moved ORDER BY id
            RETURNING position
        )
        SELECT count(*), pg_notify('{CHANNEL}', max(position)::text) FROM placed HAVING count(*) > 0""",
        load=scalar,
    )
    async def sequence(self, limit: int) -> int | None:
        """Move up to ``limit`` committed events to the log, and tell all processes; how many, or None for none."""

    @query(sql=f"SELECT pg_notify('{CHANNEL}', {{position}}::bigint::text)", load=scalar)
    async def notify(self, position: int) -> None:
        """Tell all processes of what was placed by its writer."""

    @query(
        sql=f"SET LOCAL lock_timeout = '5s'; SELECT pg_advisory_xact_lock({LOCK}); "
        "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM events_position_seq",
        load=scalar,
    )
    async def settled(self) -> int:
        """The last position given, all up to it being visible: under the lock, none is on its way."""

    @prepared("bigint", "integer")
    @query(
        sql="SELECT position, at, kind, account_id, recipient_id, post_id, detail FROM events "
        "WHERE position > {after} ORDER BY position LIMIT {limit}",
        load=rows(Row),
    )
    async def after(self, after: int, limit: int) -> list[Row]: ...

    @query(
        sql="SELECT CASE WHEN is_called THEN last_value ELSE 0 END, (SELECT min(position) FROM events) "
        "FROM events_position_seq",
        load=row(lambda last, oldest: (last, oldest)),
    )
    async def bounds(self) -> tuple[int, int | None]:
        """The last position ever given, and the oldest one that is still kept (None when none is)."""


outbox = accessor(OutboxQueries)
events = accessor(EventQueries)
