"""Pinned posts: what somebody shows first on their profile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from microblog.domain.accounts import Viewer
from microblog.domain.errors import InvalidInput, NotFound
from microblog.domain.posts import Post
from microblog.domain.visibility import Visibility
from microblog.store.engine.database import Database
from microblog.store.locks import locks, retried
from microblog.store.pins import pins
from microblog.store.posts.reading import posts

MOST: Final = 5


class Pins:
    """``poke`` tells the dispatcher, so that profiles that are kept rendered are made anew."""

    def __init__(self, *, db: Database, poke: Callable[[], None]) -> None:
        self.db = db
        self._poke = poke

    async def of(self, viewer: Viewer | None, account_id: int) -> list[Post]:
        """Somebody's pinned posts, the last pinned first, as far as the viewer may see them."""
        found: list[Post] = await pins(self.db.reads).of(None if viewer is None else viewer.id, account_id)
        return found

    @retried
    async def pin(self, viewer: Viewer, post_id: int) -> Post:
        """Pin one of one's own posts; again, nothing changes.

        Raises NotFound for one that can't be seen, InvalidInput for others', boosts, direct ones and a sixth.
        """
        async with self.db.transaction() as tx:
            await locks(tx).post(post_id)
            post = await self._seen(tx, viewer, post_id)
            if post.author.id != viewer.id or post.boost_of is not None:
                raise InvalidInput("You can pin only posts that you wrote yourself.", None, "ownership")
            if post.visibility is Visibility.DIRECT:
                raise InvalidInput("A direct post can't be pinned: hardly anyone may see it.", None, "direct")
            await pins(tx).hold(viewer.id)
            if await pins(tx).others(viewer.id, post_id) >= MOST:
                raise InvalidInput(
                    f"{MOST} posts are pinned already, and that is the most. Unpin one first.", None, "limit"
                )
            await pins(tx).pin(viewer.id, post_id)
            pinned = await self._seen(tx, viewer, post_id)
        self._poke()
        return pinned

    @retried
    async def unpin(self, viewer: Viewer, post_id: int) -> Post:
        """One that isn't pinned does no harm. Raises NotFound for one that can't be seen."""
        async with self.db.transaction() as tx:
            await pins(tx).unpin(viewer.id, post_id)
            post = await self._seen(tx, viewer, post_id)
        self._poke()
        return post

    async def _seen(self, tx: Any, viewer: Viewer, post_id: int) -> Post:
        post: Post | None = await posts(tx).visible(post_id, viewer.id)
        if post is None:
            raise NotFound
        return post
