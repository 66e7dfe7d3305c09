"""Telling people, in the transaction of what they are told about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from microblog.domain.events import NotificationKind
from microblog.store.notifications import MOST_OFTEN, notifications

__all__ = ["MAIL_DELAY", "MOST_OFTEN", "notify", "notify_all", "notify_each", "withdraw"]

#: Seconds from a notification to its mail: what comes in between goes into the same one.
MAIL_DELAY: Final = 20.0


async def notify(
    tx: Any, recipient_id: int, kind: NotificationKind, actor_id: int, post_id: int | None = None
) -> bool:
    """Tell somebody, with an event and a mail job where they want mail; whether they were told.

    Nobody is told of what they did themselves, nor by somebody they block or mute, nor twice of the same.
    """
    return bool(await notify_all(tx, (recipient_id,), kind, actor_id, post_id))


async def notify_all(
    tx: Any, recipient_ids: Sequence[int], kind: NotificationKind, actor_id: int, post_id: int | None = None
) -> list[int]:
    """Notify several of the same: return the ids of those who were notified."""
    return await notify_each(tx, dict.fromkeys(recipient_ids, kind), actor_id, post_id)


async def withdraw(
    tx: Any, recipient_id: int, kind: NotificationKind, actor_id: int, post_id: int | None = None
) -> None:
    """Delete a notification whose act was taken back, before it is mailed where that still waits.

    The same act notifies again, at most :data:`MOST_OFTEN` times a day, so that nobody pesters by repeating it.
    """
    await notifications(tx).withdraw(recipient_id, actor_id, kind.value, post_id)


async def notify_each(
    tx: Any, kinds: Mapping[int, NotificationKind], actor_id: int, post_id: int | None = None
) -> list[int]:
    """Notify each recipient of a kind of its own, in one statement: return the ids of those who were notified.

    A transaction calls this once, as two calls would put mail jobs out of the order of locks (`store.locks`).
    """
    if not kinds:
        return []
    recipients = sorted(kinds)
    told: list[int] = await notifications(tx).put(
        recipients, [kinds[each].value for each in recipients], actor_id, post_id, MAIL_DELAY
    )
    return told
