"""What an account does with a post: boost, favourite and bookmark it, and take that back."""

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
from microblog.services.reading import Reading
from microblog.store.engine.database import Database
from microblog.store.locks import locks, retried
from microblog.store.posts import posts
from microblog.store.reactions import reactions
from microblog.store.writing import writing


class Reactions(Reading):
    """The reactions among the use cases of `services.posts.Posts`. All are idempotent."""

    def __init__(self, db: Database, dispatcher: EventDispatcher) -> None:
        super().__init__(db)
        self._notifier = dispatcher

    @retried
    async def boost(
        self,
        viewer: Viewer,
        post_id: int,
        *,
        visibility: Visibility | None = None,
        at: datetime | None = None,
    ) -> Post:
        """Boost a post and return it; a second boost changes nothing.

        The boost is as visible as ``visibility`` says, by default as the post, and never wider than either.
        Raises NotFound, Forbidden for a private post, InvalidInput for a direct boost, which nobody could see.
        """
        if visibility is Visibility.DIRECT:
            raise InvalidInput("A boost can be public, unlisted or for followers, not direct.", "visibility")
        async with self._db.transaction() as tx:
            post = await self._locked(tx, viewer, post_id)
            if not may_boost(post.visibility, post.author.id == viewer.id):
                raise Forbidden("This post was not meant for everyone, so it can't be boosted.")
            seen = post.visibility.no_wider_than(visibility or post.visibility)
            made = await reactions(tx).boost(viewer.id, seen.value, post.id, at)
            if made is not None:
                await notify(tx, post.author.id, NotificationKind.BOOST, viewer.id, post.id)
        self._notifier.poke()
        return await self.by_id(viewer, post.id)

    @retried
    async def unboost(self, viewer: Viewer, post_id: int) -> Post:
        """Take the viewer's boost of a post back, with its notification. Raises NotFound."""
        async with self._db.transaction() as tx:
            post = await self._locked(tx, viewer, post_id)
            boost_id = await reactions(tx).boost_id(post.id, viewer.id)
            if boost_id is not None:
                boost = await posts(tx).visible(boost_id, viewer.id)
                await writing(tx).delete(boost_id, viewer.id, audience_json(boost or post))
                await withdraw(tx, post.author.id, NotificationKind.BOOST, viewer.id, post.id)
        self._notifier.poke()
        return await self.by_id(viewer, post.id)

    @retried
    async def favourite(self, viewer: Viewer, post_id: int) -> Post:
        async with self._db.transaction() as tx:
            post = await self._locked(tx, viewer, post_id)
            if await reactions(tx).favourite(viewer.id, post.id):
                await notify(tx, post.author.id, NotificationKind.FAVOURITE, viewer.id, post.id)
        self._notifier.poke()
        return await self.by_id(viewer, post.id)

    @retried
    async def unfavourite(self, viewer: Viewer, post_id: int) -> Post:
        async with self._db.transaction() as tx:
            post = await self._locked(tx, viewer, post_id)
            if await reactions(tx).unfavourite(viewer.id, post.id):
                await withdraw(tx, post.author.id, NotificationKind.FAVOURITE, viewer.id, post.id)
        return await self.by_id(viewer, post.id)

    @retried
    async def bookmark(self, viewer: Viewer, post_id: int) -> Post:
        async with self._db.transaction() as tx:
            post = await self._visible(tx, viewer, post_id)
            await reactions(tx).bookmark(viewer.id, post.id)
        return await self.by_id(viewer, post.id)

    @retried
    async def unbookmark(self, viewer: Viewer, post_id: int) -> Post:
        async with self._db.transaction() as tx:
            post = await self._visible(tx, viewer, post_id)
            await reactions(tx).unbookmark(viewer.id, post.id)
        return await self.by_id(viewer, post.id)

    async def _locked(self, tx: Any, viewer: Viewer, post_id: int) -> Post:
        """The post that the viewer may see, locked before it is read. Raises NotFound."""
        await locks(tx).post(post_id)
        return await self._visible(tx, viewer, post_id)
