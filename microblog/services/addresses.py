"""Resolving web addresses of this site to accounts and posts."""

from __future__ import annotations

from microblog.domain.accounts import Account, Viewer
from microblog.domain.errors import NotFound
from microblog.domain.posts import Post
from microblog.domain.search import page_at
from microblog.services.accounts import Accounts
from microblog.services.posts import Posts


class Addresses:
    """Resolves addresses. ``netloc`` is the site's host, with its port if it has one."""

    def __init__(self, netloc: str, accounts: Accounts, posts: Posts) -> None:
        self._netloc = netloc
        self._accounts = accounts
        self._posts = posts

    async def find(self, viewer: Viewer | None, written: str) -> Account | Post | None:
        """Return the account or post that a web address of this site leads to, or None.

        The scheme may be missing or different. None also stands for a post that the viewer may not see.
        """
        page = page_at(written, self._netloc)
        if page is None:
            return None
        try:
            if page.post_id is None:
                return await self._accounts.by_name(page.name)
            return await self._posts.by_id(viewer, page.post_id)
        except NotFound:
            return None
