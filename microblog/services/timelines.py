"""Listings of posts, a page at a time, each with one query."""

from __future__ import annotations

from collections.abc import Sequence

from microblog.domain.accounts import Viewer
from microblog.domain.posts import Page, Post, Span
from microblog.store.engine.database import Database
from microblog.store.engine.paging import bounds, page, page_of
from microblog.store.home import by_direction, home
from microblog.store.timelines import timelines


def _id(viewer: Viewer | None) -> int | None:
    return viewer.id if viewer is not None else None


def _cursor(post: Post) -> int:
    return post.id


class Timelines:
    """A ``viewer`` of None is a stranger. What a viewer mutes or blocks is left out of what lists others."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def public(
        self, viewer: Viewer | None, span: Span, *, local: bool = False, remote: bool = False
    ) -> Page[Post]:
        """Public posts, of this site's people or of others' alone; no boosts, no replies to others."""
        found = await timelines(self._db.reads).public(_id(viewer), local, remote, **bounds(span))
        return page(found, span, _cursor)

    async def home(self, viewer: Viewer, span: Span) -> Page[Post]:
        """Posts and boosts of those the viewer follows and their own; replies only to them."""
        return page(await by_direction(home(self._db.reads), span, viewer.id), span, _cursor)

    async def tag(self, viewer: Viewer | None, tag: str, span: Span) -> Page[Post]:
        """Public posts with a tag; ``tag`` is normalised (`domain.text.hashtag_key`)."""
        return page(await timelines(self._db.reads).tag(_id(viewer), tag, **bounds(span)), span, _cursor)

    async def tags(
        self,
        viewer: Viewer | None,
        some: Sequence[str],
        span: Span,
        *,
        every: Sequence[str] = (),
        none: Sequence[str] = (),
    ) -> Page[Post]:
        """Public posts with one of ``some`` at least, with all of ``every`` and without ``none``; all normalised."""
        found = await timelines(self._db.reads).tags(
            _id(viewer), list(some), list(every), list(none), **bounds(span)
        )
        return page(found, span, _cursor)

    async def account(
        self,
        viewer: Viewer | None,
        account_id: int,
        span: Span,
        *,
        replies: bool = False,
        boosts: bool = True,
        tag: str | None = None,
    ) -> Page[Post]:
        """What somebody posted, as far as the viewer may see it; with ``tag`` (normalised), only what has it."""
        found = await timelines(self._db.reads).account(
            _id(viewer), account_id, replies, boosts, tag, **bounds(span)
        )
        return page(found, span, _cursor)

    async def mentions(self, viewer: Viewer, span: Span, *, direct: bool = False) -> Page[Post]:
        """Posts that name the viewer; with ``direct``, those for nobody else."""
        return page(
            await timelines(self._db.reads).mentions(viewer.id, direct, **bounds(span)), span, _cursor
        )

    async def bookmarks(self, viewer: Viewer, span: Span) -> Page[Post]:
        """Newest bookmark first; cursors are those of bookmarks, not of posts."""
        return page_of(await timelines(self._db.reads).bookmarks(viewer.id, **bounds(span)), span)

    async def favourites(self, viewer: Viewer, span: Span) -> Page[Post]:
        """Newest favourite first; cursors are those of favourites, not of posts."""
        return page_of(await timelines(self._db.reads).favourites(viewer.id, **bounds(span)), span)
