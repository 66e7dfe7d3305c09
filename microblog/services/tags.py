"""Hashtags: their use, and following and featuring them."""

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
    """The use cases around hashtags. ``poke`` wakes the dispatcher for a new event. ``now`` returns the time in UTC."""

    def __init__(self, *, db: Database, poke: Callable[[], None], now: Callable[[], datetime]) -> None:
        self.db = db
        self._poke = poke
        self._now = now

    async def view(self, viewer: Viewer | None, tag: str) -> TagView:
        """Return a hashtag, also one that was never used. Raises NotFound for a text that can't be a hashtag."""
        (view,) = await self.views(viewer, [tag_key(tag)])
        return view

    async def views(self, viewer: Viewer | None, keys: Sequence[str]) -> list[TagView]:
        """Return the hashtags with the keys, in their order. Takes two queries."""
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
        """Show the public posts of a hashtag on the viewer's home timeline.

        Raises NotFound for a text that can't be a hashtag, and InvalidInput beyond :data:`FOLLOWED_MOST`.
        """
        key = tag_key(tag)
        async with self.db.transaction() as tx:
            if await tags(tx).follow(viewer.id, key, FOLLOWED_MOST) is not None:
                await outbox(tx).put(Kind.RELATION.value, viewer.id, None, None, None)
        self._poke()
        view = await self.view(viewer, key)
        if not view.following:
            raise InvalidInput(
                f"{FOLLOWED_MOST} hashtags are the most that you can follow.", None, "too_many"
            )
        return view

    @retried
    async def unfollow(self, viewer: Viewer, tag: str) -> TagView:
        key = tag_key(tag)
        async with self.db.transaction() as tx:
            await tags(tx).unfollow(viewer.id, key)
            await outbox(tx).put(Kind.RELATION.value, viewer.id, None, None, None)
        self._poke()
        return await self.view(viewer, key)

    async def followed(self, viewer: Viewer, span: Span) -> Page[TagView]:
        """Return the hashtags that the viewer follows, newest first."""
        followed: list[tuple[int, str]] = await tags(self.db.reads).followed(viewer.id, **bounds(span))
        page = page_of(followed, span)
        return Page(await self.views(viewer, page.items), page.older, page.newer, page.first, page.last)

    # -------------------------------------------------------------------------------------------- on profiles

    async def featured(self, account_id: int) -> list[FeaturedTag]:
        """Return the hashtags on an account's profile, most used first."""
        featured: list[FeaturedTag] = await tags(self.db.reads).featured(account_id)
        return featured

    @retried
    async def feature(self, viewer: Viewer, name: str) -> FeaturedTag:
        """Show a hashtag on the viewer's profile. A second time changes nothing. Raises InvalidInput (field "name")."""
        key, shown = tag_named(name)
        async with self.db.transaction() as tx:
            await accounts(tx).lock([viewer.id])  # so that the count of their posts does not change meanwhile
            await tags(tx).feature(viewer.id, key, shown, FEATURED_MOST)
        featured: FeaturedTag | None = await tags(self.db.reads).featured_one(viewer.id, key)
        if featured is None:
            raise InvalidInput(f"A profile shows at most {FEATURED_MOST} hashtags.", "name", "too_many")
        return featured

    @retried
    async def unfeature(self, viewer: Viewer, featured_id: int) -> None:
        """Remove a hashtag from the viewer's profile. Raises NotFound unless it is there."""
        async with self.db.transaction() as tx:
            if await tags(tx).unfeature(viewer.id, featured_id, None) is None:
                raise NotFound

    @retried
    async def unfeature_tag(self, viewer: Viewer, tag: str) -> TagView:
        """Remove a hashtag from the viewer's profile by its text, also where it is not featured."""
        key = tag_key(tag)
        async with self.db.transaction() as tx:
            await tags(tx).unfeature(viewer.id, None, key)
        return await self.view(viewer, key)

    async def worth_featuring(self, viewer: Viewer) -> list[TagView]:
        """Return the hashtags that the viewer uses most and does not feature."""
        return await self.views(viewer, await tags(self.db.reads).used_most(viewer.id, SUGGESTED))
