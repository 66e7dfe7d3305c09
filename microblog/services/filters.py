"""Filters: an account's own rules that hide posts or show a warning instead."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from twisted.internet.defer import DeferredSemaphore
from twisted.internet.threads import deferToThreadPool

from microblog.domain.accounts import Viewer
from microblog.domain.errors import InvalidInput, NotFound
from microblog.domain.events import Kind
from microblog.domain.filters import (
    CHARACTERS_OF_ACCOUNT,
    FILTERS_MOST,
    KEYWORDS_MOST,
    KEYWORDS_OF_ACCOUNT,
    POSTS_MOST,
    POSTS_OF_ACCOUNT,
    Action,
    Compilations,
    Compiled,
    Context,
    Filter,
    FilterPost,
    FilterResult,
    Keyword,
    filter_action,
    filter_contexts,
    filter_keyword,
    filter_title,
    hidden,
    results,
    within_budget,
)
from microblog.domain.posts import Page, Post
from microblog.store.engine.database import Database
from microblog.store.events import outbox
from microblog.store.filters import filters
from microblog.store.locks import retried
from microblog.store.posts.reading import posts

#: The most work that the reactor thread does for a request, in keywords times characters: some milliseconds.
AT_ONCE: Final = 2_000_000
THREADS: Final = 2  #: requests that search in threads at the same time
#: The longest filter that expires. A longer one is cut to this.
LONGEST: Final = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class KeywordChange:
    """A keyword to add (``id`` None), to change or to remove."""

    keyword: str | None = None
    whole_word: bool | None = None
    id: int | None = None
    destroy: bool = False


class Filters:
    """Applies and changes a viewer's filters. ``now`` is the time, in UTC."""

    def __init__(
        self, *, db: Database, now: Callable[[], datetime], poke: Callable[[], None] = lambda: None
    ) -> None:
        self.db = db
        self._now = now
        self._poke = poke
        self._reactor = db.reactor
        self._compilations = Compilations()
        self._threads = DeferredSemaphore(THREADS)

    # -------------------------------------------------------------------------------------------- applied

    async def results(
        self, viewer: Viewer | None, shown: Iterable[Post], context: Context | None
    ) -> dict[int, tuple[FilterResult, ...]]:
        """Return the filter results of posts, by the id of the post that is shown. One query; none without a viewer.

        Those for ``context``; all, where it is None: whoever reads them knows where they read.
        """
        listed = list(shown)
        if viewer is None or not listed:
            return {}
        applying: list[Filter] = within_budget(
            await filters(self.db.reads).applying(viewer.id, None if context is None else context.value)
        )
        if not applying:
            return {}
        look = partial(_results, [self._compilations.of(each) for each in applying], listed, viewer.id)
        work = sum(len(each.keywords) for each in applying) * sum(len(each.content.text) for each in listed)
        if work <= AT_ONCE:
            return look()
        # In a thread, few at a time: the reactor runs between the single searches.
        return await self._threads.run(
            partial(deferToThreadPool, self._reactor, self._reactor.getThreadPool(), look)
        )

    async def applied(
        self, viewer: Viewer | None, page: Page[Post], context: Context
    ) -> tuple[Page[Post], dict[int, tuple[FilterResult, ...]]]:
        """Return a page without hidden posts, and the results that show a warning. The cursors stay the same."""
        found = await self.results(viewer, page.items, context)
        if not found:
            return page, found
        kept = tuple(each for each in page.items if not hidden(found.get(each.content.id, ())))
        return Page(kept, page.older, page.newer, page.first, page.last), found

    # -------------------------------------------------------------------------------------------- changing

    async def all(self, viewer: Viewer) -> list[Filter]:
        """Return the viewer's filters, oldest first, including expired ones."""
        found: list[Filter] = await filters(self.db.reads).all(viewer.id)
        return found

    async def by_id(self, viewer: Viewer, filter_id: int) -> Filter:
        """Return a filter of the viewer's. Raises NotFound."""
        return _found(await filters(self.db.reads).by_id(viewer.id, filter_id))

    @retried
    async def create(
        self,
        viewer: Viewer,
        title: str,
        contexts: Iterable[str],
        *,
        action: str = Action.WARN.value,
        expires_in: float | None = None,
        keywords: Sequence[KeywordChange] = (),
    ) -> Filter:
        """Create a filter that expires after ``expires_in`` seconds (None or 0: never). Raises InvalidInput."""
        title, chosen, does = filter_title(title), filter_contexts(contexts), filter_action(action)
        until = self._until(expires_in)
        async with self._change(viewer) as tx:
            filter_id = await filters(tx).insert(
                viewer.id, title, [each.value for each in chosen], does.value, until, FILTERS_MOST
            )
            if filter_id is None:
                raise InvalidInput(f"{FILTERS_MOST} filters are the most.", None, "too_many")
            await self._change_keywords(tx, filter_id, (), keywords)
            if keywords:
                await self._check_budget(tx, viewer)
            return _found(await filters(tx).by_id(viewer.id, filter_id))

    @retried
    async def update(
        self,
        viewer: Viewer,
        filter_id: int,
        *,
        title: str | None = None,
        contexts: Iterable[str] | None = None,
        action: str | None = None,
        expires_in: float | None = None,
        keep_expiry: bool = True,
        keywords: Sequence[KeywordChange] = (),
    ) -> Filter:
        """Change a filter; None leaves a setting as it is. ``keep_expiry=False`` sets ``expires_in``, even to None.

        Raises NotFound, InvalidInput.
        """
        async with self._change(viewer) as tx:
            before = _found(await filters(tx).by_id(viewer.id, filter_id))
            chosen = before.contexts if contexts is None else filter_contexts(contexts)
            await filters(tx).update(
                viewer.id,
                filter_id,
                before.title if title is None else filter_title(title),
                [each.value for each in chosen],
                (before.action if action is None else filter_action(action)).value,
                before.expires_at if keep_expiry else self._until(expires_in),
            )
            await self._change_keywords(tx, filter_id, before.keywords, keywords)
            if any(not each.destroy for each in keywords):
                await self._check_budget(tx, viewer)
            return _found(await filters(tx).by_id(viewer.id, filter_id))

    @retried
    async def delete(self, viewer: Viewer, filter_id: int) -> None:
        """Delete a filter. Raises NotFound."""
        async with self._change(viewer) as tx:
            if await filters(tx).delete(viewer.id, filter_id) is None:
                raise NotFound

    # -------------------------------------------------------------------------------------------- keywords

    async def keyword(self, viewer: Viewer, keyword_id: int) -> tuple[Filter, Keyword]:
        """Return a keyword with its filter. Raises NotFound."""
        found = _found(await filters(self.db.reads).of_keyword(viewer.id, keyword_id))
        return found, _keyword(found, keyword_id)

    async def add_keyword(
        self, viewer: Viewer, filter_id: int, keyword: str, *, whole_word: bool = True
    ) -> Keyword:
        """Add a keyword. Raises NotFound, InvalidInput (field "keyword")."""
        known = {each.id for each in (await self.by_id(viewer, filter_id)).keywords}
        change = KeywordChange(keyword, whole_word)
        made = await self.update(viewer, filter_id, keywords=[change])
        return next(each for each in reversed(made.keywords) if each.id not in known)

    async def change_keyword(
        self, viewer: Viewer, keyword_id: int, keyword: str | None, whole_word: bool | None
    ) -> Keyword:
        """Change a keyword; None leaves a setting as it is. Raises NotFound, InvalidInput."""
        before, _ = await self.keyword(viewer, keyword_id)
        change = KeywordChange(keyword, whole_word, keyword_id)
        return _keyword(await self.update(viewer, before.id, keywords=[change]), keyword_id)

    async def delete_keyword(self, viewer: Viewer, keyword_id: int) -> None:
        """Delete a keyword. Raises NotFound."""
        before, _ = await self.keyword(viewer, keyword_id)
        await self.update(viewer, before.id, keywords=[KeywordChange(id=keyword_id, destroy=True)])

    async def _change_keywords(
        self, tx: Any, filter_id: int, known: Sequence[Keyword], changes: Sequence[KeywordChange]
    ) -> None:
        if len(known) + len(changes) > KEYWORDS_MOST and any(
            each.id is None and not each.destroy for each in changes
        ):
            raise InvalidInput(f"A filter has at most {KEYWORDS_MOST} keywords.", "keyword", "too_many")
        before = {each.id: each for each in known}
        for change in changes:
            if change.id is None:
                if not change.destroy:
                    whole = True if change.whole_word is None else change.whole_word
                    await filters(tx).add_keyword(filter_id, filter_keyword(change.keyword or ""), whole)
                continue
            was = before.get(change.id)
            if was is None:
                raise NotFound
            if change.destroy:
                await filters(tx).delete_keyword(filter_id, change.id)
            else:
                await filters(tx).update_keyword(
                    filter_id,
                    change.id,
                    was.keyword if change.keyword is None else filter_keyword(change.keyword),
                    was.whole_word if change.whole_word is None else change.whole_word,
                )

    async def _check_budget(self, tx: Any, viewer: Viewer) -> None:
        """Check the size of all filters of the account after a change. Raises InvalidInput."""
        keywords, characters, single = await filters(tx).used(viewer.id)
        if keywords > KEYWORDS_OF_ACCOUNT:
            raise InvalidInput(
                f"All your filters together have at most {KEYWORDS_OF_ACCOUNT} keywords. Remove some first.",
                "keyword",
                "too_many",
            )
        if characters > CHARACTERS_OF_ACCOUNT:
            raise InvalidInput(
                f"The keywords of all your filters together have at most {CHARACTERS_OF_ACCOUNT} characters. "
                "Remove some first.",
                "keyword",
                "too_many",
            )
        if single > POSTS_OF_ACCOUNT:
            raise InvalidInput(
                f"All your filters together have at most {POSTS_OF_ACCOUNT} posts. Remove some first.",
                None,
                "too_many",
            )

    # -------------------------------------------------------------------------------------------- posts

    @retried
    async def add_post(self, viewer: Viewer, filter_id: int, post_id: int) -> FilterPost:
        """Filter one post, whatever its text. Repeating it changes nothing. Raises NotFound for an invisible post."""
        async with self._change(viewer) as tx:
            before = _found(await filters(tx).by_id(viewer.id, filter_id))
            post = await posts(tx).visible(post_id, viewer.id)
            if post is None:
                raise NotFound
            if len(before.posts) >= POSTS_MOST:
                raise InvalidInput(f"A filter has at most {POSTS_MOST} posts.", None, "too_many")
            await filters(tx).add_post(filter_id, post.content.id)
            await self._check_budget(tx, viewer)
            after = _found(await filters(tx).by_id(viewer.id, filter_id))
        return next(each for each in after.posts if each.post_id == post.content.id)

    async def post(self, viewer: Viewer, entry_id: int) -> tuple[Filter, FilterPost]:
        """Return a filtered post with its filter. Raises NotFound."""
        found = _found(await filters(self.db.reads).of_post(viewer.id, entry_id))
        return found, next(each for each in found.posts if each.id == entry_id)

    @retried
    async def delete_post(self, viewer: Viewer, entry_id: int) -> None:
        """Stop filtering a single post. Raises NotFound."""
        async with self._change(viewer) as tx:
            found = _found(await filters(tx).of_post(viewer.id, entry_id))
            await filters(tx).delete_post(found.id, entry_id)

    @asynccontextmanager
    async def _change(self, viewer: Viewer) -> AsyncIterator[Any]:
        """Run a transaction that changes filters, and notify the viewer's live streams after it."""
        async with self.db.transaction() as tx:
            yield tx
            # A kind that older processes of the site know: they only reload the viewer's relations.
            detail = json.dumps({"filters": True})
            await outbox(tx).put(Kind.RELATION.value, viewer.id, None, None, detail)
        self._poke()

    def _until(self, seconds: float | None) -> datetime | None:
        if not seconds or seconds <= 0:
            return None
        return self._now() + min(timedelta(seconds=min(seconds, 1e10)), LONGEST)


def _results(
    applying: Sequence[Compiled], listed: Sequence[Post], viewer_id: int
) -> dict[int, tuple[FilterResult, ...]]:
    found = {each.content.id: results(applying, each, viewer_id) for each in listed}
    return {post_id: each for post_id, each in found.items() if each}


def _found(found: Filter | None) -> Filter:
    if found is None:
        raise NotFound
    return found


def _keyword(chosen: Filter, keyword_id: int) -> Keyword:
    for each in chosen.keywords:
        if each.id == keyword_id:
            return each
    raise NotFound
