"""How the site is doing, as whoever watches it asks: the part that the database knows."""

from __future__ import annotations

from microblog.services.live.dispatcher import Notifier
from microblog.store.database import Database
from microblog.store.metrics import JOB_STATES, Measures, measures
from microblog.store.pool import Pool

__all__ = ["JOB_STATES", "Measures", "Measuring"]


class Measuring:
    """Readings for ``/metrics``: plain numbers where they are at hand, one query for the rest."""

    def __init__(self, db: Database, notifier: Notifier) -> None:
        self._db = db
        self.notifier = notifier

    @property
    def pool(self) -> Pool:
        return self._db.pool

    async def take(self) -> Measures:
        """One query.  Raises Unavailable."""
        taken: Measures = await measures(self._db.reads).take(self.notifier.position)
        return taken
