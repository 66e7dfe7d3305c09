"""Queries for sample content, which make it look as if it had grown over time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from dbxs import statement

from microblog.store.engine.access import accessor


class DemoQueries(Protocol):
    @statement(sql="UPDATE accounts SET created_at = {at} WHERE id = {account_id}")
    async def here_since(self, account_id: int, at: datetime) -> None: ...

    @statement(
        sql="""UPDATE notifications n SET created_at = greatest(p.created_at, b.created_at) + interval '3 minutes'
        FROM posts p, accounts b WHERE p.id = n.post_id AND b.id = n.actor_id"""
    )
    async def date_notifications(self) -> None: ...

    @statement(
        sql="""UPDATE favourites f SET id = snowflake(d.at)
        FROM (SELECT g.id, least(p.created_at + row_number() OVER (PARTITION BY g.post_id ORDER BY g.id)
                                 * interval '95 minutes', clock_timestamp()) AS at
              FROM favourites g JOIN posts p ON p.id = g.post_id) d
        WHERE d.id = f.id"""
    )
    async def date_favourites(self) -> None:
        """Give each favourite an id, which contains its time, of the hours after its post."""

    @statement(
        sql="""UPDATE users u SET last_seen_at = clock_timestamp(), notifications_read_id = coalesce((
            SELECT id FROM notifications n WHERE n.account_id = u.account_id ORDER BY id DESC OFFSET {unread} LIMIT 1
        ), 0)"""
    )
    async def leave_unread(self, unread: int) -> None:
        """Leave the newest ``unread`` notifications of each account unread, and mark all others as read."""


demo = accessor(DemoQueries)
