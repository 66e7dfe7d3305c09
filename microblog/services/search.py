"""Search: people, tags, posts; three queries whatever is found."""

from __future__ import annotations

from typing import Final

from microblog.config.load import Config
from microblog.domain import search as words
from microblog.domain.accounts import Account, Viewer
from microblog.domain.errors import InvalidInput
from microblog.domain.hosts import host
from microblog.domain.posts import Page, Post, Span
from microblog.domain.search_results import Found, Tag
from microblog.domain.text import hashtag_key
from microblog.domain.validation import known_name
from microblog.store.engine.database import Database
from microblog.store.engine.paging import bounds, page
from microblog.store.like_patterns import beginning_with
from microblog.store.search import search

#: People and tags that are shown above the posts.
FEW: Final = 10

_NO_POSTS: Final[Page[Post]] = Page(())


class Search:
    def __init__(self, *, config: Config, db: Database) -> None:
        self._config = config
        self.db = db

    async def find(self, viewer: Viewer | None, q: str, span: Span) -> Found:
        """What somebody looks for; ``@`` asks for people alone, ``#`` for tags and the posts that have them.

        People and tags are found by how they begin; posts by their words, newest first, among the public ones of
        accounts that are ``indexable``, and those that the viewer wrote, is named in, favourited, boosted or
        bookmarked, as Mastodon defines it.  Further pages (a span with a cursor) have posts alone.
        The operators are those of ``domain/search.py``; ``from:me`` is the viewer.
        """
        q = q.strip()
        if not q:
            return Found((), (), _NO_POSTS)
        first = span.max_id is None and span.min_id is None and span.since_id is None
        viewer_id = None if viewer is None else viewer.id
        sign, bare = (q[0], q[1:]) if q[0] in "@＠#＃" else ("", q)
        people = await self._people(viewer_id, bare) if first and sign not in ("#", "＃") else []
        tags = await self._tags(bare) if first and sign not in ("@", "＠") else []
        posts = await self._posts(viewer, q, span) if sign not in ("@", "＠") else _NO_POSTS
        return Found(people, tags, posts)

    async def people(
        self, viewer: Viewer | None, q: str, *, limit: int = FEW, offset: int = 0, following: bool = False
    ) -> list[Account]:
        """People by how their names begin, and by words of their shown names."""
        return await self._people(
            None if viewer is None else viewer.id, q.strip().lstrip("@＠"), limit, offset, following=following
        )

    async def tags(self, q: str, *, limit: int = FEW, offset: int = 0) -> list[Tag]:
        """Tags by how they begin."""
        return await self._tags(q.strip().lstrip("#＃"), limit, offset)

    async def posts(self, viewer: Viewer | None, q: str, span: Span) -> Page[Post]:
        """Posts by their words, newest first; ``find`` says among which."""
        return await self._posts(viewer, q, span)

    async def _people(
        self, viewer_id: int | None, q: str, limit: int = FEW, offset: int = 0, *, following: bool = False
    ) -> list[Account]:
        asked = words.parse_query(q)
        if asked.is_empty or not asked.tsquery:
            name = known_name(q)
            if name is None:
                return []
        name = known_name(self._without_host(q)) or ""
        found: list[Account] = await search(self.db.reads).accounts(
            viewer_id, name, beginning_with(name) if name else "", asked.tsquery, following, limit, offset
        )
        return found

    async def _tags(self, q: str, limit: int = FEW, offset: int = 0) -> list[Tag]:
        key = hashtag_key(q)
        if key is None:
            return []
        found: list[Tag] = await search(self.db.reads).tags(key, beginning_with(key), limit, offset)
        return found

    async def _posts(self, viewer: Viewer | None, q: str, span: Span) -> Page[Post]:
        asked = words.parse_query(q)
        if asked.is_empty:
            return Page(())
        author, _, domain = (asked.author or "").partition("@")
        if author == "me" and not domain and viewer is not None:
            author = viewer.account.name
        found: list[Post] = await search(self.db.reads).posts(
            None if viewer is None else viewer.id,
            asked.tsquery,
            author or None,
            "" if domain == self._config.host else domain,
            asked.language,
            asked.after,
            asked.before,
            self._config.time_zone,
            **bounds(span),
        )
        return page(found, span, lambda each: each.id)

    def _without_host(self, q: str) -> str:
        """``bob@this.site`` is ``bob``."""
        name, at, domain = q.partition("@")
        if not at:
            return q
        if domain.lower() == self._config.netloc:
            return name
        try:
            return name if host(domain) == self._config.host else q
        except InvalidInput:
            return q
