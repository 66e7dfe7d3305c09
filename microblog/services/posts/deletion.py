"""Deleting a post."""

from __future__ import annotations

from typing import Final

from microblog.domain.accounts import Viewer
from microblog.domain.errors import NotFound
from microblog.domain.posts import Post
from microblog.domain.visibility import Visibility
from microblog.services.conversations import withheld_from
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.live.event_log import audience_json
from microblog.services.posts.reactions import Reactions
from microblog.services.posts.reading import visible_post
from microblog.services.tag_counts import TagCounts
from microblog.store.engine.database import Database
from microblog.store.locks import lock_to_delete, retried
from microblog.store.posts.reading import posts
from microblog.store.posts.writing import writing

#: Reactions and replies from which on a deletion, which removes them too, may take longer than other statements.
MANY: Final = 1000
LONG_TIMEOUT: Final = 60.0  #: seconds that each statement of such a deletion may take


class Deletion:
    """Deletes posts, and takes back boosts."""

    def __init__(
        self, db: Database, dispatcher: EventDispatcher, tag_counts: TagCounts, reactions: Reactions
    ) -> None:
        self._db = db
        self._dispatcher = dispatcher
        self._tag_counts = tag_counts
        self._reactions = reactions

    @retried
    async def delete(self, viewer: Viewer, post_id: int) -> Post:
        """Delete a post of the viewer and return what it was, so that it can be offered as a draft.

        The id of a boost takes back that boost of the viewer. A moderator in a browser session can also delete any
        open post, and a private one that they may see. Raises NotFound.
        """
        seen: Post | None = await posts(self._db.reads).visible(post_id, viewer.id)
        if seen is not None and seen.boost_of is not None and seen.author.id == viewer.id:
            await self._reactions.unboost(viewer, seen.boost_of.id)
            return seen
        async with self._db.transaction() as tx:
            if seen is not None and seen.boosts_count + seen.favourites_count + seen.replies_count > MANY:
                await tx.allow(LONG_TIMEOUT)
            await lock_to_delete(tx, [post_id])
            post = await writing(tx).for_update(post_id, viewer.id, viewer.role.moderates)
            if post is None:
                raise NotFound
            if post.author.id != viewer.id and not post.visibility.open:
                await visible_post(tx, viewer, post_id)
            withheld = await withheld_from(tx, post)
            await writing(tx).delete(post_id, post.author.id, audience_json(post, withheld))
        self._dispatcher.poke()
        if post.tags and post.visibility is Visibility.PUBLIC:
            await self._tag_counts.follow({})
        return post
