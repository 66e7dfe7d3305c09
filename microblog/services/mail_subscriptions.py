"""Unsubscribing from mail by a link that works without logging in (RFC 8058)."""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from typing import Final

from microblog.domain.errors import NotFound
from microblog.services.site_keys import site_secret
from microblog.store.engine.database import Database
from microblog.store.locks import retried
from microblog.store.mail import Recipient, mail

#: What a link can unsubscribe from. Links hold the index, so the order stays.
SUBJECTS: Final = ("all", "mentions", "replies", "follows", "boosts", "favourites")

_SECRET: Final = "unsubscribe"  # noqa: S105 - a name, not a secret
_SIGNATURE: Final = 16  #: bytes


@dataclass(frozen=True, slots=True)
class MailSubscription:
    """What an unsubscribe link is about: one of ``SUBJECTS`` for the account ``name``."""

    account_id: int
    what: str
    name: str


class MailSubscriptions:
    """Signs unsubscribe links and carries them out."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._key: bytes | None = None

    async def token(self, account_id: int, what: str) -> str:
        """Return the token of a link for one of ``SUBJECTS``, signed as proof that this site sent it."""
        content = account_id.to_bytes(8, "big") + bytes([SUBJECTS.index(what)])
        return base64.urlsafe_b64encode(content + await self._signature(content)).decode().rstrip("=")

    async def by_token(self, token: str) -> MailSubscription:
        """Return what a link is about. Raises NotFound if this site never sent it, or the account is gone."""
        account_id, what = await self._verify(token)
        recipient: Recipient | None = await mail(self._db.reads).recipient(account_id)
        if recipient is None:
            raise NotFound()
        return MailSubscription(account_id, what, recipient.name)

    @retried
    async def unsubscribe(self, token: str) -> MailSubscription:
        """Switch off the mails that a link is about. Repeating it changes nothing. Raises as ``by_token``."""
        subscription = await self.by_token(token)
        async with self._db.transaction() as tx:
            if await mail(tx).switch_off(subscription.account_id, subscription.what) is None:
                raise NotFound()
        return subscription

    async def _verify(self, token: str) -> tuple[int, str]:
        """Return the account's id and the subject of a token. Raises NotFound for an invalid one."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise NotFound() from None
        content, signature = raw[:9], raw[9:]
        if len(content) != 9 or not hmac.compare_digest(signature, await self._signature(content)):
            raise NotFound()
        if content[8] >= len(SUBJECTS):
            raise NotFound()
        return int.from_bytes(content[:8], "big"), SUBJECTS[content[8]]

    async def _signature(self, content: bytes) -> bytes:
        if self._key is None:
            self._key = await site_secret(self._db, _SECRET)
        return hmac.digest(self._key, content, "sha256")[:_SIGNATURE]
