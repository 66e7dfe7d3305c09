"""Writing: publish, edit, delete. Boosts, favourites and bookmarks are in `reactions`, reading is in `reading`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from microblog.config.load import Config
from microblog.domain import counting, render, search, text
from microblog.domain.accounts import Viewer
from microblog.domain.errors import Conflict, InvalidInput, NotFound, UnexpectedMentions
from microblog.domain.events import NotificationKind
from microblog.domain.language import known_language
from microblog.domain.posts import MENTIONS_MOST, Draft, Mention, Post
from microblog.domain.replies import visibility_of_reply
from microblog.domain.visibility import Visibility
from microblog.services.conversations import add_to_conversations, withheld_from
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.live.event_log import audience_json
from microblog.services.notifications.write import notify_each
from microblog.services.publishing import Publishing
from microblog.services.reactions import Reactions
from microblog.services.tag_counts import TagCounts
from microblog.store.engine.database import Database
from microblog.store.locks import hold_to_delete, locks, retried
from microblog.store.posts import posts
from microblog.store.publishing import NewPost
from microblog.store.reactions import reactions
from microblog.store.writing import writing

#: Reactions from which on the deletion of a post may take longer than other statements: they go with it.
MANY: Final = 1000
PATIENCE: Final = 60.0  #: seconds that this may take


@dataclass(frozen=True, slots=True)
class _Written:
    """A draft that was found publishable."""

    parsed: text.Parsed
    html: str
    summary: str
    language: str | None
    mentions: tuple[Mention, ...]
    tags: tuple[str, ...]
    search: str
    former: tuple[Mention, ...] = ()  #: named before an edit

    @property
    def mentions_json(self) -> str:
        named = [{"id": e.account_id, "name": e.name, "domain": e.domain} for e in self.mentions]
        former = [
            {"id": e.account_id, "name": e.name, "domain": e.domain, "former": True} for e in self.former
        ]
        return json.dumps(named + former)

    @property
    def mentioned_ids(self) -> list[int]:
        return [each.account_id for each in self.mentions]


class Posts(Reactions):
    """Use cases around posts. A ``viewer`` of None is an anonymous request."""

    def __init__(self, config: Config, db: Database, dispatcher: EventDispatcher) -> None:
        super().__init__(db, dispatcher)
        self._config = config
        self._publishing = Publishing(db, dispatcher)
        self._tag_counts = TagCounts(db)

    # -------------------------------------------------------------------------------------------- writing

    @retried
    async def publish(self, viewer: Viewer, draft: Draft, *, at: datetime | None = None) -> Post:
        """Publish a draft; with the same ``draft.key`` again, the same post. ``at``: as if it were then.

        Raises InvalidInput (field "text" or "summary"), NotFound when what it answers can't be seen.
        """
        draft, parsed, summary, language = self._checked(draft, viewer.language)
        visibility = draft.visibility or viewer.default_visibility
        post: Post | None = None
        try:
            if draft.reply_to_id is None and not parsed.mentions and visibility is not Visibility.DIRECT:
                written = self._rendered(parsed, summary, language, {})
                post = await self._publish_alone(viewer, draft, visibility, written, at)
            if post is None:
                post_id, fresh, visibility = await self._insert(viewer, draft, parsed, summary, language, at)
                self._notifier.poke()
            else:
                post_id, fresh = post.id, True
        except Conflict as conflict:
            if draft.key is None or conflict.constraint != "idempotency_keys_pkey":
                raise
            # The same request, sent again: the other one was first, and committed.
            found = await writing(self._db.reads).kept_key(viewer.id, draft.key)
            if found is None:
                raise
            return await self.by_id(viewer, found)
        if fresh and parsed.hashtags and visibility is Visibility.PUBLIC:
            await self._tag_counts.follow({each.key: each.name for each in parsed.hashtags})
        return post or await self.by_id(viewer, post_id)

    async def _publish_alone(
        self, viewer: Viewer, draft: Draft, visibility: Visibility, written: _Written, at: datetime | None
    ) -> Post | None:
        """The post, written by one statement; None where somebody has to be told of it."""
        return await self._publishing.publish(
            NewPost(
                author_id=viewer.id,
                visibility=visibility.value,
                text=written.parsed.text,
                html=written.html,
                summary=written.summary,
                sensitive=draft.sensitive,
                language=written.language,
                tags=written.tags,
                search=written.search,
                key=draft.key,
                at=at,
            )
        )

    async def _insert(
        self,
        viewer: Viewer,
        draft: Draft,
        parsed: text.Parsed,
        summary: str,
        language: str | None,
        at: datetime | None,
    ) -> tuple[int, bool, Visibility]:
        """Return the post's id, whether it is a new one, and its visibility."""
        visibility = draft.visibility or viewer.default_visibility
        async with self._db.transaction() as tx:
            if draft.key is not None:
                found = await writing(tx).kept_key(viewer.id, draft.key)
                if found is not None:
                    return found, False, visibility
            answered: Post | None = None
            if draft.reply_to_id is not None:
                await locks(tx).post(draft.reply_to_id)
                answered = await posts(tx).visible(draft.reply_to_id, viewer.id)
                if answered is None:
                    raise NotFound(
                        "What you answer is gone, or was never for you to see. Your text was not published."
                    )
                answered = answered.content
                if draft.visibility is None:
                    visibility = visibility_of_reply(viewer.default_visibility, answered.visibility)
            written = await self._written(tx, parsed, summary, language)
            _check_mentions(draft, viewer, written)
            post_id, told = await writing(tx).insert(
                viewer.id,
                visibility.value,
                parsed.text,
                written.html,
                summary,
                draft.sensitive,
                language,
                answered.id if answered else None,
                answered.author.id if answered else None,
                answered.author.address if answered else None,
                answered.thread_id if answered else None,
                written.mentions_json,
                written.mentioned_ids,
                list(written.tags),
                written.search,
                at,
            )
            if draft.key is not None:
                await writing(tx).keep_key(viewer.id, draft.key, post_id)
            if visibility is Visibility.DIRECT:
                await add_to_conversations(tx, post_id, viewer.id, [viewer.id, *written.mentioned_ids])
            await self._tell(tx, viewer, visibility, written, post_id, answered, told)
        return post_id, True, visibility

    async def _tell(
        self,
        tx: Any,
        viewer: Viewer,
        visibility: Visibility,
        written: _Written,
        post_id: int,
        answered: Post | None,
        told: list[int],
    ) -> None:
        """Notify each person once: of a reply, else of a mention, else of a post they asked to be told of."""
        kinds: dict[int, NotificationKind] = {}
        mentioned = set(written.mentioned_ids)
        if visibility is not Visibility.DIRECT and answered is None:
            kinds.update(dict.fromkeys(told, NotificationKind.POST))
        kinds.update(dict.fromkeys(mentioned, NotificationKind.MENTION))
        if answered is not None and (visibility.open or answered.author.id in mentioned):
            # One who may not see the answer is not told of it.
            kinds[answered.author.id] = NotificationKind.REPLY
        kinds.pop(viewer.id, None)
        await notify_each(tx, kinds, viewer.id, post_id)

    @retried
    async def edit(self, viewer: Viewer, post_id: int, draft: Draft) -> Post:
        """Change one's post; how it read before is kept. The draft's visibility and reply are ignored.

        Raises InvalidInput as `publish`, NotFound when it isn't the viewer's.
        """
        draft, parsed, summary, language = self._checked(draft, viewer.language)
        async with self._db.transaction() as tx:
            before = await writing(tx).for_update(post_id, viewer.id, False)
            if before is None:
                raise NotFound
            written = await self._written(tx, parsed, summary, language)
            if not before.visibility.open:  # who was named keeps the version that named them
                written = replace(written, former=before.former_after(written.mentioned_ids))
            same = (before.text, before.summary, before.sensitive) == (parsed.text, summary, draft.sensitive)
            if same and before.language != language:
                # The text is the same, so that there is no earlier version to keep and nothing to tell.
                await writing(tx).set_language(post_id, language)
            if not same:
                await writing(tx).update(
                    post_id,
                    viewer.id,
                    parsed.text,
                    written.html,
                    summary,
                    draft.sensitive,
                    language,
                    written.mentions_json,
                    written.mentioned_ids,
                    [each.account_id for each in written.former],
                    list(written.tags),
                    written.search,
                    None,
                )
                fresh = (
                    set(written.mentioned_ids) - {each.account_id for each in before.mentions} - {viewer.id}
                )
                if before.visibility is Visibility.DIRECT:
                    await add_to_conversations(tx, post_id, viewer.id, sorted(fresh))
                kinds = dict.fromkeys(await reactions(tx).boosters(post_id), NotificationKind.EDIT)
                kinds.update(dict.fromkeys(fresh, NotificationKind.MENTION))
                kinds.pop(viewer.id, None)
                await notify_each(tx, kinds, viewer.id, post_id)
        self._notifier.poke()
        if before.visibility is Visibility.PUBLIC and {each.key for each in parsed.hashtags} != set(
            before.tags
        ):
            await self._tag_counts.follow({each.key: each.name for each in parsed.hashtags})
        return await self.by_id(viewer, post_id)

    @retried
    async def delete(self, viewer: Viewer, post_id: int) -> Post:
        """Delete a post of the viewer and return what it was, so that it can be offered as a draft.

        The id of a boost takes back that boost of the viewer. A moderator in a browser session can also delete any
        open post, and a private one that they may see.  Raises NotFound.
        """
        boost: Post | None = await posts(self._db.reads).visible(post_id, viewer.id)
        if boost is not None and boost.boost_of is not None and boost.author.id == viewer.id:
            await self.unboost(viewer, boost.boost_of.id)
            return boost
        async with self._db.transaction() as tx:
            if boost is not None and boost.boosts_count + boost.favourites_count + boost.replies_count > MANY:
                await tx.allow(PATIENCE)
            await hold_to_delete(tx, [post_id])
            post = await writing(tx).for_update(post_id, viewer.id, viewer.role.moderates)
            if post is None:
                raise NotFound
            if post.author.id != viewer.id and not post.visibility.open:
                await self._visible(tx, viewer, post_id)
            withheld = await withheld_from(tx, post)
            await writing(tx).delete(post_id, post.author.id, audience_json(post, withheld))
        self._notifier.poke()
        if post.tags and post.visibility is Visibility.PUBLIC:
            await self._tag_counts.follow({})
        return post

    # -------------------------------------------------------------------------------------------- parts

    def _checked(self, draft: Draft, language: str | None) -> tuple[Draft, text.Parsed, str, str | None]:
        """Return the draft with ``sensitive`` as it is published, its text, its warning and its language.

        A warning makes a post sensitive. A warning without a text is published as the text.
        """
        if len(draft.text) > text.MAX_RAW or len(draft.summary) > text.MAX_RAW:
            raise InvalidInput(
                f"That is far too long. A post has {self._config.post_length} characters.", "text", "too_long"
            )
        parsed = text.parse(draft.text)
        summary = " ".join(text.normalise(draft.summary).split())
        draft = replace(draft, sensitive=draft.sensitive or bool(summary))
        if parsed.is_blank and summary:
            parsed, summary = text.parse(summary), ""
        if parsed.is_blank:
            raise InvalidInput("There is nothing to publish yet. Write something first.", "text", "blank")
        length = text.length(parsed) + counting.graphemes(summary)
        if length > self._config.post_length:
            over = length - self._config.post_length
            raise InvalidInput(
                f"That is {over} {'character' if over == 1 else 'characters'} too long: "
                f"a post has at most {self._config.post_length}.",
                "text",
                "too_long",
            )
        if len(parsed.mentions) > MENTIONS_MOST:
            raise InvalidInput(f"A post can name at most {MENTIONS_MOST} people.", "text", "too_many")
        return draft, parsed, summary, known_language(draft.language) or known_language(language)

    async def _written(self, tx: Any, parsed: text.Parsed, summary: str, language: str | None) -> _Written:
        wanted = parsed.mentions
        found: dict[str, Mention] = {}
        if wanted:
            here = self._config.host
            domains = ["" if each.domain in (None, here) else str(each.domain) for each in wanted]
            known = {m.address: m for m in await writing(tx).named([each.name for each in wanted], domains)}
            for each, domain in zip(wanted, domains, strict=True):
                hit = known.get(f"{each.name}@{domain}" if domain else each.name)
                if hit is not None:
                    found[each.address] = hit
        return self._rendered(parsed, summary, language, found)

    def _rendered(
        self, parsed: text.Parsed, summary: str, language: str | None, found: Mapping[str, Mention]
    ) -> _Written:
        """``found``: those of its mentions that there are, by the address as written."""
        targets = {address: render.MentionTarget(m.name, f"/@{m.address}") for address, m in found.items()}
        unique = tuple({m.account_id: m for m in found.values()}.values())
        return _Written(
            parsed,
            render.html(parsed, targets),
            summary,
            language,
            unique,
            tuple(each.key for each in parsed.hashtags),
            search.indexed(parsed, summary),
        )


def _check_mentions(draft: Draft, viewer: Viewer, written: _Written) -> None:
    """Raise UnexpectedMentions where the draft mentions accounts that it does not allow. The author always may be."""
    if draft.allowed_mentions is None:
        return
    unexpected = [each for each in written.mentioned_ids if each not in draft.allowed_mentions | {viewer.id}]
    if unexpected:
        raise UnexpectedMentions(unexpected)
