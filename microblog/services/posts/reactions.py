"""Boosting, favouriting and bookmarking posts, and taking that back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from microblog.domain.accounts import Viewer
from microblog.domain.errors import Forbidden, InvalidInput
from microblog.domain.events import NotificationKind
from microblog.domain.posts import Post
from microblog.domain.visibility import Visibility, may_boost
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.live.event_log import audience_json
from microblog.services.notifications.write import notify, withdraw
from microblog.services.posts.reading import Reading, visible_post
from microblog.store.engine.database import Database
from microblog.store.locks import locks, retried
from microblog.store.posts.reading import posts
from microblog.store.posts.writing import writing
from microblog.store.reactions import reactions


class Reactions:
    """The reactions of an account to a post. All are idempotent and return the post. All raise NotFound."""

    def __init__(self, db: Database, dispatcher: EventDispatcher, reading: Reading) -> None:
        self._db = db
        self._dispatcher = dispatcher
        self._reading = reading

    @retried
    async def boost(
        self,
        viewer: Viewer,
        post_id: int,
        *,
        visibility: Visibility | None = None,
        at: datetime | None = None,
    ) -> Post:
        """Boost a post. A second boost changes nothing.

        The boost has the given ``visibility``, by default that of the post, and is never wider than the post.
        Raises NotFound, Forbidden for a private post, InvalidInput for a direct boost, which nobody could see.
        """
        if visibility is Visibility.DIRECT:
            raise InvalidInput("A boost can be public, unlisted or for followers, not direct.", "visibility")
        async with self._db.transaction() as tx:
            post = await _locked(tx, viewer, post_id)
            if not may_boost(post.visibility, post.author.id == viewer.id):
                raise Forbidden("This post was not meant for everyone, so it can't be boosted.")
            seen = post.visibility.no_wider_than(visibility or post.visibility)
            made = await reactions(tx).boost(viewer.id, seen.value, post.id, at)
            if made is not None:
                await notify(tx, post.author.id, NotificationKind.BOOST, viewer.id, post.id)
        self._dispatcher.poke()
        return await self._reading.by_id(viewer, post.id)

    @retried
    async def unboost(self, viewer: Viewer, post_id: int) -> Post:
        """Take the viewer's boost of a post back, with its notification."""
        async with self._db.transaction() as tx:
            post = await _locked(tx, viewer, post_id)
            boost_id = await reactions(tx).boost_id(post.id, viewer.id)
            if boost_id is not None:
                boost = await posts(tx).visible(boost_id, viewer.id)
                await writing(tx).delete(boost_id, viewer.id, audience_json(boost or post))
                await withdraw(tx, post.author.id, NotificationKind.BOOST, viewer.id, post.id)
        self._dispatcher.poke()
        return await self._reading.by_id(viewer, post.id)

    @retried
    async def favourite(self, viewer: Viewer, post_id: int) -> Post:
        async with self._db.transaction() as tx:
            post = await _locked(tx, viewer, post_id)
            if await reactions(tx).favourite(viewer.id, post.id):
                await notify(tx, post.author.id, NotificationKind.FAVOURITE, viewer.id, post.id)
        self._dispatcher.poke()
        return await self._reading.by_id(viewer, post.id)

    @retried
    async def unfavourite(self, viewer: Viewer, post_id: int) -> Post:
        async with self._db.transaction() as tx:
            post = await _locked(tx, viewer, post_id)
            if await reactions(tx).unfavourite(viewer.id, post.id):
                await withdraw(tx, post.author.id, NotificationKind.FAVOURITE, viewer.id, post.id)
        return await self._reading.by_id(viewer, post.id)

    @retried
    async def bookmark(self, viewer: Viewer, post_id: int) -> Post:
        async with self._db.transaction() as tx:
            post = (await visible_post(tx, viewer, post_id)).content
            await reactions(tx).bookmark(viewer.id, post.id)
        return await self._reading.by_id(viewer, post.id)

    @retried
    async def unbookmark(self, viewer: Viewer, post_id: int) -> Post:
        async with self._db.transaction() as tx:
            post = (await visible_post(tx, viewer, post_id)).content
            await reactions(tx).unbookmark(viewer.id, post.id)
        return await self._reading.by_id(viewer, post.id)


async def _locked(tx: Any, viewer: Viewer, post_id: int) -> Post:
    """Lock a post and return it. Raises NotFound unless the viewer may see it."""
    await locks(tx).post(post_id)
    return (await visible_post(tx, viewer, post_id)).content
