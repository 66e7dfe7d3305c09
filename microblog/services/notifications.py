"""Notifications: reading them. ``notify.py`` writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from microblog.domain.accounts import Viewer
from microblog.domain.errors import NotFound
from microblog.domain.events import Notification, NotificationKind
from microblog.domain.posts import Page, Span
from microblog.store.engine.database import Database
from microblog.store.engine.paging import bounds, page
from microblog.store.notifications import notifications

#: Numbers below this name notifications where ids are read; ids are snowflakes, which are larger.
NUMBERS_END: Final = 1 << 53
#: No number is smaller (migration 0037), so that small cursors such as 0 and 1 cost no query.
NUMBERS_BEGIN: Final = 1_000_001


CLEARED_AT_ONCE: Final = 2000  #: notifications of one transaction


class Notifications:
    def __init__(self, *, db: Database) -> None:
        self.db = db

    async def page(
        self,
        viewer: Viewer,
        span: Span,
        *,
        kinds: Iterable[NotificationKind] | None = None,
        actor_id: int | None = None,
    ) -> Page[Notification]:
        """What concerns the viewer, newest first, each with who did it and the post: one query.

        ``kinds`` (None: all) and ``actor_id`` (None: anybody's doing) leave out the rest.
        """
        found: list[Notification] = await notifications(self.db.reads).page(
            viewer.id, _names(kinds), actor_id, **bounds(span)
        )
        return page(found, span, lambda each: each.id)

    async def position(self, viewer: Viewer, id_or_number: int) -> int:
        """Return the id of the viewer's notification of that number; anything else as it is.

        Each notification has a second, small number for JSON fields that clients read as a number, where JavaScript
        rounds ids. Clients send it back where an id belongs.
        """
        if not NUMBERS_BEGIN <= id_or_number < NUMBERS_END:
            return id_or_number
        found: int | None = await notifications(self.db.reads).numbered(viewer.id, id_or_number)
        return id_or_number if found is None else found

    async def by_position(self, viewer: Viewer, span: Span) -> Span:
        """Return a span of notifications whose cursors are ids, of one whose cursors may be numbers."""
        cursors = {
            name: await self.position(viewer, cursor)
            for name in ("max_id", "since_id", "min_id")
            if (cursor := getattr(span, name)) is not None
        }
        return replace(span, **cursors)

    async def by_id(self, viewer: Viewer, notification_id: int) -> Notification:
        """Return a notification by its id or its number. Raises NotFound unless it is the viewer's."""
        found: Notification | None = await notifications(self.db.reads).one(viewer.id, notification_id)
        if found is None:
            raise NotFound
        return found

    async def unread(
        self, viewer: Viewer, *, kinds: Iterable[NotificationKind] | None = None, most: int = 100
    ) -> int:
        """How many have come since the newest one that the viewer has seen; no more than ``most`` are counted."""
        count: int = await notifications(self.db.reads).unread(viewer.id, _names(kinds), most)
        return count

    async def dismiss(self, viewer: Viewer, notification_id: int) -> None:
        """Gone for good. Raises NotFound unless it is the viewer's."""
        async with self.db.transaction() as tx:
            if await notifications(tx).dismiss(viewer.id, notification_id) is None:
                raise NotFound

    async def clear(self, viewer: Viewer) -> None:
        """All are gone for good; in batches, as there may be very many."""
        while True:
            async with self.db.transaction() as tx:
                count: int = await notifications(tx).clear(viewer.id, CLEARED_AT_ONCE)
            if count < CLEARED_AT_ONCE:
                return

    async def by_ids(self, ids: Sequence[int]) -> list[Notification]:
        """Each as its recipient sees it, without those they don't want to see any more: for live streams and mail."""
        if not ids:
            return []
        found: list[Notification] = await notifications(self.db.reads).by_ids(list(ids))
        return found

    async def mark_read(self, viewer: Viewer, up_to: int | None = None, as_of: str | None = None) -> None:
        """Mark the notifications up to an id, or all, as read. What was read stays so.

        ``as_of`` is the snapshot in which the viewer saw them (None: now): what committed later stays unread.
        """
        async with self.db.transaction() as tx:
            await notifications(tx).mark_read(viewer.id, up_to, as_of)


def _names(kinds: Iterable[NotificationKind] | None) -> list[str] | None:
    return None if kinds is None else [kind.value for kind in kinds]
