"""Addresses of this site: which account or post a pasted address leads to."""

from __future__ import annotations

from microblog.domain.accounts import Account, Viewer
from microblog.domain.errors import NotFound
from microblog.domain.posts import Post
from microblog.domain.search import page_at
from microblog.services.accounts import Accounts
from microblog.services.posts import Posts


class Addresses:
    """``netloc`` is the site's host, with its port where there is one."""

    def __init__(self, netloc: str, accounts: Accounts, posts: Posts) -> None:
        self._netloc = netloc
        self._accounts = accounts
        self._posts = posts

    async def find(self, viewer: Viewer | None, written: str) -> Account | Post | None:
        """Return the account or the post whose page a text is the address of, or None.

        The scheme may be missing or another. What the viewer may not see is not there.
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
