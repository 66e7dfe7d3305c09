"""The notification policy: rules by which notifications from some accounts are accepted, held back or dropped.

Notifications that are held back form requests, one for each account that they come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from microblog.domain.accounts import Viewer
from microblog.domain.errors import NotFound
from microblog.domain.notification_groups import NotificationPolicy, NotificationRequest, Verdict
from microblog.domain.posts import Page, Post, Span
from microblog.store.engine.database import Database
from microblog.store.engine.paging import bounds, page
from microblog.store.locks import retried
from microblog.store.notification_groups import notification_groups
from microblog.store.posts.reading import posts

#: The rules, in the order of the store's parameters.
_RULES: Final = (
    "for_not_following",
    "for_not_followers",
    "for_new_accounts",
    "for_private_mentions",
    "for_limited_accounts",
)


class NotificationPolicies:
    """Viewers' notification policies and the requests that they hold back."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def get(self, viewer: Viewer) -> NotificationPolicy:
        """Return the viewer's policy; without one, the policy that accepts everything."""
        policy: NotificationPolicy | None = await notification_groups(self.db.reads).policy(viewer.id)
        return policy or NotificationPolicy()

    @retried
    async def set(self, viewer: Viewer, **rules: Verdict | None) -> NotificationPolicy:
        """Set rules by their names for notifications to come. A rule that is absent or None stays as it is."""
        before = await self.get(viewer)
        after = [(rules.get(name) or getattr(before, name)).value for name in _RULES]
        async with self.db.transaction() as tx:
            await notification_groups(tx).set_policy(viewer.id, *after)
        return await self.get(viewer)

    async def requests(self, viewer: Viewer, span: Span) -> Page[NotificationRequest]:
        """Return the viewer's requests, newest first. Cursors are ids of notifications. Two queries."""
        rows = await notification_groups(self.db.reads).requests(viewer.id, **bounds(span))
        rows_page = page(rows, span, lambda row: int(row[3]))
        post_ids = sorted({row[4] for row in rows_page.items if row[4] is not None})
        visible: dict[int, Post] = {}
        if post_ids:
            visible = {
                each.id: each for each in await posts(self.db.reads).visible_among(post_ids, viewer.id)
            }
        return Page(
            [
                NotificationRequest(account, count, first, last, newest_id, visible.get(post_id or 0))
                for count, first, last, newest_id, post_id, account in rows_page.items
            ],
            rows_page.older,
            rows_page.newer,
            rows_page.first,
            rows_page.last,
        )

    async def request(self, viewer: Viewer, account_id: int) -> NotificationRequest:
        """Return the request of an account. Raises NotFound when nothing of the account's is held back."""
        row = await notification_groups(self.db.reads).request(viewer.id, account_id)
        if row is None:
            raise NotFound
        count, first, last, newest_id, post_id, account = row
        post = await posts(self.db.reads).visible(post_id, viewer.id) if post_id is not None else None
        return NotificationRequest(account, count, first, last, newest_id, post)

    @retried
    async def accept(self, viewer: Viewer, account_ids: Sequence[int]) -> None:
        """Show what these accounts' requests hold, and accept their notifications from now on."""
        async with self.db.transaction() as tx:
            await notification_groups(tx).accept(viewer.id, list(account_ids))

    @retried
    async def turn_down(self, viewer: Viewer, account_ids: Sequence[int]) -> None:
        """Delete what these accounts' requests hold. Their later notifications are held back again."""
        async with self.db.transaction() as tx:
            await notification_groups(tx).turn_down(viewer.id, list(account_ids))
