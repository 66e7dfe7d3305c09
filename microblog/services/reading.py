"""Reading single posts, threads, and how a post came about."""

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
from microblog.store.posts import posts
from microblog.store.reactions import reactions
from microblog.store.viewer_flags import flags

DESCENDANTS_MOST: Final = 1000


class Reading:
    """What `services.posts.Posts` reads. A ``viewer`` of None is a stranger."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def by_id(self, viewer: Viewer | None, post_id: int) -> Post:
        """Raises NotFound for what is absent and for what the viewer may not see, alike."""
        found = await posts(self._db.reads).visible(post_id, _id(viewer))
        if found is None:
            raise NotFound
        return found

    async def by_ids(self, viewer: Viewer | None, ids: Sequence[int]) -> list[Post]:
        """Those that the viewer may see, in the order asked for."""
        if not ids:
            return []
        found = {each.id: each for each in await posts(self._db.reads).visible_among(list(ids), _id(viewer))}
        return [found[each] for each in ids if each in found]

    async def flags(
        self, posts: Sequence[Post], viewers: Sequence[int]
    ) -> dict[int, tuple[ViewerFlags, ...] | None]:
        """What public posts are to each of some people: of each post that is anything special to them.

        None where it takes more to say: where one of the authors blocks them, or is blocked or muted, and where a
        filter of theirs is for public posts.
        """
        marked: dict[int, tuple[ViewerFlags, ...] | None] = dict.fromkeys(viewers, ())
        if not posts:
            return marked
        found = await flags(self._db.reads).of(
            list(viewers),
            [each.id for each in posts],
            list({each.thread_id for each in posts}),
            list({each.author.id for each in posts}),
        )
        said: defaultdict[int, defaultdict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        for viewer, kind, which in found:
            said[viewer][kind].add(which)
        for viewer, things in said.items():
            marked[viewer] = None if things["unwanted"] or things["filter"] else _marks(posts, things)
        return marked

    async def reply_to(self, viewer: Viewer, post: Post) -> Reply:
        """Return what a reply of the viewer starts from: the one rule for pages, API and push port.

        It addresses the author of ``post`` and everybody whom that mentions, without the viewer, accounts that are
        gone, and accounts that the viewer blocks (unless it is the author, whom they choose to answer). They are no
        more than a post can mention.
        """
        answered = post.content
        people = participants(answered, viewer.id)
        others = [each for each in people if each != answered.author.id]
        if others:
            found = set(await posts(self._db.reads).addressable(others, viewer.id))
            people = {
                each: address
                for each, address in people.items()
                if each in found or each == answered.author.id
            }
        visibility = visibility_of_reply(viewer.default_visibility, answered.visibility)
        return Reply(answered, tuple(people.values())[:MENTIONS_MOST], visibility)

    async def boost_of(self, viewer: Viewer, post_id: int) -> Post:
        """The viewer's own boost of a post. Raises NotFound."""
        boost_id = await reactions(self._db.reads).boost_id(post_id, viewer.id)
        if boost_id is None:
            raise NotFound
        return await self.by_id(viewer, boost_id)

    async def thread(self, viewer: Viewer | None, post_id: int) -> Thread:
        """A post with what it answers and what answers it. Three queries, whatever its length."""
        post = (await self.by_id(viewer, post_id)).content
        ancestors: Sequence[Post] = ()
        if post.reply_to_id is not None:
            ancestors = await posts(self._db.reads).ancestors(post.id, _id(viewer))
        later = await posts(self._db.reads).of_thread(post.thread_id, post.id, _id(viewer), DESCENDANTS_MOST)
        return Thread(post, ancestors, _descendants(post, later))

    async def history(self, viewer: Viewer | None, post_id: int) -> list[Edit]:
        """Return the versions of a post that the viewer may read, oldest first, the present one at the end."""
        post = (await self.by_id(viewer, post_id)).content
        now = Edit(post.text, post.html, post.summary, post.sensitive, post.edited_at or post.created_at)
        return [*await posts(self._db.reads).edits(post.id, _id(viewer)), now]

    async def favourited_by(self, viewer: Viewer | None, post_id: int, span: Span) -> Page[Account]:
        post = (await self.by_id(viewer, post_id)).content
        return page_of(
            await reactions(self._db.reads).favourited_by(_id(viewer), post.id, **bounds(span)), span
        )

    async def boosted_by(self, viewer: Viewer | None, post_id: int, span: Span) -> Page[Account]:
        post = (await self.by_id(viewer, post_id)).content
        return page_of(await reactions(self._db.reads).boosted_by(_id(viewer), post.id, **bounds(span)), span)

    async def _visible(self, tx: Any, viewer: Viewer, post_id: int) -> Post:
        found = await posts(tx).visible(post_id, viewer.id)
        if found is None:
            raise NotFound
        return found.content


def _id(viewer: Viewer | None) -> int | None:
    return viewer.id if viewer is not None else None


def _descendants(post: Post, later: Sequence[Post]) -> list[tuple[int, Post]]:
    """Those of ``later`` (by id) that hang below ``post``, in reading order, with their depths.

    Below the post that began a thread, answers to something deleted are shown as if they answered it.
    """
    answers: defaultdict[int, list[Post]] = defaultdict(list)
    known = {post.id, *(each.id for each in later)}
    for each in later:
        if each.reply_to_id in known:
            answers[each.reply_to_id or 0].append(each)
        elif post.id == post.thread_id:
            answers[post.id].append(each)
    found: list[tuple[int, Post]] = []
    stack = [(1, each) for each in reversed(answers[post.id])]
    while stack:
        depth, each = stack.pop()
        found.append((depth, each))
        stack.extend((depth + 1, answer) for answer in reversed(answers[each.id]))
    return found


def _marks(posts: Sequence[Post], things: Mapping[str, set[int]]) -> tuple[ViewerFlags, ...]:
    """``things`` has the ids of posts by the names of flags; those of threads that are muted."""
    all_marks = (
        ViewerFlags(
            each.id,
            favourited=each.id in things["favourited"],
            boosted=each.id in things["boosted"],
            bookmarked=each.id in things["bookmarked"],
            pinned=each.id in things["pinned"],
            muted=each.thread_id in things["muted"],
        )
        for each in posts
    )
    return tuple(each for each in all_marks if any(each[1:]))
