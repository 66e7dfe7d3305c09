"""Trending hashtags and posts, the directory of accounts, and suggestions of accounts to follow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from microblog.domain.accounts import Account, Viewer
from microblog.domain.errors import NotFound
from microblog.domain.ids import first_at
from microblog.domain.posts import Post
from microblog.domain.tags import TagView
from microblog.domain.trends import (
    PEOPLE_LEAST,
    POST_HALF_LIFE,
    TAG_HALF_LIFE,
    TRENDS_MOST,
    WINDOW_DAYS,
    Suggestion,
)
from microblog.services.tags import Tags
from microblog.store.engine.database import Database
from microblog.store.trends import trends

#: The largest offset of a listing. Each page reads all pages before it.
OFFSET_MOST: Final = 10_000
#: Seconds that a scoring statement may take. On a large site it takes longer than a request may.
SCORING_TIMEOUT: Final = 60.0


class Trends:
    """The use cases of discovery. ``now`` returns the time in UTC."""

    def __init__(self, *, db: Database, tags: Tags, now: Callable[[], datetime]) -> None:
        self.db = db
        self._tags = tags
        self._now = now

    async def compute(self) -> tuple[int, int] | None:
        """Score all hashtags and posts. Return how many of each trend, or None while another process scores."""
        now = self._now()
        from_id, now_ms = first_at(now - timedelta(days=WINDOW_DAYS)), now.timestamp() * 1000
        async with self.db.transaction() as tx:
            if not await trends(tx).lock():
                return None
            await tx.allow(SCORING_TIMEOUT)
            tags: int = await trends(tx).compute_tags(
                from_id, now_ms, TAG_HALF_LIFE, PEOPLE_LEAST, TRENDS_MOST
            )
            posts: int = await trends(tx).compute_posts(
                from_id, now_ms, POST_HALF_LIFE, PEOPLE_LEAST, TRENDS_MOST
            )
        return tags, posts

    async def tags(self, viewer: Viewer | None, *, offset: int = 0, limit: int = 10) -> list[TagView]:
        """Return trending hashtags, most used first. Takes three queries."""
        keys: list[str] = await trends(self.db.reads).tags(_offset(offset), limit)
        return await self._tags.views(viewer, keys)

    async def posts(self, viewer: Viewer | None, *, offset: int = 0, limit: int = 20) -> list[Post]:
        """Return trending posts, best first, without authors whom the viewer mutes or blocks."""
        trending: list[Post] = await trends(self.db.reads).posts(_id(viewer), _offset(offset), limit)
        return trending

    async def directory(
        self,
        viewer: Viewer | None,
        *,
        newest: bool = False,
        local: bool = False,
        offset: int = 0,
        limit: int = 40,
    ) -> list[Account]:
        """Return discoverable accounts, last active first, or with ``newest`` the newest first."""
        listing = trends(self.db.reads).newest if newest else trends(self.db.reads).active
        listed: list[Account] = await listing(_id(viewer), local, _offset(offset), limit)
        return listed

    async def suggestions(self, viewer: Viewer, *, limit: int = 40) -> list[Suggestion]:
        """Return accounts that the viewer's followees follow, then accounts with many followers."""
        suggested: list[Suggestion] = await trends(self.db.reads).suggestions(viewer.id, limit)
        return suggested

    async def dismiss(self, viewer: Viewer, account_id: int) -> None:
        """Never suggest an account again. Raises NotFound if it does not exist."""
        async with self.db.transaction() as tx:
            if await trends(tx).dismiss(viewer.id, account_id) is None:
                raise NotFound("There is no such account.")


def _offset(offset: int) -> int:
    return max(0, min(offset, OFFSET_MOST))


def _id(viewer: Viewer | None) -> int | None:
    return viewer.id if viewer is not None else None
