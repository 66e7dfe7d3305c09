"""The rules of outgoing mail: who is told of what by mail, when, and how often at most.

- Nothing that the reader has seen, of somebody they blocked or muted, or of a kind that they switched off.
- A burst is one mail: it waits until nothing more comes for ``quiet`` seconds, but no longer than ``longest``; and
  there are ``interval`` seconds between two mails about notifications.
- An address that nobody confirmed gets a few such mails and then none: whoever typed it may not own it.
- An address that the mail server refused several times in a row gets none either, until a mail gets through.
- No account gets more than ``hourly`` mails an hour, whatever they are about.
- An address that is somebody else's, who has confirmed it, gets nothing of what concerns the account that merely typed
  it.  Its owner is told of the attempt, once a day at most.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from microblog.domain.errors import NotFound
from microblog.services.jobs import Effect
from microblog.services.secret_tokens import new_secret
from microblog.services.site_keys import site_secret
from microblog.store.engine.database import Database
from microblog.store.mail import News, PostNews, Recipient, mail
from microblog.store.users import email_tokens

__all__ = [
    "MailSubscription",
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
WHATS: Final = ("all", "mentions", "replies", "follows", "boosts", "favourites")

MOST_NEWS: Final = 100  #: in one mail; those above it go into the next
UNCONFIRMED: Final = 3  #: mails about notifications to an unconfirmed address
BOUNCES: Final = 3  #: refusals in a row, after which an address gets no more of them
WARNING_EVERY: Final = 86_400.0  #: seconds between two mails that somebody else typed one's address

_SECRET: Final = "unsubscribe"  # noqa: S105 - a name, not a secret
_SIGNATURE: Final = 16


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds, all but ``hourly``."""

    quiet: float = 10.0
    longest: float = 60.0
    interval: float = 300.0
    hourly: int = 20


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: in so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail to be: what it tells ``recipient`` of, oldest first, and where its one-click link leads."""

    recipient: Recipient
    news: Sequence[News]
    unsubscribe: str  #: a path of the site


@dataclass(frozen=True, slots=True)
class Warned:
    """Somebody to be told that an account, which is not theirs or which they forgot, has typed their address."""

    owner: Recipient
    name: str  #: of that account


@dataclass(frozen=True, slots=True)
class MailSubscription:
    """What an unsubscribe link is about: one of ``WHATS`` for the account of that name."""

    account_id: int
    what: str
    name: str


class OutgoingMail:
    """Decides; ``tasks/mail.py`` writes and sends."""

    def __init__(
        self, db: Database, pace: Pace | None = None, now: Callable[[], datetime] | None = None
    ) -> None:
        """``now`` is the time, in UTC."""
        self._db = db
        self._now = now or (lambda: datetime.now(UTC))
        self._pace = pace or Pace()
        self._key: bytes | None = None

    async def notice(self, account_id: int) -> Notice | Wait | None:
        """What somebody is to be told by mail now, if anything."""
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
        token = await self.unsubscribe_token(account_id, what)
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
        """To be written in the transaction that finishes the job: nobody is told of these again."""
        recipient = notice.recipient
        ids = [each.id for each in notice.news]

        async def effect(tx: Any) -> None:
            await mail(tx).mark_mailed(ids)
            await mail(tx).count_sent(recipient.account_id, recipient.email, True)

        return effect

    async def addressee(self, account_id: int) -> Recipient | Wait | None:
        """Whom to send a mail that they asked for; None when the account is gone or suspended, or the address is
        somebody else's."""
        recipient: Recipient | None = await mail(self._db.reads).recipient(account_id)
        if recipient is None or recipient.state == "suspended" or recipient.taken:
            return None
        return self._paced(recipient)

    async def former(self, account_id: int, email: str) -> Recipient | Wait | None:
        """The same, at the confirmed address that was theirs when they asked for another."""
        recipient: Recipient | None = await mail(self._db.reads).recipient(account_id)
        if recipient is None or recipient.state == "suspended":
            return None
        return self._paced(replace(recipient, email=email))

    async def confirmation(
        self, account_id: int, email: str | None = None
    ) -> Recipient | Warned | Wait | None:
        """Whom to send the link that confirms an address (by default the one that they signed up with).

        Where the address is somebody else's, that is not this account: its owner is to be told instead.
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
        """Return the secret of the link that a job is to mail, made now; None when it is not wanted any more.

        It is not wanted where a new password, a suspension or the link of an earlier attempt ended the request. If an
        attempt to send fails, the next one makes another link for the same request, and using one ends all of them.
        """
        if "token" in payload:  # a job of a release that made the secret earlier
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
        async def effect(tx: Any) -> None:
            await mail(tx).count_sent(warned.owner.account_id, warned.owner.email, False)
            await mail(tx).mark_warned(warned.owner.account_id)

        return effect

    def sent(self, recipient: Recipient) -> Effect:
        async def effect(tx: Any) -> None:
            await mail(tx).count_sent(recipient.account_id, recipient.email, False)

        return effect

    def bounced(self, recipient: Recipient) -> Effect:
        """The mail server refused the address for good."""

        async def effect(tx: Any) -> None:
            await mail(tx).count_bounce(recipient.account_id, recipient.email)

        return effect

    # -- unsubscribing: a link that works without logging in (RFC 8058) ---------------------------------------------

    async def unsubscribe_token(self, account_id: int, what: str) -> str:
        """Says who wants no more of ``what`` (one of ``WHATS``), and proves that it came in a mail of ours."""
        content = account_id.to_bytes(8, "big") + bytes([WHATS.index(what)])
        return base64.urlsafe_b64encode(content + await self._signature(content)).decode().rstrip("=")

    async def subscription(self, token: str) -> MailSubscription:
        """What a link is about.  :raises NotFound: we never sent it, or the account is gone."""
        account_id, what = await self._read(token)
        recipient: Recipient | None = await mail(self._db.reads).recipient(account_id)
        if recipient is None:
            raise NotFound()
        return MailSubscription(account_id, what, recipient.name)

    async def unsubscribe(self, token: str) -> MailSubscription:
        """No more such mail.  Doing it again changes nothing.  :raises NotFound: as ``subscription``."""
        subscription = await self.subscription(token)
        async with self._db.transaction() as tx:
            if await mail(tx).switch_off(subscription.account_id, subscription.what) is None:
                raise NotFound()
        return subscription

    async def _read(self, token: str) -> tuple[int, str]:
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise NotFound() from None
        content, signature = raw[:9], raw[9:]
        if len(content) != 9 or not hmac.compare_digest(signature, await self._signature(content)):
            raise NotFound()
        if content[8] >= len(WHATS):
            raise NotFound()
        return int.from_bytes(content[:8], "big"), WHATS[content[8]]

    async def _signature(self, content: bytes) -> bytes:
        if self._key is None:
            self._key = await site_secret(self._db, _SECRET)
        return hmac.digest(self._key, content, "sha256")[:_SIGNATURE]
