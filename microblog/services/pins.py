"""Pinned posts, which a profile shows first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from microblog.domain.accounts import Viewer
from microblog.domain.errors import InvalidInput
from microblog.domain.posts import Post
from microblog.domain.visibility import Visibility
from microblog.services.posts.reading import visible_post
from microblog.store.accounts import accounts
from microblog.store.engine.database import Database
from microblog.store.locks import locks, retried
from microblog.store.pins import pins

PINNED_MOST: Final = 5  #: posts that an account can pin


class Pins:
    """Pins an account's own posts to its profile.

    ``poke`` wakes the dispatcher, which invalidates cached profile pages.
    """

    def __init__(self, *, db: Database, poke: Callable[[], None]) -> None:
        self.db = db
        self._poke = poke

    async def of(self, viewer: Viewer | None, account_id: int) -> list[Post]:
        """Return the pinned posts of an account that the viewer may see, last pinned first."""
        viewer_id = None if viewer is None else viewer.id
        pinned: list[Post] = await pins(self.db.reads).of(viewer_id, account_id)
        return pinned

    @retried
    async def pin(self, viewer: Viewer, post_id: int) -> Post:
        """Pin a post of the viewer and return it. Pinning it again changes nothing.

        Raises NotFound unless the viewer may see the post, and InvalidInput for posts of other accounts, boosts, direct
        posts, and more than :data:`PINNED_MOST` posts.
        """
        async with self.db.transaction() as tx:
            await locks(tx).post(post_id)
            post = await visible_post(tx, viewer, post_id)
            if post.author.id != viewer.id or post.boost_of is not None:
                raise InvalidInput("You can pin only posts that you wrote yourself.", None, "ownership")
            if post.visibility is Visibility.DIRECT:
                raise InvalidInput("A direct post can't be pinned: hardly anyone may see it.", None, "direct")
            await accounts(tx).lock([viewer.id])  # so that concurrent pins are counted one after the other
            if await pins(tx).others(viewer.id, post_id) >= PINNED_MOST:
                raise InvalidInput(
                    f"{PINNED_MOST} posts are pinned already, and that is the most. Unpin one first.",
                    None,
                    "limit",
                )
            await pins(tx).pin(viewer.id, post_id)
            pinned = await visible_post(tx, viewer, post_id)
        self._poke()
        return pinned

    @retried
    async def unpin(self, viewer: Viewer, post_id: int) -> Post:
        """Unpin a post and return it, also where it is not pinned. Raises NotFound unless the viewer may see it."""
        async with self.db.transaction() as tx:
            await pins(tx).unpin(viewer.id, post_id)
            post = await visible_post(tx, viewer, post_id)
        self._poke()
        return post
