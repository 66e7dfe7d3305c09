"""Publishing a post."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import asdict

from microblog.domain.accounts import Viewer
from microblog.domain.errors import Conflict, NotFound, UnexpectedMentions
from microblog.domain.events import NotificationKind
from microblog.domain.posts import Draft, Post
from microblog.domain.replies import visibility_of_reply
from microblog.domain.visibility import Visibility
from microblog.services.conversations import add_to_conversations
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.notifications.write import notify_each
from microblog.services.posts.drafts import CheckedDraft, Drafts
from microblog.services.posts.group_commit import GroupCommit
from microblog.services.posts.reading import Reading
from microblog.services.tag_counts import TagCounts
from microblog.store.engine.database import Database
from microblog.store.locks import locks, retried
from microblog.store.posts.reading import posts
from microblog.store.posts.writing import NewPost, PostContent, encoded, writing


class Publishing:
    """Publishes drafts: plain posts through the group commit, all others in a transaction of their own."""

    def __init__(
        self,
        db: Database,
        dispatcher: EventDispatcher,
        drafts: Drafts,
        tag_counts: TagCounts,
        reading: Reading,
    ) -> None:
        self._db = db
        self._dispatcher = dispatcher
        self._drafts = drafts
        self._tag_counts = tag_counts
        self._reading = reading
        self._group_commit = GroupCommit(db, dispatcher)

    @retried
    async def publish(self, viewer: Viewer, draft: Draft, *, at: datetime | None = None) -> Post:
        """Publish a draft and return the post. A second draft with the same ``key`` returns the first one's post.

        ``at`` is the time of publication, by default now. Raises InvalidInput (field "text"), NotFound when the viewer
        can't see the post that the draft answers, and UnexpectedMentions.
        """
        checked = self._drafts.check(draft, viewer.language)
        visibility = draft.visibility or viewer.default_visibility
        post: Post | None = None
        try:
            if (
                draft.reply_to_id is None
                and not checked.parsed.mentions
                and visibility is not Visibility.DIRECT
            ):
                new = _new_post(viewer, draft, checked.content({}), visibility, at)
                post = await self._group_commit.publish(new)
            if post is None:
                post_id, visibility, is_new = await self._in_transaction(
                    viewer, draft, checked, visibility, at
                )
                self._dispatcher.poke()
                post = await self._reading.by_id(viewer, post_id)
                if not is_new:
                    return post
        except Conflict as conflict:
            if draft.key is None or conflict.constraint != "idempotency_keys_pkey":
                raise
            # The same request arrived twice at once, and the other one was committed first.
            earlier = await writing(self._db.reads).post_id_by_key(viewer.id, draft.key)
            if earlier is None:
                raise
            return await self._reading.by_id(viewer, earlier)
        if checked.hashtags and visibility is Visibility.PUBLIC:
            await self._tag_counts.follow(checked.hashtags)
        return post

    async def _in_transaction(
        self, viewer: Viewer, draft: Draft, checked: CheckedDraft, visibility: Visibility, at: datetime | None
    ) -> tuple[int, Visibility, bool]:
        """Insert the post with its notifications. Return its id, its visibility, and whether it is new."""
        async with self._db.transaction() as tx:
            if draft.key is not None:
                earlier = await writing(tx).post_id_by_key(viewer.id, draft.key)
                if earlier is not None:
                    return earlier, visibility, False
            answered: Post | None = None
            if draft.reply_to_id is not None:
                answered = await _answered(tx, viewer, draft.reply_to_id)
                if draft.visibility is None:
                    visibility = visibility_of_reply(viewer.default_visibility, answered.visibility)
            content = checked.content(await self._drafts.mentions(tx, checked))
            _check_mentions(draft, viewer, content.mentioned_ids)
            new = _new_post(viewer, draft, content, visibility, at, answered)
            inserted = await writing(tx).insert(encoded([new]))
            if not inserted:
                raise NotFound  # the account was deleted meanwhile
            post_id = inserted[0].ids[0]
            if visibility is Visibility.DIRECT:
                await add_to_conversations(tx, post_id, viewer.id, [viewer.id, *content.mentioned_ids])
            kinds = _notifications(new, inserted[0].followers_to_notify)
            await notify_each(tx, kinds, viewer.id, post_id)
        return post_id, visibility, True


async def _answered(tx: Any, viewer: Viewer, post_id: int) -> Post:
    """Lock the post that a reply answers and return it. Raises NotFound."""
    await locks(tx).post(post_id)
    answered: Post | None = await posts(tx).visible(post_id, viewer.id)
    if answered is None:
        raise NotFound("What you answer is gone, or was never for you to see. Your text was not published.")
    return answered.content


def _new_post(
    viewer: Viewer,
    draft: Draft,
    content: PostContent,
    visibility: Visibility,
    at: datetime | None,
    answered: Post | None = None,
) -> NewPost:
    return NewPost(
        **(asdict(content)),
        author_id=viewer.id,
        visibility=visibility,
        reply_to_id=answered.id if answered else None,
        reply_to_account_id=answered.author.id if answered else None,
        reply_to_name=answered.author.address if answered else None,
        thread_id=answered.thread_id if answered else None,
        key=draft.key,
        at=at,
    )


def _notifications(post: NewPost, followers: Sequence[int]) -> dict[int, NotificationKind]:
    """Return the one notification of each account: of a reply, else of a mention, else of a followed author's post."""
    kinds: dict[int, NotificationKind] = {}
    if post.visibility is not Visibility.DIRECT and post.reply_to_id is None:
        kinds.update(dict.fromkeys(followers, NotificationKind.POST))
    kinds.update(dict.fromkeys(post.mentioned_ids, NotificationKind.MENTION))
    answered_id = post.reply_to_account_id
    # An account that may not see the reply gets no notification of it.
    if answered_id is not None and (post.visibility.open or answered_id in post.mentioned_ids):
        kinds[answered_id] = NotificationKind.REPLY
    kinds.pop(post.author_id, None)
    return kinds


def _check_mentions(draft: Draft, viewer: Viewer, mentioned_ids: Sequence[int]) -> None:
    """Raise UnexpectedMentions for accounts that ``draft.allowed_mentions`` lacks. The author is always allowed."""
    if draft.allowed_mentions is None:
        return
    unexpected = [each for each in mentioned_ids if each not in draft.allowed_mentions | {viewer.id}]
    if unexpected:
        raise UnexpectedMentions(unexpected)
