"""Writing notifications, in the transaction of the act that they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from microblog.domain.events import NotificationKind
from microblog.store.notifications import MOST_OFTEN, notifications

__all__ = ["MAIL_DELAY", "MOST_OFTEN", "notify", "notify_all", "notify_each", "withdraw"]

#: Seconds from a notification to its mail. Later notifications until then go into the same mail.
MAIL_DELAY: Final = 20.0


async def notify(
    tx: Any, recipient_id: int, kind: NotificationKind, actor_id: int, post_id: int | None = None
) -> bool:
    """Notify an account, with an event, and with a mail job where its owner wants mail. Return whether it was notified.

    An account is not notified of its own acts, nor by an account that it blocks or mutes, nor twice of the same act.
    """
    return bool(await notify_all(tx, (recipient_id,), kind, actor_id, post_id))


async def notify_all(
    tx: Any, recipient_ids: Sequence[int], kind: NotificationKind, actor_id: int, post_id: int | None = None
) -> list[int]:
    """Notify several accounts of the same act. Return the ids of those who were notified."""
    return await notify_each(tx, dict.fromkeys(recipient_ids, kind), actor_id, post_id)


async def notify_each(
    tx: Any, kinds: Mapping[int, NotificationKind], actor_id: int, post_id: int | None = None
) -> list[int]:
    """Notify each recipient of its own kind, in one statement. Return the ids of those who were notified.

    A transaction calls this once: two calls would lock mail jobs out of order (`store.locks`).
    """
    if not kinds:
        return []
    recipients = sorted(kinds)
    notified: list[int] = await notifications(tx).put(
        recipients, [kinds[each].value for each in recipients], actor_id, post_id, MAIL_DELAY
    )
    return notified


async def withdraw(
    tx: Any, recipient_id: int, kind: NotificationKind, actor_id: int, post_id: int | None = None
) -> None:
    """Delete the notification of an act that was taken back, and so its mail if that still waits.

    The same act notifies again at most :data:`MOST_OFTEN` times a day, so that repeating it pesters nobody.
    """
    await notifications(tx).withdraw(recipient_id, actor_id, kind.value, post_id)
