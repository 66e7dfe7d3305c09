"""Counting the uses of hashtags after posts are published, edited and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from twisted.logger import Logger

from microblog.domain.errors import MicroblogError
from microblog.services.batch_loader import BatchLoader
from microblog.store.engine.database import Database
from microblog.store.tag_counts import tag_counts

log = Logger()

BATCH_SIZE: Final = 5000  #: changes that one statement counts


class TagCounts:
    """Counts the changes that the database recorded. Concurrent requests share a statement."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._batches: BatchLoader[tuple[tuple[str, str], ...], int] = BatchLoader(self._count)

    async def follow(self, shown: Mapping[str, str]) -> None:
        """Count the hashtags of a committed change. ``shown`` has each new hashtag as written, by its key.

        Never fails, because the post is already published. The next post, or `catch_up`, counts what is left.
        """
        try:
            await self._batches.of(tuple(shown.items()))
        except MicroblogError as error:
            log.info("tags are counted later: {error}", error=error.text)

    async def catch_up(self) -> int:
        """Count all recorded changes and return their number. Periodic tasks call this. Raises Unavailable."""
        counted = 0
        while True:
            batch: int = await tag_counts(self._db.reads).add_up([], [], BATCH_SIZE)
            counted += batch
            if batch < BATCH_SIZE:
                return counted

    async def _count(
        self, requests: Sequence[tuple[tuple[str, str], ...]]
    ) -> dict[tuple[tuple[str, str], ...], int]:
        shown = {tag: name for each in requests for tag, name in each}
        counted: int = await tag_counts(self._db.reads).add_up(list(shown), list(shown.values()), BATCH_SIZE)
        return dict.fromkeys(requests, counted)
