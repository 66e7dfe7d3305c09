"""The part of the metrics that comes from the database."""

from __future__ import annotations

from microblog.services.live.dispatcher import EventDispatcher
from microblog.store.engine.database import Database
from microblog.store.engine.pool import Pool
from microblog.store.metrics import JOB_STATES, SiteMetrics, site_metrics

__all__ = ["JOB_STATES", "Measuring", "SiteMetrics"]


class Measuring:
    """The figures of the database for ``/metrics``: the pool's numbers, and one query for the rest."""

    def __init__(self, db: Database, dispatcher: EventDispatcher) -> None:
        self._db = db
        self.dispatcher = dispatcher

    @property
    def pool(self) -> Pool:
        return self._db.pool

    async def take(self) -> SiteMetrics:
        """One query.  Raises Unavailable."""
        taken: SiteMetrics = await site_metrics(self._db.reads).take(self.dispatcher.position)
        return taken
