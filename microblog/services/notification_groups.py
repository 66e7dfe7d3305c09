"""Notifications by groups; and the policy that makes some of them wait, or never come to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from microblog.domain.accounts import Account, Viewer
from microblog.domain.errors import NotFound
from microblog.domain.events import NotificationKind
from microblog.domain.ids import parse_id
from microblog.domain.notification_groups import (
    NotificationGroup,
    NotificationPolicy,
    NotificationRequest,
    Verdict,
)
from microblog.domain.posts import Page, Post, Span
from microblog.store.accounts import accounts
from microblog.store.engine.database import Database
from microblog.store.engine.paging import bounds, page
from microblog.store.locks import retried
from microblog.store.notification_groups import GroupRow, notification_groups
from microblog.store.posts import posts

#: Kinds that are grouped unless somebody asks otherwise.
GROUPED: Final = (NotificationKind.FAVOURITE, NotificationKind.BOOST, NotificationKind.FOLLOW)
_RULES: Final = (
    "for_not_following",
    "for_not_followers",
    "for_new_accounts",
    "for_private_mentions",
    "for_limited_accounts",
)


_KINDS: Final = frozenset(kind.value for kind in NotificationKind)


class NotificationGroups:
    def __init__(self, *, db: Database) -> None:
        self.db = db

    async def page(
        self,
        viewer: Viewer,
        span: Span,
        *,
        kinds: Iterable[NotificationKind] | None = None,
        grouped: Iterable[NotificationKind] = GROUPED,
    ) -> Page[NotificationGroup]:
        """The group with the newest notification first; three queries. ``kinds`` None: all of them.

        A group that goes on beyond a page comes again on the next one, with what is there.
        """
        rows: list[GroupRow] = await notification_groups(self.db.reads).page(
            viewer.id, _names(kinds), _names(grouped) or [], **bounds(span)
        )
        found = page(rows, span, lambda each: each.newest_id)
        # The next page begins below all that is on this one.
        older = min(each.oldest_id for each in found.items) if found.older is not None else None
        return Page(await self._filled(viewer, found.items), older, found.newer, found.first)

    async def by_key(self, viewer: Viewer, key: str) -> NotificationGroup:
        """Raises NotFound."""
        ids, grouped = await self._members(viewer, key)
        row = await notification_groups(self.db.reads).of(viewer.id, ids, None, grouped, ascending=False)
        if row is None:
            raise NotFound
        (made,) = await self._filled(viewer, [row])
        return made

    async def people(self, viewer: Viewer, key: str) -> list[Account]:
        """Everybody in a group, the newest first. Raises NotFound."""
        ids, _ = await self._members(viewer, key)
        rows: list[GroupRow] = await notification_groups(self.db.reads).page(
            viewer.id, None, [], below=max(ids) + 1, above=min(ids) - 1, ascending=False, count=1000
        )
        wanted = set(ids)
        actor_ids = [each.actor_ids[0] for each in rows if each.newest_id in wanted]
        known = {each.id: each for each in await accounts(self.db.reads).by_ids(actor_ids)}
        return [known[each] for each in dict.fromkeys(actor_ids) if each in known]

    @retried
    async def dismiss(self, viewer: Viewer, key: str) -> None:
        """All of a group are gone for good. Raises NotFound."""
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
        """Groups with something that the viewer has not seen."""
        rows: list[GroupRow] = await notification_groups(self.db.reads).page(
            viewer.id, _names(kinds), _names(grouped) or [], None, None, False, most
        )
        return sum(not each.read for each in rows)

    async def _members(self, viewer: Viewer, key: str) -> tuple[list[int], list[str]]:
        name, _, rest = key.partition("-")
        if name == "ungrouped":
            alone = parse_id(rest)
            if alone is None:
                raise NotFound
            return [alone], []
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

    async def _filled(self, viewer: Viewer, rows: Sequence[GroupRow]) -> list[NotificationGroup]:
        ids = sorted({each for row in rows for each in row.actor_ids})
        post_ids = sorted({row.post_id for row in rows if row.post_id is not None})
        people: dict[int, Account] = {}
        about: dict[int, Post] = {}
        if ids:
            people = {each.id: each for each in await accounts(self.db.reads).by_ids(ids)}
        if post_ids:
            found = await posts(self.db.reads).visible_among(post_ids, viewer.id)
            about = {each.id: each for each in found}
        return [
            NotificationGroup(
                key=row.key,
                kind=NotificationKind(row.kind),
                count=row.count,
                people=tuple(people[each] for each in dict.fromkeys(row.actor_ids) if each in people),
                newest_id=row.newest_id,
                newest_number=row.newest_number or row.newest_id,
                oldest_id=row.oldest_id,
                newest_at=row.newest_at,
                post=about.get(row.post_id or 0),
                read=row.read,
                as_of=row.as_of,
            )
            for row in rows
            if row.kind in _KINDS  # a newer process of the site may write others
        ]

    # -------------------------------------------------------------------------------------------- policy

    async def policy(self, viewer: Viewer) -> NotificationPolicy:
        found: NotificationPolicy | None = await notification_groups(self.db.reads).policy(viewer.id)
        return found or NotificationPolicy()

    @retried
    async def set_policy(self, viewer: Viewer, **rules: Verdict | None) -> NotificationPolicy:
        """By the names of its rules; what is missing or None stays. It is about notifications to come."""
        before = await self.policy(viewer)
        after = [(rules.get(name) or getattr(before, name)).value for name in _RULES]
        async with self.db.transaction() as tx:
            await notification_groups(tx).set_policy(viewer.id, *after)
        return await self.policy(viewer)

    async def requests(self, viewer: Viewer, span: Span) -> Page[NotificationRequest]:
        """Whose notifications wait: two queries. Cursors are ids of notifications."""
        rows = await notification_groups(self.db.reads).requests(viewer.id, **bounds(span))
        found = page(rows, span, lambda row: int(row[3]))
        ids = [row[4] for row in found.items if row[4] is not None]
        about: dict[int, Post] = {}
        if ids:
            about = {
                each.id: each
                for each in await posts(self.db.reads).visible_among(sorted(set(ids)), viewer.id)
            }
        return Page(
            [
                NotificationRequest(account, count, first, last, newest_id, about.get(post_id or 0))
                for count, first, last, newest_id, post_id, account in found.items
            ],
            found.older,
            found.newer,
            found.first,
            found.last,
        )

    async def request(self, viewer: Viewer, account_id: int) -> NotificationRequest:
        """Raises NotFound when nothing of theirs waits."""
        found = await notification_groups(self.db.reads).request(viewer.id, account_id)
        if found is None:
            raise NotFound
        count, first, last, newest_id, post_id, account = found
        post = await posts(self.db.reads).visible(post_id, viewer.id) if post_id is not None else None
        return NotificationRequest(account, count, first, last, newest_id, post)

    @retried
    async def accept(self, viewer: Viewer, account_ids: Sequence[int]) -> None:
        """What waits is shown, and what comes from them later does not wait."""
        async with self.db.transaction() as tx:
            await notification_groups(tx).accept(viewer.id, list(account_ids))

    @retried
    async def turn_down(self, viewer: Viewer, account_ids: Sequence[int]) -> None:
        """What waits is gone; what comes later waits again."""
        async with self.db.transaction() as tx:
            await notification_groups(tx).turn_down(viewer.id, list(account_ids))


def _names(kinds: Iterable[NotificationKind] | None) -> list[str] | None:
    return None if kinds is None else [each.value for each in kinds]


def _day(written: str) -> date:
    """The day in the key of a group of followers. Raises NotFound."""
    if not (len(written) == 8 and written.isascii() and written.isdigit()):
        raise NotFound
    try:
        return date(int(written[:4]), int(written[4:6]), int(written[6:]))
    except ValueError:
        raise NotFound from None
