"""Listings of posts. Each page takes one query."""

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
    """Pages of posts. A ``viewer`` of None is an anonymous request.

    Listings of many authors leave out the accounts that the viewer mutes or blocks. Tags are normalised
    (`domain.text.hashtag_key`).
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    async def public(
        self, viewer: Viewer | None, span: Span, *, local: bool = False, remote: bool = False
    ) -> Page[Post]:
        """Return public posts, without boosts and replies to others.

        ``local`` leaves out the authors of other sites, ``remote`` those of this site.
        """
        listed = await timelines(self._db.reads).public(_id(viewer), local, remote, **bounds(span))
        return page(listed, span, _cursor)

    async def home(self, viewer: Viewer, span: Span) -> Page[Post]:
        """Return posts and boosts of the viewer and the accounts they follow, without replies to other accounts."""
        return page(await by_direction(home(self._db.reads), span, viewer.id), span, _cursor)

    async def tag(self, viewer: Viewer | None, tag: str, span: Span) -> Page[Post]:
        """Return public posts with a tag."""
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
        """Return public posts that have at least one tag of ``some``, all of ``every`` and none of ``none``."""
        listed = await timelines(self._db.reads).tags(
            _id(viewer), list(some), list(every), list(none), **bounds(span)
        )
        return page(listed, span, _cursor)

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
        """Return the posts of an account that the viewer may see, with ``tag`` only those that have it."""
        listed = await timelines(self._db.reads).account(
            _id(viewer), account_id, replies, boosts, tag, **bounds(span)
        )
        return page(listed, span, _cursor)

    async def mentions(self, viewer: Viewer, span: Span, *, direct: bool = False) -> Page[Post]:
        """Return posts that mention the viewer, with ``direct`` only direct posts."""
        return page(
            await timelines(self._db.reads).mentions(viewer.id, direct, **bounds(span)), span, _cursor
        )

    async def bookmarks(self, viewer: Viewer, span: Span) -> Page[Post]:
        """Return bookmarked posts, newest bookmark first. Cursors are ids of bookmarks, not of posts."""
        return page_of(await timelines(self._db.reads).bookmarks(viewer.id, **bounds(span)), span)

    async def favourites(self, viewer: Viewer, span: Span) -> Page[Post]:
        """Return favourited posts, newest favourite first. Cursors are ids of favourites, not of posts."""
        return page_of(await timelines(self._db.reads).favourites(viewer.id, **bounds(span)), span)
