"""Notifications gathered: "Ann, Bob and 3 others favourited your post"; and whose wait to be asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from microblog.domain.accounts import Account
from microblog.domain.events import NotificationKind
from microblog.domain.posts import Post


@dataclass(frozen=True, slots=True)
class NotificationGroup:
    """Notifications of one kind about one post, or follows of one day; or a single one.

    ``people``: a few of them, the newest first. ``as_of``: the database snapshot it was read in; what committed
    later stays unread when the group is marked as read.
    """

    key: str
    kind: NotificationKind
    count: int
    people: Sequence[Account]
    newest_id: int
    newest_number: int  #: of the newest notification: fits in a JSON number
    oldest_id: int
    newest_at: datetime
    post: Post | None = None
    read: bool = False
    as_of: str | None = None


class Verdict(StrEnum):
    """What becomes of a notification by somebody whom a rule of the policy is about."""

    ACCEPT = "accept"
    FILTER = "filter"  #: waits among the requests
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class NotificationPolicy:
    """Somebody's rules; and what waits among the requests."""

    for_not_following: Verdict = Verdict.ACCEPT
    for_not_followers: Verdict = Verdict.ACCEPT
    for_new_accounts: Verdict = Verdict.ACCEPT  #: of less than 30 days
    for_private_mentions: Verdict = Verdict.ACCEPT  #: by somebody they don't follow
    for_limited_accounts: Verdict = Verdict.ACCEPT  #: of which there are none on this site yet
    pending_requests: int = 0
    pending_notifications: int = 0


@dataclass(frozen=True, slots=True)
class NotificationRequest:
    """Somebody whose notifications wait; ``id`` is theirs."""

    account: Account
    count: int
    created_at: datetime
    updated_at: datetime
    newest_id: int
    last_post: Post | None = None

    @property
    def id(self) -> int:
        return self.account.id
