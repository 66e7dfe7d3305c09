"""Records of posts, drafts, edits, threads and pages of listings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, NamedTuple, TypeVar

from microblog.domain.accounts import Account
from microblog.domain.visibility import Visibility

T = TypeVar("T")

MENTIONS_MOST: Final = 30  #: accounts that one post can mention


@dataclass(frozen=True, slots=True)
class Mention:
    """An account named in a post. Names never change, so the post stores them."""

    account_id: int
    name: str
    domain: str | None = None

    @property
    def address(self) -> str:
        return self.name if self.domain is None else f"{self.name}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Draft:
    """A post to be published. ``key`` makes a repeated request publish one post (Idempotency-Key)."""

    text: str
    summary: str = ""  #: content warning
    sensitive: bool = False
    visibility: Visibility | None = (
        None  #: None: the author's default, in a reply no wider than the answered post
    )
    language: str | None = None
    reply_to_id: int | None = None
    key: str | None = None
    allowed_mentions: frozenset[int] | None = None  #: ids of the accounts that it may mention; None: any


@dataclass(frozen=True, slots=True)
class Post:
    """A post as a viewer sees it. The flags of the viewer are False for an anonymous one.

    A boost is a post of its own with ``boost_of``. Its text is empty; its ``author`` is the account that boosted.
    """

    id: int
    author: Account
    visibility: Visibility
    text: str  #: as typed
    html: str  #: as shown: sanitised, with root-relative links
    summary: str
    sensitive: bool
    language: str | None
    created_at: datetime
    edited_at: datetime | None
    reply_to_id: int | None
    reply_to_account_id: int | None
    reply_to_name: str | None  #: address of the answered account
    thread_id: int  #: id of the first post of the thread
    mentions: tuple[Mention, ...]
    tags: tuple[str, ...]
    replies_count: int
    boosts_count: int
    favourites_count: int
    uri: str | None = None
    boost_of: Post | None = None
    favourited: bool = False
    boosted: bool = False
    bookmarked: bool = False
    pinned: bool = False  #: by the viewer, on the own profile
    muted: bool = False  #: the viewer mutes its thread
    former_mentions: tuple[
        Mention, ...
    ] = ()  #: named before an edit; they see the last version that named them

    @property
    def content(self) -> Post:
        """The boosted post for a boost, else the post itself."""
        return self.boost_of or self

    @property
    def path(self) -> str:
        return f"{self.author.path}/{self.id}"

    @property
    def sensitive_by_itself(self) -> bool:
        """Whether the post is sensitive without a warning, so that it stays so when an edit removes the warning."""
        return self.sensitive and not self.summary

    def former_after(self, mentioned_ids: Sequence[int]) -> tuple[Mention, ...]:
        """Return the accounts that the post names, or named before, and that an edit no longer names."""
        now = set(mentioned_ids)
        named = (*self.mentions, *self.former_mentions)
        return tuple({each.account_id: each for each in named if each.account_id not in now}.values())


class ViewerFlags(NamedTuple):
    """The flags of a viewer on a post."""

    id: int
    favourited: bool
    boosted: bool
    bookmarked: bool
    pinned: bool
    muted: bool


@dataclass(frozen=True, slots=True)
class Edit:
    """A version of a post, valid from ``created_at`` on."""

    text: str
    html: str
    summary: str
    sensitive: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Thread:
    """A post with its ancestors, oldest first, and its descendants, in reading order with depths."""

    post: Post
    ancestors: Sequence[Post]
    descendants: Sequence[tuple[int, Post]]  #: (depth below the post, from 1; post)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a listing, newest first. Cursors are the ids to ask for next, None at an end."""

    items: Sequence[T]
    older: int | None = None  #: ``max_id`` of the page after this one
    newer: int | None = None  #: ``min_id`` of the page before this one
    first: int | None = None  #: cursor of the first item, for newer items
    last: int | None = None  #: cursor of the last item of a full page, whether or not the listing goes on


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a listing: ids below ``max_id``, above ``since_id`` (newest first), or just above ``min_id``."""

    max_id: int | None = None
    since_id: int | None = None
    min_id: int | None = None
    limit: int = 20
