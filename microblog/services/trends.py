"""What there is to discover: trends over tags and posts, the directory of people, suggestions whom to follow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from microblog.domain.accounts import Account, Viewer
from microblog.domain.ids import first_at
from microblog.domain.posts import Post
from microblog.domain.tags import TagView
from microblog.domain.trends import (
    KEPT,
    PEOPLE_LEAST,
    POST_HALF_LIFE,
    TAG_HALF_LIFE,
    WINDOW_DAYS,
    Suggestion,
)
from microblog.services.tags import Tags
from microblog.store.engine.database import Database
from microblog.store.trends import trends

#: The furthest that listings by offset go: each page reads all before it.
FURTHEST: Final = 10_000
#: Seconds that one of the statements that score may take: on a large site longer than a visitor would wait.
PATIENCE: Final = 60.0


class Trends:
    """``now`` is the time, in UTC."""

    def __init__(self, *, db: Database, tags: Tags, now: Callable[[], datetime]) -> None:
        self.db = db
        self._tags = tags
        self._now = now

    async def compute(self) -> tuple[int, int] | None:
        """Score anew: how many tags and posts trend. None when another process is about it."""
        now = self._now()
        from_id, now_ms = first_at(now - timedelta(days=WINDOW_DAYS)), now.timestamp() * 1000
        async with self.db.transaction() as tx:
            if not await trends(tx).lock():
                return None
            await tx.allow(PATIENCE)
            tags: int = await trends(tx).compute_tags(from_id, now_ms, TAG_HALF_LIFE, PEOPLE_LEAST, KEPT)
            posts: int = await trends(tx).compute_posts(from_id, now_ms, POST_HALF_LIFE, PEOPLE_LEAST, KEPT)
        return tags, posts

    async def tags(self, viewer: Viewer | None, *, offset: int = 0, limit: int = 10) -> list[TagView]:
        """The most used first; three queries."""
        keys: list[str] = await trends(self.db.reads).tags(_offset(offset), limit)
        return await self._tags.views(viewer, keys)

    async def posts(self, viewer: Viewer | None, *, offset: int = 0, limit: int = 20) -> list[Post]:
        """The most liked first, without what the viewer mutes or blocks."""
        found: list[Post] = await trends(self.db.reads).posts(_id(viewer), _offset(offset), limit)
        return found

    async def directory(
        self,
        viewer: Viewer | None,
        *,
        newest: bool = False,
        local: bool = False,
        offset: int = 0,
        limit: int = 40,
    ) -> list[Account]:
        """People who want to be found: who wrote last first, or who came last first."""
        listing = trends(self.db.reads).newest if newest else trends(self.db.reads).active
        found: list[Account] = await listing(_id(viewer), local, _offset(offset), limit)
        return found

    async def suggestions(self, viewer: Viewer, *, limit: int = 40) -> list[Suggestion]:
        """Whom those follow whom the viewer follows, then whom many follow."""
        found: list[Suggestion] = await trends(self.db.reads).suggestions(viewer.id, limit)
        return found

    async def dismiss(self, viewer: Viewer, account_id: int) -> None:
        """Never suggest them again. Raises NotFound for nobody."""
        async with self.db.transaction() as tx:
            await trends(tx).dismiss(viewer.id, account_id)


def _offset(offset: int) -> int:
    return max(0, min(offset, FURTHEST))


def _id(viewer: Viewer | None) -> int | None:
    return viewer.id if viewer is not None else None
