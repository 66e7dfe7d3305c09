"""Grouped notifications: "Ann, Bob and 3 others favourited your post"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from microblog.domain.accounts import Account, Viewer
from microblog.domain.errors import NotFound
from microblog.domain.events import NotificationKind
from microblog.domain.ids import parse_id
from microblog.domain.notification_groups import NotificationGroup
from microblog.domain.posts import Page, Post, Span
from microblog.services.notifications.read import kind_names
from microblog.store.accounts import accounts
from microblog.store.engine.database import Database
from microblog.store.engine.paging import bounds, page
from microblog.store.locks import retried
from microblog.store.notification_groups import GroupRow, notification_groups
from microblog.store.posts.reading import posts

#: Kinds that are grouped unless the client asks otherwise.
GROUPED: Final = (NotificationKind.FAVOURITE, NotificationKind.BOOST, NotificationKind.FOLLOW)

_KINDS: Final = frozenset(kind.value for kind in NotificationKind)


class NotificationGroups:
    """A viewer's notifications in groups of one kind about one post, or of the follows of one day."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def page(
        self,
        viewer: Viewer,
        span: Span,
        *,
        kinds: Iterable[NotificationKind] | None = None,
        grouped: Iterable[NotificationKind] = GROUPED,
    ) -> Page[NotificationGroup]:
        """Return the viewer's groups, the one with the newest notification first. Three queries.

        ``kinds`` selects; None selects all. A group that extends beyond a page appears again on the next page, with
        the notifications that are left.
        """
        rows: list[GroupRow] = await notification_groups(self.db.reads).page(
            viewer.id, kind_names(kinds), kind_names(grouped) or [], **bounds(span)
        )
        rows_page = page(rows, span, lambda each: each.newest_id)
        # The next page begins below all notifications of this one.
        older = min(each.oldest_id for each in rows_page.items) if rows_page.older is not None else None
        return Page(await self._groups(viewer, rows_page.items), older, rows_page.newer, rows_page.first)

    async def by_key(self, viewer: Viewer, key: str) -> NotificationGroup:
        """Return the viewer's group of a key. Raises NotFound."""
        ids, grouped = await self._members(viewer, key)
        row = await notification_groups(self.db.reads).of(viewer.id, ids, None, grouped, ascending=False)
        if row is None:
            raise NotFound
        (group,) = await self._groups(viewer, [row])
        return group

    async def actors(self, viewer: Viewer, key: str) -> list[Account]:
        """Return the accounts whose acts a group is about, newest act first. Raises NotFound."""
        ids, _ = await self._members(viewer, key)
        rows: list[GroupRow] = await notification_groups(self.db.reads).page(
            viewer.id, None, [], below=max(ids) + 1, above=min(ids) - 1, ascending=False, count=1000
        )
        members = set(ids)
        actor_ids = [each.actor_ids[0] for each in rows if each.newest_id in members]
        by_id = {each.id: each for each in await accounts(self.db.reads).by_ids(actor_ids)}
        return [by_id[each] for each in dict.fromkeys(actor_ids) if each in by_id]

    @retried
    async def dismiss(self, viewer: Viewer, key: str) -> None:
        """Delete all notifications of a group. Raises NotFound."""
        ids, _ = await self._members(viewer, key)
        async with self.db.transaction() as tx:
            if not await notification_groups(tx).dismiss(viewer.id, ids):
                raise NotFound

    async def unread(
        self,
        viewer: Viewer,
        *,
        kinds: Iterable[NotificationKind] | None = None,
        grouped: Iterable[NotificationKind] = GROUPED,
        most: int = 100,
    ) -> int:
        """Count the groups with unread notifications among the newest ``most`` groups."""
        rows: list[GroupRow] = await notification_groups(self.db.reads).page(
            viewer.id, kind_names(kinds), kind_names(grouped) or [], None, None, False, most
        )
        return sum(not each.read for each in rows)

    async def _members(self, viewer: Viewer, key: str) -> tuple[list[int], list[str]]:
        """Return the ids of a group's notifications, and the kinds that are grouped. Raises NotFound."""
        name, _, rest = key.partition("-")
        if name == "ungrouped":
            notification_id = parse_id(rest)
            if notification_id is None:
                raise NotFound
            return [notification_id], []
        ids: list[int]
        if name == NotificationKind.FOLLOW.value:
            ids = await notification_groups(self.db.reads).followers_of(viewer.id, _day(rest))
        elif name in {each.value for each in GROUPED} and (post_id := parse_id(rest)) is not None:
            ids = await notification_groups(self.db.reads).about(viewer.id, name, post_id)
        else:
            raise NotFound
        if not ids:
            raise NotFound
        return ids, [name]

    async def _groups(self, viewer: Viewer, rows: Sequence[GroupRow]) -> list[NotificationGroup]:
        """Return the groups of ``rows`` with their accounts and posts."""
        actor_ids = sorted({each for row in rows for each in row.actor_ids})
        post_ids = sorted({row.post_id for row in rows if row.post_id is not None})
        actors: dict[int, Account] = {}
        visible: dict[int, Post] = {}
        if actor_ids:
            actors = {each.id: each for each in await accounts(self.db.reads).by_ids(actor_ids)}
        if post_ids:
            visible = {
                each.id: each for each in await posts(self.db.reads).visible_among(post_ids, viewer.id)
            }
        return [
            NotificationGroup(
                key=row.key,
                kind=NotificationKind(row.kind),
                count=row.count,
                people=tuple(actors[each] for each in dict.fromkeys(row.actor_ids) if each in actors),
                newest_id=row.newest_id,
                newest_number=row.newest_number or row.newest_id,
                oldest_id=row.oldest_id,
                newest_at=row.newest_at,
                post=visible.get(row.post_id or 0),
                read=row.read,
                as_of=row.as_of,
            )
            for row in rows
            if row.kind in _KINDS  # a newer process of the site may write other kinds
        ]


def _day(written: str) -> date:
    """Return the day in the key of a group of follows. Raises NotFound."""
    if not (len(written) == 8 and written.isascii() and written.isdigit()):
        raise NotFound
    try:
        return date(int(written[:4]), int(written[4:6]), int(written[6:]))
    except ValueError:
        raise NotFound from None
