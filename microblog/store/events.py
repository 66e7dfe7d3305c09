"""The ordered log of events: written to the outbox, put in order by a sequencer, read by cursor.

The database hands out ids in one order and makes them visible in another, so a reader that pages by id loses rows that
commit late. So a writer puts its event into ``outbox`` in its own transaction. After the commit a sequencer moves it to
``events``, where it gets its position. One sequencer works at a time, under an advisory lock that PostgreSQL releases
only after its transaction has become visible. So positions become visible in their own order, and a reader that keeps
the last one misses nothing. Writers never wait for the sequencer or for each other. No write transaction has a NOTIFY,
which would take a lock that all commits share.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from dbxs import query

from microblog.store.engine.access import accessor, prepared
from microblog.store.engine.loaders import row, rows, scalar

LOCK: Final = 0x73657175  # "sequ" in ASCII; any constant that no other lock uses
CHANNEL: Final = "events"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the log. `services.live.event_log.load` makes a `domain.events.Event` of it."""

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
    # Three statements in one round trip and one transaction. Each has its own snapshot, so the last one sees everything
    # that was committed before the lock was taken.
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
        """Move up to ``limit`` committed events to the log and notify all processes. Return how many, None for none."""

    @query(sql=f"SELECT pg_notify('{CHANNEL}', {{position}}::bigint::text)", load=scalar)
    async def notify(self, position: int) -> None:
        """Notify all processes of an event that its writer has sequenced."""

    @query(
        sql=f"SET LOCAL lock_timeout = '5s'; SELECT pg_advisory_xact_lock({LOCK}); "
        "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM events_position_seq",
        load=scalar,
    )
    async def last_position(self) -> int:
        """Return the last position. The lock guarantees that all positions up to it are visible."""

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
        """Return the last position ever given, and the oldest one in the log (None for an empty log)."""


outbox = accessor(OutboxQueries)
events = accessor(EventQueries)
