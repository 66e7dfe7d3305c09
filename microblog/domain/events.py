"""Events in the one order that all live surfaces share.

A writer puts an event into the same transaction as the change. After the commit a sequencer gives it a ``position``.
Positions grow in the order in which events become visible, so a reader that keeps the last position and asks for higher
ones misses nothing and sees nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from microblog.domain.accounts import Account
from microblog.domain.filters import FilterResult
from microblog.domain.posts import Post
from microblog.domain.visibility import Visibility


class Kind(StrEnum):
    POST = "post"
    EDIT = "edit"
    DELETE = "delete"
    BOOST = "boost"
    NOTIFICATION = "notification"
    RELATION = "relation"  #: a follow, mute, block, list or filter changed: relationships are read again
    REVOKED = "revoked"  #: a session or token ended, or an account was suspended


class NotificationKind(StrEnum):
    MENTION = "mention"
    REPLY = "reply"
    FOLLOW = "follow"
    FOLLOW_REQUEST = "follow_request"
    BOOST = "boost"
    FAVOURITE = "favourite"
    EDIT = "edit"  #: of a post that the recipient boosted
    POST = "post"  #: by an account whose posts the recipient is notified of
    SIGN_UP = "sign_up"  #: for moderators


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom an event about a post may concern: enough to decide who gets it when the post is deleted."""

    author_id: int
    author_name: str
    visibility: Visibility
    mentioned_ids: tuple[int, ...]
    tags: tuple[str, ...]
    thread_id: int
    reply_to_account_id: int | None = None
    is_boost: bool = False
    withheld_ids: tuple[int, ...] = ()  #: a block or a policy keeps this direct post from them

    @classmethod
    def of(cls, post: Post, withheld_ids: tuple[int, ...] = ()) -> Audience:
        """Return the audience of a post or boost.

        The boosted post decides who may see a boost. The account that boosts is its author.
        """
        content = post.content
        return cls(
            author_id=post.author.id,
            author_name=post.author.address,
            visibility=max(post.visibility, content.visibility, key=list(Visibility).index),
            mentioned_ids=tuple(each.account_id for each in content.mentions),
            tags=content.tags,
            thread_id=content.thread_id,
            reply_to_account_id=post.reply_to_account_id,
            is_boost=post.boost_of is not None,
            withheld_ids=withheld_ids,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the log. ``post`` is as an anonymous viewer sees it; ``audience`` decides who gets the event."""

    position: int
    kind: Kind
    at: datetime
    account_id: int | None  #: the account that acted
    recipient_id: int | None  #: the only recipient, or None
    post_id: int | None = None
    post: Post | None = None
    audience: Audience | None = None
    notification: Notification | None = None
    token_id: int | None = None
    session_id: int | None = None
    filtered: tuple[FilterResult, ...] = ()  #: results of the viewer's filters on its post

    @property
    def filter_results(self) -> Mapping[int, tuple[FilterResult, ...]]:
        """The results of the viewer's filters by the id of their post, as entities take them."""
        post = self.notification.post if self.notification is not None else self.post
        return {} if post is None or not self.filtered else {post.content.id: self.filtered}


@dataclass(frozen=True, slots=True)
class Notification:
    """An act of ``actor`` that concerns the recipient, on ``post`` if there is one."""

    id: int
    recipient_id: int
    kind: NotificationKind
    actor: Account
    created_at: datetime
    post: Post | None = None
    read: bool = False
