"""A site for the tests of live streams: posts, the dispatcher, and readers that keep what they got."""

from __future__ import annotations

from typing import Any

from microblog.config.load import Config
from microblog.domain.accounts import Viewer
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.live.subscription import Batch
from microblog.services.posts import Posts
from microblog.store.engine.database import Database
from microblog.store.events import outbox
from tests.waiting import until


class Reading:
    """A reader that keeps what it got."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.ended: list[str] = []

    def deliver(self, batch: Batch) -> None:
        self.batches.append(batch)

    def end(self, reason: str) -> None:
        self.ended.append(reason)

    @property
    def positions(self) -> list[int]:
        return [event.position for batch in self.batches for event in batch.events]

    @property
    def texts(self) -> list[str]:
        return [e.post.content.text if e.post else e.kind.value for b in self.batches for e in b.events]


class Site:
    def __init__(self, db: Database, reactor: Any) -> None:
        self.db, self.reactor = db, reactor
        self.dispatcher = EventDispatcher(db, reactor)
        self.posts = Posts(Config.load({}, {}), db, self.dispatcher)

    async def run(self, sql: str, *parameters: Any) -> None:
        async with self.db.transaction() as tx:
            await tx.run(sql, parameters)

    async def settled(self) -> None:
        """All that is committed was dispatched."""
        self.dispatcher.poke()
        await until(self.reactor, lambda: self.dispatcher.idle)

    async def relation(self, who: Viewer, whom: Viewer) -> None:
        async with self.db.transaction() as tx:
            await outbox(tx).put("relation", who.id, whom.id, None, None)
        self.dispatcher.poke()
