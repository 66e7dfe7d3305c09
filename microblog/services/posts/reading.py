"""Reading single posts, threads and the history of a post."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from microblog.domain.accounts import Account, Viewer
from microblog.domain.errors import NotFound
from microblog.domain.posts import MENTIONS_MOST, Edit, Page, Post, Span, Thread, ViewerFlags
from microblog.domain.replies import Reply, participants, visibility_of_reply
from microblog.store.engine.database import Database
from microblog.store.engine.paging import bounds, page_of
from microblog.store.posts.reading import posts
from microblog.store.reactions import reactions
from microblog.store.viewer_flags import viewer_flags

DESCENDANTS_MOST: Final = 1000


class Reading:
    """Reads posts for a viewer. A ``viewer`` of None is an anonymous request."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def by_id(self, viewer: Viewer | None, post_id: int) -> Post:
        """Return a post or boost. Raises NotFound if it does not exist or the viewer may not see it."""
        post = await posts(self._db.reads).visible(post_id, _id(viewer))
        if post is None:
            raise NotFound
        return post

    async def by_ids(self, viewer: Viewer | None, ids: Sequence[int]) -> list[Post]:
        """Return the posts that the viewer may see, in the order of ``ids``."""
        if not ids:
            return []
        visible = await posts(self._db.reads).visible_among(list(ids), _id(viewer))
        by_id = {each.id: each for each in visible}
        return [by_id[each] for each in ids if each in by_id]

    async def flags(
        self, posts: Sequence[Post], viewers: Sequence[int]
    ) -> dict[int, tuple[ViewerFlags, ...] | None]:
        """Return, for each viewer, the flags of the public posts that have any.

        None where flags do not suffice: the viewer mutes, blocks or is blocked by one of the authors, or has a filter
        for public posts.
        """
        flags: dict[int, tuple[ViewerFlags, ...] | None] = dict.fromkeys(viewers, ())
        if not posts:
            return flags
        rows = await viewer_flags(self._db.reads).of(
            list(viewers),
            [each.id for each in posts],
            list({each.thread_id for each in posts}),
            list({each.author.id for each in posts}),
        )
        ids_by_kind: defaultdict[int, defaultdict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        for viewer, kind, item_id in rows:
            ids_by_kind[viewer][kind].add(item_id)
        for viewer, ids in ids_by_kind.items():
            flags[viewer] = None if ids["unwanted"] or ids["filter"] else _viewer_flags(posts, ids)
        return flags

    async def reply_to(self, viewer: Viewer, post: Post) -> Reply:
        """Return what a reply of the viewer starts from, for pages, the API and the push port alike.

        The reply addresses the author of ``post`` and the accounts that the post mentions, at most
        :data:`MENTIONS_MOST`. It leaves out the viewer, accounts that no longer exist, and accounts that block the
        viewer or that the viewer blocks. The author stays in any case, because the viewer chose to reply.
        """
        answered = post.content
        addresses = participants(answered, viewer.id)
        others = [each for each in addresses if each != answered.author.id]
        if others:
            addressed = {answered.author.id, *await posts(self._db.reads).addressable(others, viewer.id)}
            addresses = {each: address for each, address in addresses.items() if each in addressed}
        visibility = visibility_of_reply(viewer.default_visibility, answered.visibility)
        return Reply(answered, tuple(addresses.values())[:MENTIONS_MOST], visibility)

    async def boost_of(self, viewer: Viewer, post_id: int) -> Post:
        """Return the viewer's own boost of a post. Raises NotFound."""
        boost_id = await reactions(self._db.reads).boost_id(post_id, viewer.id)
        if boost_id is None:
            raise NotFound
        return await self.by_id(viewer, boost_id)

    async def thread(self, viewer: Viewer | None, post_id: int) -> Thread:
        """Return a post with the posts above and below it. Three queries, whatever the length. Raises NotFound."""
        post = (await self.by_id(viewer, post_id)).content
        ancestors: Sequence[Post] = ()
        if post.reply_to_id is not None:
            ancestors = await posts(self._db.reads).ancestors(post.id, _id(viewer))
        later = await posts(self._db.reads).of_thread(post.thread_id, post.id, _id(viewer), DESCENDANTS_MOST)
        return Thread(post, ancestors, _descendants(post, later))

    async def history(self, viewer: Viewer | None, post_id: int) -> list[Edit]:
        """Return the versions of a post that the viewer may read, oldest first, and the present one last."""
        post = (await self.by_id(viewer, post_id)).content
        present = Edit(post.text, post.html, post.summary, post.sensitive, post.edited_at or post.created_at)
        return [*await posts(self._db.reads).edits(post.id, _id(viewer)), present]

    async def favourited_by(self, viewer: Viewer | None, post_id: int, span: Span) -> Page[Account]:
        post = (await self.by_id(viewer, post_id)).content
        return page_of(
            await reactions(self._db.reads).favourited_by(_id(viewer), post.id, **bounds(span)), span
        )

    async def boosted_by(self, viewer: Viewer | None, post_id: int, span: Span) -> Page[Account]:
        post = (await self.by_id(viewer, post_id)).content
        return page_of(await reactions(self._db.reads).boosted_by(_id(viewer), post.id, **bounds(span)), span)


async def visible_post(tx: Any, viewer: Viewer, post_id: int) -> Post:
    """Return a post or boost within a transaction. Raises NotFound unless the viewer may see it."""
    post: Post | None = await posts(tx).visible(post_id, viewer.id)
    if post is None:
        raise NotFound
    return post


def _id(viewer: Viewer | None) -> int | None:
    return viewer.id if viewer is not None else None


def _descendants(post: Post, later: Sequence[Post]) -> list[tuple[int, Post]]:
    """Return the posts of ``later`` (by id) below ``post``, in reading order, with their depths.

    Below the first post of a thread, replies to a deleted post appear as replies to the first post.
    """
    replies: defaultdict[int, list[Post]] = defaultdict(list)
    known = {post.id, *(each.id for each in later)}
    for each in later:
        if each.reply_to_id in known:
            replies[each.reply_to_id or 0].append(each)
        elif post.id == post.thread_id:
            replies[post.id].append(each)
    descendants: list[tuple[int, Post]] = []
    stack = [(1, each) for each in reversed(replies[post.id])]
    while stack:
        depth, each = stack.pop()
        descendants.append((depth, each))
        stack.extend((depth + 1, reply) for reply in reversed(replies[each.id]))
    return descendants


def _viewer_flags(posts: Sequence[Post], ids: Mapping[str, set[int]]) -> tuple[ViewerFlags, ...]:
    """Return the flags of the posts that have any. ``ids`` has the ids of posts by flag, and of muted threads."""
    all_flags = (
        ViewerFlags(
            each.id,
            favourited=each.id in ids["favourited"],
            boosted=each.id in ids["boosted"],
            bookmarked=each.id in ids["bookmarked"],
            pinned=each.id in ids["pinned"],
            muted=each.thread_id in ids["muted"],
        )
        for each in posts
    )
    return tuple(each for each in all_flags if any(each[1:]))
