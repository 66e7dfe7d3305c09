"""Search for accounts, hashtags and posts, with one query each."""

from __future__ import annotations

from typing import Final

from microblog.config.load import Config
from microblog.domain import search as words
from microblog.domain.accounts import Account, Viewer
from microblog.domain.errors import InvalidInput
from microblog.domain.hosts import host
from microblog.domain.posts import Page, Post, Span
from microblog.domain.search_results import SearchResults, Tag
from microblog.domain.text import hashtag_key
from microblog.domain.validation import known_name
from microblog.store.engine.database import Database
from microblog.store.engine.paging import bounds, page
from microblog.store.like_patterns import beginning_with
from microblog.store.search import search

#: Accounts and hashtags that a page of results shows above the posts.
FEW: Final = 10

_NO_POSTS: Final[Page[Post]] = Page(())


class Search:
    """Searches for a viewer. A ``viewer`` of None is an anonymous request."""

    def __init__(self, *, config: Config, db: Database) -> None:
        self._config = config
        self.db = db

    async def find(self, viewer: Viewer | None, q: str, span: Span) -> SearchResults:
        """Search for accounts, hashtags and posts. ``@`` searches accounts only, ``#`` hashtags and their posts.

        Accounts and hashtags match by prefix. Posts match by words, newest first, among the public posts of
        ``indexable`` accounts and the posts that the viewer wrote, favourited, boosted, bookmarked or is mentioned in,
        as in Mastodon. A span with a cursor returns posts only.
        `domain.search` defines the operators. ``from:me`` means the viewer.
        """
        q = q.strip()
        if not q:
            return SearchResults((), (), _NO_POSTS)
        first = span.max_id is None and span.min_id is None and span.since_id is None
        viewer_id = None if viewer is None else viewer.id
        sign, bare = (q[0], q[1:]) if q[0] in "@＠#＃" else ("", q)
        people = await self._people(viewer_id, bare) if first and sign not in ("#", "＃") else []
        tags = await self._tags(bare) if first and sign not in ("@", "＠") else []
        posts = await self._posts(viewer, q, span) if sign not in ("@", "＠") else _NO_POSTS
        return SearchResults(people, tags, posts)

    async def people(
        self, viewer: Viewer | None, q: str, *, limit: int = FEW, offset: int = 0, following: bool = False
    ) -> list[Account]:
        """Return the accounts whose names have the prefix or whose display names have the words."""
        return await self._people(
            None if viewer is None else viewer.id, q.strip().lstrip("@＠"), limit, offset, following=following
        )

    async def tags(self, q: str, *, limit: int = FEW, offset: int = 0) -> list[Tag]:
        """Return the hashtags with a prefix."""
        return await self._tags(q.strip().lstrip("#＃"), limit, offset)

    async def posts(self, viewer: Viewer | None, q: str, span: Span) -> Page[Post]:
        """Return the posts with the words, newest first, among those that `find` searches."""
        return await self._posts(viewer, q, span)

    async def _people(
        self, viewer_id: int | None, q: str, limit: int = FEW, offset: int = 0, *, following: bool = False
    ) -> list[Account]:
        query = words.parse_query(q)
        if query.is_empty or not query.tsquery:
            name = known_name(q)
            if name is None:
                return []
        name = known_name(self._without_host(q)) or ""
        matches: list[Account] = await search(self.db.reads).accounts(
            viewer_id, name, beginning_with(name) if name else "", query.tsquery, following, limit, offset
        )
        return matches

    async def _tags(self, q: str, limit: int = FEW, offset: int = 0) -> list[Tag]:
        key = hashtag_key(q)
        if key is None:
            return []
        matches: list[Tag] = await search(self.db.reads).tags(key, beginning_with(key), limit, offset)
        return matches

    async def _posts(self, viewer: Viewer | None, q: str, span: Span) -> Page[Post]:
        query = words.parse_query(q)
        if query.is_empty:
            return Page(())
        author, _, domain = (query.author or "").partition("@")
        if author == "me" and not domain and viewer is not None:
            author = viewer.account.name
        matches: list[Post] = await search(self.db.reads).posts(
            None if viewer is None else viewer.id,
            query.tsquery,
            author or None,
            "" if domain == self._config.host else domain,
            query.language,
            query.after,
            query.before,
            self._config.time_zone,
            **bounds(span),
        )
        return page(matches, span, lambda each: each.id)

    def _without_host(self, q: str) -> str:
        """Return a local address without the host of this site: ``bob`` for ``bob@this.site``."""
        name, at, domain = q.partition("@")
        if not at:
            return q
        if domain.lower() == self._config.netloc:
            return name
        try:
            return name if host(domain) == self._config.host else q
        except InvalidInput:
            return q
