"""Reading, dismissing and marking notifications. ``write.py`` writes them."""

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

#: Numbers from NUMBERS_BEGIN (migration 0037) to NUMBERS_END name notifications where clients send ids. Ids are larger,
#: and cursors such as 0 and 1 are smaller, so that neither costs a query.
NUMBERS_BEGIN: Final = 1_000_001
NUMBERS_END: Final = 1 << 53

#: Notifications that one transaction clears.
CLEAR_BATCH: Final = 2000


class Notifications:
    """The notifications of a viewer, one by one."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def page(
        self,
        viewer: Viewer,
        span: Span,
        *,
        kinds: Iterable[NotificationKind] | None = None,
        actor_id: int | None = None,
    ) -> Page[Notification]:
        """Return the viewer's notifications with their actors and posts, newest first. One query.

        ``kinds`` and ``actor_id`` select; None selects all.
        """
        rows: list[Notification] = await notifications(self.db.reads).page(
            viewer.id, kind_names(kinds), actor_id, **bounds(span)
        )
        return page(rows, span, lambda each: each.id)

    async def position(self, viewer: Viewer, id_or_number: int) -> int:
        """Return the id of the viewer's notification of a number; return anything else unchanged.

        Each notification has a second, small number for JSON fields that clients read as a number, where JavaScript
        rounds ids. Clients send it back where an id belongs.
        """
        if not NUMBERS_BEGIN <= id_or_number < NUMBERS_END:
            return id_or_number
        notification_id: int | None = await notifications(self.db.reads).numbered(viewer.id, id_or_number)
        return id_or_number if notification_id is None else notification_id

    async def by_position(self, viewer: Viewer, span: Span) -> Span:
        """Return ``span`` with notification numbers among its cursors replaced by ids."""
        cursors = {
            name: await self.position(viewer, cursor)
            for name in ("max_id", "since_id", "min_id")
            if (cursor := getattr(span, name)) is not None
        }
        return replace(span, **cursors)

    async def by_id(self, viewer: Viewer, notification_id: int) -> Notification:
        """Return a notification by its id or its number. Raises NotFound unless it is the viewer's."""
        notification: Notification | None = await notifications(self.db.reads).one(viewer.id, notification_id)
        if notification is None:
            raise NotFound
        return notification

    async def by_ids(self, ids: Sequence[int]) -> list[Notification]:
        """Return notifications for live streams, each as its own recipient may see it.

        Leaves out those that their recipient may not or does not want to see any more.
        """
        if not ids:
            return []
        visible: list[Notification] = await notifications(self.db.reads).by_ids(list(ids))
        return visible

    async def unread(
        self, viewer: Viewer, *, kinds: Iterable[NotificationKind] | None = None, most: int = 100
    ) -> int:
        """Count the notifications after the newest one that the viewer has read, up to ``most``."""
        count: int = await notifications(self.db.reads).unread(viewer.id, kind_names(kinds), most)
        return count

    async def mark_read(self, viewer: Viewer, up_to: int | None = None, as_of: str | None = None) -> None:
        """Mark the notifications up to an id, or all, as read. Read ones stay read.

        ``as_of`` is the database snapshot in which the viewer saw them (None: now). Later commits stay unread.
        """
        async with self.db.transaction() as tx:
            await notifications(tx).mark_read(viewer.id, up_to, as_of)

    async def dismiss(self, viewer: Viewer, notification_id: int) -> None:
        """Delete a notification. Raises NotFound unless it is the viewer's."""
        async with self.db.transaction() as tx:
            if await notifications(tx).dismiss(viewer.id, notification_id) is None:
                raise NotFound

    async def clear(self, viewer: Viewer) -> None:
        """Delete all notifications of the viewer, in batches, because there may be very many."""
        while True:
            async with self.db.transaction() as tx:
                count: int = await notifications(tx).clear(viewer.id, CLEAR_BATCH)
            if count < CLEAR_BATCH:
                return


def kind_names(kinds: Iterable[NotificationKind] | None) -> list[str] | None:
    """Return the names of notification kinds as the database has them; None stands for all kinds."""
    return None if kinds is None else [kind.value for kind in kinds]
