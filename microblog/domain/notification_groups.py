"""Groups of notifications ("Ann, Bob and 3 others favourited your post"), and the policy that filters some of them."""

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
    """The notifications of one kind about one post, the follows of one day, or a single notification.

    ``people`` are its newest actors, newest first. ``as_of`` is the database snapshot that the group was read in:
    notifications that are committed later stay unread when the group is marked as read.
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
    """What a rule of the policy does with a notification."""

    ACCEPT = "accept"
    FILTER = "filter"  #: held back as a notification request
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class NotificationPolicy:
    """The rules of an account, and the number of notifications that they hold back."""

    for_not_following: Verdict = Verdict.ACCEPT
    for_not_followers: Verdict = Verdict.ACCEPT
    for_new_accounts: Verdict = Verdict.ACCEPT  #: of less than 30 days
    for_private_mentions: Verdict = Verdict.ACCEPT  #: by accounts that the owner does not follow
    for_limited_accounts: Verdict = Verdict.ACCEPT  #: stored without effect: this site limits no accounts yet
    pending_requests: int = 0
    pending_notifications: int = 0


@dataclass(frozen=True, slots=True)
class NotificationRequest:
    """An account whose notifications are held back; ``id`` is the account's."""

    account: Account
    count: int
    created_at: datetime
    updated_at: datetime
    newest_id: int
    last_post: Post | None = None

    @property
    def id(self) -> int:
        return self.account.id
