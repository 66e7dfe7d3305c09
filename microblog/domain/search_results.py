"""What a search finds: people, tags and posts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from microblog.domain.accounts import Account
from microblog.domain.posts import Page, Post


@dataclass(frozen=True, slots=True)
class Tag:
    """A hashtag: ``tag`` is its key, ``shown`` as somebody first wrote it."""

    tag: str
    shown: str
    posts_count: int


@dataclass(frozen=True, slots=True)
class Found:
    accounts: Sequence[Account]
    tags: Sequence[Tag]
    posts: Page[Post]
