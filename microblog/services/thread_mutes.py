"""Muted threads, whose posts send the viewer no notifications."""

from __future__ import annotations

from microblog.domain.accounts import Viewer
from microblog.domain.posts import Post
from microblog.services.posts.reading import visible_post
from microblog.store.engine.database import Database
from microblog.store.thread_mutes import thread_mutes


class ThreadMutes:
    """Mutes and unmutes the thread of a post, and returns the post. Raises NotFound unless the viewer may see it."""

    def __init__(self, *, db: Database) -> None:
        self.db = db

    async def mute(self, viewer: Viewer, post_id: int) -> Post:
        """Mute the whole thread of a post. Muting it again changes nothing."""
        return await self._set(viewer, post_id, muted=True)

    async def unmute(self, viewer: Viewer, post_id: int) -> Post:
        return await self._set(viewer, post_id, muted=False)

    async def _set(self, viewer: Viewer, post_id: int, *, muted: bool) -> Post:
        async with self.db.transaction() as tx:
            post = await visible_post(tx, viewer, post_id)
            change = thread_mutes(tx).mute if muted else thread_mutes(tx).unmute
            await change(viewer.id, post.content.thread_id)
            return await visible_post(tx, viewer, post_id)
