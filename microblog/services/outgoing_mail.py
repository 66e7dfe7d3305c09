"""The rules of outgoing mail: which mails go to whom, when, and how often at most.

- No mail about a notification that its recipient has read, that comes from an account they block or mute, or whose kind
  they switched off.
- Notifications in quick succession share one mail. It waits until ``quiet`` seconds pass without another, but at most
  ``longest`` seconds. Two mails about notifications are at least ``interval`` seconds apart.
- An unconfirmed address gets at most :data:`UNCONFIRMED` mails about notifications: it may belong to another person.
- An address that the mail server refused :data:`BOUNCES` times in a row gets none until another mail gets through.
- No account gets more than ``hourly`` mails an hour, whatever they are about.
- Where another account has confirmed an address, the account that merely typed it gets no mail there. The owner of the
  address gets a warning instead, at most once a day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from microblog.services.jobs import Effect
from microblog.services.mail_subscriptions import MailSubscriptions
from microblog.services.secret_tokens import new_secret
from microblog.store.engine.database import Database
from microblog.store.mail import News, PostNews, Recipient, mail
from microblog.store.users import email_tokens

__all__ = [
    "News",
    "Notice",
    "OutgoingMail",
    "Pace",
    "PostNews",
    "Recipient",
    "Wait",
    "Warned",
]

#: The columns of users that switch mail, by the kind of notification.
SWITCHES: Final = {
    "mention": "mentions",
    "reply": "replies",
    "follow": "follows",
    "follow_request": "follows",
    "boost": "boosts",
    "favourite": "favourites",
}

MOST_NEWS: Final = 100  #: notifications in one mail; the rest goes into the next
UNCONFIRMED: Final = 3  #: mails about notifications to an unconfirmed address
BOUNCES: Final = 3  #: refusals in a row after which an address gets no mail about notifications
WARNING_EVERY: Final = 86_400.0  #: seconds between two warnings to the owner of an address


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of mails: seconds, except ``hourly``, a number of mails."""

    quiet: float = 10.0
    longest: float = 60.0
    interval: float = 300.0
    hourly: int = 20


@dataclass(frozen=True, slots=True)
class Wait:
    """The mail has to wait for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Notice:
    """The content of a mail about notifications, oldest first, and the path of its unsubscribe link."""

    recipient: Recipient
    news: Sequence[News]
    unsubscribe: str


@dataclass(frozen=True, slots=True)
class Warned:
    """The owner of an address, to be warned that another account, ``name``, typed it."""

    owner: Recipient
    name: str


class OutgoingMail:
    """Decides about mails; ``tasks/mail.py`` writes and sends them."""

    def __init__(
        self, db: Database, pace: Pace | None = None, now: Callable[[], datetime] | None = None
    ) -> None:
        """``now`` is the time, in UTC."""
        self._db = db
        self._now = now or (lambda: datetime.now(UTC))
        self._pace = pace or Pace()
        self._subscriptions = MailSubscriptions(db)

    async def notice(self, account_id: int) -> Notice | Wait | None:
        """Return the mail about notifications that an account is due, or how long it has to wait; None without news."""
        recipient: Recipient | None = await mail(self._db.reads).recipient(account_id)
        if recipient is None or recipient.state != "active" or recipient.bounces >= BOUNCES:
            return None
        if recipient.taken:
            return None
        if not recipient.confirmed and recipient.unconfirmed_count >= UNCONFIRMED:
            return None
        kinds = [kind for kind, switch in SWITCHES.items() if getattr(recipient, f"mail_{switch}")]
        news: list[News] = await mail(self._db.reads).news(account_id, kinds, MOST_NEWS) if kinds else []
        if not news:
            return None
        wait = self._wait(recipient, news)
        if wait > 0:
            return Wait(wait)
        switches = {SWITCHES[each.kind] for each in news}
        what = switches.pop() if len(switches) == 1 else "all"
        token = await self._subscriptions.token(account_id, what)
        return Notice(recipient, tuple(news), f"/unsubscribe/{token}")

    def _wait(self, recipient: Recipient, news: Sequence[News]) -> float:
        pace = self._pace
        wait = 0.0
        newest, oldest = min(each.age for each in news), max(each.age for each in news)
        if newest < pace.quiet and oldest < pace.longest:
            wait = min(pace.quiet - newest, pace.longest - oldest)
        if recipient.notified_ago is not None:
            wait = max(wait, pace.interval - recipient.notified_ago)
        if recipient.hour_count >= pace.hourly:
            wait = max(wait, recipient.hour_left, 1.0)
        return wait

    def notice_sent(self, notice: Notice) -> Effect:
        """Return what the transaction that finishes the job writes, so that no mail repeats these notifications."""
        recipient = notice.recipient
        ids = [each.id for each in notice.news]

        async def effect(tx: Any) -> None:
            await mail(tx).mark_mailed(ids)
            await mail(tx).count_sent(recipient.account_id, recipient.email, True)

        return effect

    async def addressee(self, account_id: int) -> Recipient | Wait | None:
        """Return the recipient of a mail that the account's owner asked for.

        None when the account is gone or suspended, or when its address belongs to another account.
        """
        recipient: Recipient | None = await mail(self._db.reads).recipient(account_id)
        if recipient is None or recipient.state == "suspended" or recipient.taken:
            return None
        return self._paced(recipient)

    async def former(self, account_id: int, email: str) -> Recipient | Wait | None:
        """Return the recipient at the confirmed address that the account had when its change was asked for."""
        recipient: Recipient | None = await mail(self._db.reads).recipient(account_id)
        if recipient is None or recipient.state == "suspended":
            return None
        return self._paced(replace(recipient, email=email))

    async def confirmation(
        self, account_id: int, email: str | None = None
    ) -> Recipient | Warned | Wait | None:
        """Return the recipient of the link that confirms an address, by default the address of the sign-up.

        If another account owns the address, return the warning that its owner gets instead.
        """
        asking: Recipient | None = await mail(self._db.reads).recipient(account_id)
        if asking is None or asking.state == "suspended":
            return None
        email = email or asking.email
        owner_id: int | None = await mail(self._db.reads).owner(email)
        if owner_id is None or owner_id == account_id:
            return self._paced(replace(asking, email=email, confirmed=False))
        owner = await self.addressee(owner_id)
        if not isinstance(owner, Recipient):
            return owner
        if owner.warned_ago is not None and owner.warned_ago < WARNING_EVERY:
            return None
        return Warned(owner, asking.name)

    async def link(self, payload: Mapping[str, Any]) -> str | None:
        """Create the link that a job mails and return its secret; None when the request has ended.

        A new password, a suspension or the use of an earlier link ends the request. If an attempt to send fails, the
        next attempt creates another link for the same request, and using one ends all of them.
        """
        if "token" in payload:  # a job of an older release, which created the secret with the job
            return str(payload["token"])
        if "request" not in payload:
            return None
        secret, token_hash = new_secret()
        async with self._db.transaction() as tx:
            made = await email_tokens(tx).insert_link(
                token_hash, bytes.fromhex(payload["request"]), self._now()
            )
        return None if made is None else secret

    def _paced(self, recipient: Recipient) -> Recipient | Wait:
        if recipient.hour_count >= self._pace.hourly:
            return Wait(max(recipient.hour_left, 1.0))
        return recipient

    def warned(self, warned: Warned) -> Effect:
        """Return what finishing the job of a warning writes."""

        async def effect(tx: Any) -> None:
            await mail(tx).count_sent(warned.owner.account_id, warned.owner.email, False)
            await mail(tx).mark_warned(warned.owner.account_id)

        return effect

    def sent(self, recipient: Recipient) -> Effect:
        """Return what finishing the job of any other mail writes."""

        async def effect(tx: Any) -> None:
            await mail(tx).count_sent(recipient.account_id, recipient.email, False)

        return effect

    def bounced(self, recipient: Recipient) -> Effect:
        """Return what the job writes when the mail server refused the address for good."""

        async def effect(tx: Any) -> None:
            await mail(tx).count_bounce(recipient.account_id, recipient.email)

        return effect
