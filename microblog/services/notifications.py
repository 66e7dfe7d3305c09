"""Notifications: reading them. ``notify.py`` writes them."""

from __future__ import annotations

from collections.abc import Sequence

from microblog.domain.accounts import Viewer
from microblog.domain.events import Notification
from microblog.domain.posts import Page, Span
from microblog.store.database import Database
from microblog.store.notifications import notifications
from microblog.store.paging import bounds, page


class Notifications:
    def __init__(self, *, db: Database) -> None:
        self.db = db

    async def page(self, viewer: Viewer, span: Span) -> Page[Notification]:
        """What concerns the viewer, newest first, each with who did it and the post: one query."""
        found: list[Notification] = await notifications(self.db.reads).page(viewer.id, **bounds(span))
        return page(found, span, lambda each: each.id)

    async def by_ids(self, ids: Sequence[int]) -> list[Notification]:
        """Each as its recipient sees it, without those they don't want to see any more: for live streams and mail."""
        if not ids:
            return []
        found: list[Notification] = await notifications(self.db.reads).by_ids(list(ids))
        return found

    async def mark_read(self, viewer: Viewer, up_to: int | None = None) -> None:
        """All up to the one of this id, or all there are; what was read stays so."""
        async with self.db.transaction() as tx:
            await notifications(tx).mark_read(viewer.id, up_to)
