"""Editing a post."""

from __future__ import annotations

from microblog.domain.accounts import Viewer
from microblog.domain.errors import NotFound
from microblog.domain.events import NotificationKind
from microblog.domain.posts import Draft, Post
from microblog.domain.visibility import Visibility
from microblog.services.conversations import add_to_conversations
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.notifications.write import notify_each
from microblog.services.posts.drafts import Drafts
from microblog.services.posts.reading import Reading
from microblog.services.tag_counts import TagCounts
from microblog.store.engine.database import Database
from microblog.store.locks import retried
from microblog.store.posts.writing import encoded, writing
from microblog.store.reactions import reactions


class Editing:
    """Changes posts and keeps their earlier versions."""

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

    @retried
    async def edit(self, viewer: Viewer, post_id: int, draft: Draft) -> Post:
        """Change a post of the viewer to a draft and return it. The draft's visibility and reply are ignored.

        Raises InvalidInput as `publish` does, and NotFound unless the viewer is the author.
        """
        checked = self._drafts.check(draft, viewer.language)
        async with self._db.transaction() as tx:
            before = await writing(tx).for_update(post_id, viewer.id, False)
            if before is None:
                raise NotFound
            mentions = await self._drafts.mentions(tx, checked)
            mentioned = {each.account_id for each in mentions.values()}
            # Only the accounts that a private post mentioned could see it. They keep the version that mentioned them.
            former = () if before.visibility.open else before.former_after(list(mentioned))
            content = checked.content(mentions, former)
            if (before.text, before.summary, before.sensitive) != (
                content.text,
                content.summary,
                content.sensitive,
            ):
                await writing(tx).update(post_id, viewer.id, encoded(content))
                newly_mentioned = mentioned - {each.account_id for each in before.mentions} - {viewer.id}
                if before.visibility is Visibility.DIRECT:
                    await add_to_conversations(tx, post_id, viewer.id, sorted(newly_mentioned))
                kinds = dict.fromkeys(await reactions(tx).boosters(post_id), NotificationKind.EDIT)
                kinds.update(dict.fromkeys(newly_mentioned, NotificationKind.MENTION))
                kinds.pop(viewer.id, None)
                await notify_each(tx, kinds, viewer.id, post_id)
            elif before.language != content.language:
                # The text is the same, so there is no earlier version to keep and nothing to notify of.
                await writing(tx).set_language(post_id, content.language)
        self._dispatcher.poke()
        if before.visibility is Visibility.PUBLIC and checked.hashtags.keys() != set(before.tags):
            await self._tag_counts.follow(checked.hashtags)
        return await self._reading.by_id(viewer, post_id)
