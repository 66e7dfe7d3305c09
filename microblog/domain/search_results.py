"""The results of a search: accounts, hashtags and posts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from microblog.domain.accounts import Account
from microblog.domain.posts import Page, Post


@dataclass(frozen=True, slots=True)
class Tag:
    """A hashtag: ``tag`` is its key, ``shown`` its spelling in the post that used it first."""

    tag: str
    shown: str
    posts_count: int


@dataclass(frozen=True, slots=True)
class SearchResults:
    """The accounts, hashtags and posts that match a query."""

    accounts: Sequence[Account]
    tags: Sequence[Tag]
    posts: Page[Post]
