"""Hashtags: followed, featured, and how much they are used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from microblog.domain.accounts import Viewer
from microblog.domain.errors import InvalidInput, NotFound
from microblog.domain.events import Kind
from microblog.domain.posts import Page, Span
from microblog.domain.tags import (
    FEATURED_MOST,
    FOLLOWED_MOST,
    HISTORY_DAYS,
    FeaturedTag,
    TagDay,
    TagView,
    tag_key,
    tag_named,
)
from microblog.store.accounts import accounts
from microblog.store.engine.database import Database
from microblog.store.engine.paging import bounds, page_of
from microblog.store.events import outbox
from microblog.store.locks import retried
from microblog.store.tags import tags

SUGGESTED: Final = 10


class Tags:
    """``poke`` tells the dispatcher that there is an event; ``now`` is the time, in UTC."""

    def __init__(self, *, db: Database, poke: Callable[[], None], now: Callable[[], datetime]) -> None:
        self.db = db
        self._poke = poke
        self._now = now

    async def view(self, viewer: Viewer | None, tag: str) -> TagView:
        """A tag, be it ever used or not. Raises NotFound for what can't be one."""
        (found,) = await self.views(viewer, [tag_key(tag)])
        return found

    async def views(self, viewer: Viewer | None, keys: Sequence[str]) -> list[TagView]:
        """Several, by their keys, in their order: two queries."""
        if not keys:
            return []
        today = self._now().date()
        days = [today - timedelta(days=ago) for ago in range(HISTORY_DAYS)]
        about = await tags(self.db.reads).about(None if viewer is None else viewer.id, list(keys))
        used = {
            (tag, day): TagDay(day, uses, people)
            for tag, day, uses, people in await tags(self.db.reads).history(list(keys), days[-1])
        }
        return [
            TagView(
                tag,
                shown,
                following,
                featuring,
                tuple(used.get((tag, day), TagDay(day, 0, 0)) for day in days),
            )
            for tag, shown, following, featuring in about
        ]

    @retried
    async def follow(self, viewer: Viewer, tag: str) -> TagView:
        """Its public posts come home from now on. Raises NotFound, InvalidInput at the most that one can follow."""
        key = tag_key(tag)
        async with self.db.transaction() as tx:
            if await tags(tx).follow(viewer.id, key, FOLLOWED_MOST) is not None:
                await outbox(tx).put(Kind.RELATION.value, viewer.id, None, None, None)
        self._poke()
        found = await self.view(viewer, key)
        if not found.following:
            raise InvalidInput(
                f"{FOLLOWED_MOST} hashtags are the most that you can follow.", None, "too_many"
            )
        return found

    @retried
    async def unfollow(self, viewer: Viewer, tag: str) -> TagView:
        key = tag_key(tag)
        async with self.db.transaction() as tx:
            await tags(tx).unfollow(viewer.id, key)
            await outbox(tx).put(Kind.RELATION.value, viewer.id, None, None, None)
        self._poke()
        return await self.view(viewer, key)

    async def followed(self, viewer: Viewer, span: Span) -> Page[TagView]:
        """What the viewer follows, the newest first."""
        found: list[tuple[int, str]] = await tags(self.db.reads).followed(viewer.id, **bounds(span))
        page = page_of(found, span)
        return Page(await self.views(viewer, page.items), page.older, page.newer, page.first, page.last)

    # -------------------------------------------------------------------------------------------- on profiles

    async def featured(self, account_id: int) -> list[FeaturedTag]:
        """Those on somebody's profile, the most used first."""
        found: list[FeaturedTag] = await tags(self.db.reads).featured(account_id)
        return found

    @retried
    async def feature(self, viewer: Viewer, name: str) -> FeaturedTag:
        """Show a tag on one's profile; again, nothing changes. Raises InvalidInput (field "name")."""
        key, shown = tag_named(name)
        async with self.db.transaction() as tx:
            await accounts(tx).lock([viewer.id])  # nothing of theirs is published meanwhile
            await tags(tx).feature(viewer.id, key, shown, FEATURED_MOST)
        found: FeaturedTag | None = await tags(self.db.reads).featured_one(viewer.id, key)
        if found is None:
            raise InvalidInput(f"A profile shows at most {FEATURED_MOST} hashtags.", "name", "too_many")
        return found

    @retried
    async def unfeature(self, viewer: Viewer, featured_id: int) -> None:
        """Raises NotFound unless it is the viewer's."""
        async with self.db.transaction() as tx:
            if await tags(tx).unfeature(viewer.id, featured_id, None) is None:
                raise NotFound

    @retried
    async def unfeature_tag(self, viewer: Viewer, tag: str) -> TagView:
        """The same, by the tag; one that isn't featured does no harm."""
        key = tag_key(tag)
        async with self.db.transaction() as tx:
            await tags(tx).unfeature(viewer.id, None, key)
        return await self.view(viewer, key)

    async def worth_featuring(self, viewer: Viewer) -> list[TagView]:
        """What the viewer uses most and doesn't feature."""
        return await self.views(viewer, await tags(self.db.reads).used_most(viewer.id, SUGGESTED))
