"""Muted threads: no more notifications of what is said in them."""

from __future__ import annotations

from microblog.domain.accounts import Viewer
from microblog.domain.errors import NotFound
from microblog.domain.posts import Post
from microblog.store.engine.database import Database
from microblog.store.posts.reading import posts
from microblog.store.thread_mutes import thread_mutes


class ThreadMutes:
    def __init__(self, *, db: Database) -> None:
        self.db = db

    async def mute(self, viewer: Viewer, post_id: int) -> Post:
        """Of the post's whole thread; again, nothing changes. Raises NotFound for a post that can't be seen."""
        return await self._set(viewer, post_id, muted=True)

    async def unmute(self, viewer: Viewer, post_id: int) -> Post:
        return await self._set(viewer, post_id, muted=False)

    async def _set(self, viewer: Viewer, post_id: int, *, muted: bool) -> Post:
        async with self.db.transaction() as tx:
            post = await posts(tx).visible(post_id, viewer.id)
            if post is None:
                raise NotFound
            change = thread_mutes(tx).mute if muted else thread_mutes(tx).unmute
            await change(viewer.id, post.content.thread_id)
            found: Post | None = await posts(tx).visible(post_id, viewer.id)
        if found is None:
            raise NotFound
        return found
