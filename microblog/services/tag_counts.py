"""Counting the uses of hashtags after posts were written, edited and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from twisted.logger import Logger

from microblog.domain.errors import MicroblogError
from microblog.services.batch_loader import BatchLoader
from microblog.store.engine.database import Database
from microblog.store.tag_counts import tag_counts

log = Logger()

AT_A_TIME: Final = 5000  #: notes of one statement


class TagCounts:
    """Adds up what the database noted. Requests of one moment share a statement."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._gathering: BatchLoader[tuple[tuple[str, str], ...], int] = BatchLoader(self._together)

    async def follow(self, shown: Mapping[str, str]) -> None:
        """Count what a committed change noted. ``shown``: how each new tag was written, by its key.

        Never fails, as what was published is published. What is not counted now is counted with the next post, or by
        `catch_up`.
        """
        try:
            await self._gathering.of(tuple(shown.items()))
        except MicroblogError as error:
            log.info("tags are counted later: {error}", error=error.text)

    async def catch_up(self) -> int:
        """Count all that is left, for the periodic tasks; how many notes that were. Raises Unavailable."""
        counted = 0
        while True:
            found: int = await tag_counts(self._db.reads).add_up([], [], AT_A_TIME)
            counted += found
            if found < AT_A_TIME:
                return counted

    async def _together(
        self, asked: Sequence[tuple[tuple[str, str], ...]]
    ) -> dict[tuple[tuple[str, str], ...], int]:
        shown = {tag: name for each in asked for tag, name in each}
        found: int = await tag_counts(self._db.reads).add_up(list(shown), list(shown.values()), AT_A_TIME)
        return dict.fromkeys(asked, found)
