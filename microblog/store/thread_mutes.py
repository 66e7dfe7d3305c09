"""Muted threads in the database. `store.notifications.put` leaves their posts out."""

from __future__ import annotations

from typing import Protocol

from dbxs import statement

from microblog.store.engine.access import accessor


class ThreadMuteQueries(Protocol):
    @statement(
        sql="INSERT INTO thread_mutes (account_id, thread_id) VALUES ({account_id}, {thread_id}) ON CONFLICT DO NOTHING"
    )
    async def mute(self, account_id: int, thread_id: int) -> None: ...

    @statement(sql="DELETE FROM thread_mutes WHERE account_id = {account_id} AND thread_id = {thread_id}")
    async def unmute(self, account_id: int, thread_id: int) -> None: ...


thread_mutes = accessor(ThreadMuteQueries)
