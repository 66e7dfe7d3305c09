"""The event log as live readers use it: a position in it, and its rows turned into events.

A row of the log holds ids. `load` looks up the posts and notifications that they name.

During a rolling upgrade a newer process of the same site may write kinds and details that this process does not know.
`load` skips and reports such a row, and a row whose post or notification can't be read. It loads all others.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.defer import TimeoutError as WaitTimeout

from microblog.domain.accounts import Viewer
from microblog.domain.errors import Gone, MicroblogError, NotFound, Unavailable
from microblog.domain.events import Audience, Event, Kind, Notification
from microblog.domain.posts import Post
from microblog.domain.streams import WITH_ID, Stream
from microblog.domain.visibility import Visibility
from microblog.services.live.faults import FAULTS, Faults
from microblog.store.conversations import conversations
from microblog.store.engine.database import Database
from microblog.store.events import Row, events
from microblog.store.live import live
from microblog.store.notifications import notifications
from microblog.store.posts.reading import posts

MAX_LAG: Final = (
    5.0  #: seconds that a reader with a cursor from another process waits for this process to reach it
)

_WITH_POST = (Kind.POST, Kind.EDIT, Kind.BOOST)
_KINDS = frozenset(kind.value for kind in Kind)

T = TypeVar("T", Post, Notification)


class EventLog:
    """The log of events, and this process's position in it.

    ``turns`` bounds how many readers query the database at the same time. ``poll`` makes the dispatcher read the log
    now.
    """

    def __init__(
        self, db: Database, reactor: Any, turns: DeferredSemaphore, faults: Faults, poll: Callable[[], None]
    ) -> None:
        #: that of the newest event dispatched in this process
        self.position = 0
        self._db = db
        self._reactor = reactor
        self._turns = turns
        self._faults = faults
        self._poll = poll
        self._waiting: list[Deferred[None]] = []

    def advance_to(self, position: int) -> None:
        """Set the position, and resume the readers that wait for it after this turn of the reactor."""
        self.position = position
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            self._reactor.callLater(0, each.callback, None)

    async def wait_for(self, position: int) -> None:
        """Wait until this process has dispatched all events up to ``position``.

        A reader may come from another process that is ahead of this one. Without the wait it would get events twice.
        Raises Unavailable after MAX_LAG seconds.
        """
        while self.position < position:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            self._poll()
            try:
                await waiting.addTimeout(MAX_LAG, self._reactor)
            except WaitTimeout as error:
                raise Unavailable("Live posts are late here. Try again in a moment.") from error

    async def check(self, stream: Stream, since: int | None, viewer: Viewer | None) -> None:
        """Check that a viewer may read a stream from a cursor on.

        Raises NotFound for an account, thread or list that the viewer can't see, and as `check_cursor`.
        """
        name, _, written_id = stream.partition(":")
        if name in WITH_ID:
            viewer_id = viewer.id if viewer is not None else None
            async with self._turns:
                exists = written_id.isdigit() and await live(self._db.reads).exists(
                    name, int(written_id), viewer_id
                )
            if not exists:
                raise NotFound(f"There is no such {name}.")
        if since is not None:
            await self.check_cursor(since)

    async def check_cursor(self, cursor: int) -> None:
        """Raise Gone when the log does not reach back to a cursor, or not yet forward to it."""
        async with self._turns:
            last, oldest = await events(self._db.reads).bounds()
        if cursor > last:
            raise Gone(
                f"The cursor {cursor} is newer than this site's log, which ends at {last}. "
                "Read the timeline, then subscribe without a cursor."
            )
        # An empty log was pruned, or is about to get its first event, whose number is taken before it is visible.
        start = min(last, self.position) if oldest is None else oldest - 1
        if cursor < start:
            raise Gone(
                f"The cursor {cursor} is too old. The log starts at {start}. Read the timeline for older posts."
            )

    async def read(self, after: int, up_to: int, limit: int) -> tuple[list[Event], int]:
        """Return up to ``limit`` events with ``after`` < position <= ``up_to``, and the cursor after them."""
        async with self._turns:
            rows = [row for row in await events(self._db.reads).after(after, limit) if row.position <= up_to]
            return await load(self._db, rows, self._faults), rows[-1].position if rows else up_to


async def load(db: Database, rows: Sequence[Row], faults: Faults = FAULTS) -> list[Event]:
    """Return the events of rows, with their posts and notifications.

    A row whose post is deleted by now is left out, because the event of its deletion follows. So is a row that can't be
    read.
    """
    post_ids = [row.post_id for row in rows if row.kind in _WITH_POST and row.post_id]
    notification_ids = [each for row in rows if (each := _notification_id(row)) is not None]
    posts_by_id = await _by_id(posts(db.reads).for_events, post_ids, faults)
    notifications_by_id = await _by_id(notifications(db.reads).by_ids, notification_ids, faults)
    direct = [each.id for each in posts_by_id.values() if each.visibility is Visibility.DIRECT]
    withheld: defaultdict[int, list[int]] = defaultdict(list)
    if direct:
        for post_id, account_id in await conversations(db.reads).withheld(direct):
            withheld[post_id].append(account_id)
    loaded = []
    for row in rows:
        if row.kind not in _KINDS:
            faults.skipped(f"Events of the unknown kind {row.kind[:50]!r} are skipped.")
            continue
        try:
            event = _event(row, posts_by_id, notifications_by_id, withheld)
        except Exception:  # noqa: BLE001 - one bad row must not take the others with it
            faults.failed(f"An event of the kind {row.kind!r} can't be read and is skipped.")
            continue
        if event is not None:
            loaded.append(event)
    return loaded


async def _by_id(
    query: Callable[[list[int]], Awaitable[Sequence[T]]], ids: list[int], faults: Faults
) -> dict[int, T]:
    """Look up records by id in one query, or one by one when a record that can't be read makes that query fail."""
    if not ids:
        return {}
    try:
        return {each.id: each for each in await query(ids)}
    except (MicroblogError, CancelledError):
        raise
    except Exception:  # noqa: BLE001 - one of the records is at fault
        if len(ids) == 1:
            faults.failed("What an event is about can't be read; the event is skipped.")
            return {}
    by_id: dict[int, T] = {}
    for each in dict.fromkeys(ids):
        by_id |= await _by_id(query, [each], faults)
    return by_id


def _notification_id(row: Row) -> int | None:
    if row.kind != Kind.NOTIFICATION or not isinstance(row.detail, dict):
        return None
    notification_id = row.detail.get("notification")
    return notification_id if isinstance(notification_id, int) else None


def _event(
    row: Row,
    posts_by_id: Mapping[int, Post],
    notifications_by_id: Mapping[int, Notification],
    withheld: Mapping[int, Sequence[int]],
) -> Event | None:
    """Return a row's event, or None when its subject is deleted or when only the site's processes need the row."""
    kind = Kind(row.kind)
    if kind in _WITH_POST:
        post = posts_by_id.get(row.post_id or 0)
        if post is None:
            return None
        audience = Audience.of(post, tuple(withheld.get(post.id, ())))
        return Event(row.position, kind, row.at, row.account_id, None, post.id, post, audience)
    if row.detail is None:
        return None
    if kind is Kind.RELATION and row.detail.get("filters"):
        return Event(row.position, kind, row.at, row.account_id, row.account_id)
    if kind is Kind.DELETE:
        audience = audience_from(row.detail)
        return Event(row.position, kind, row.at, row.account_id, None, row.post_id, audience=audience)
    if kind is Kind.NOTIFICATION:
        notification = notifications_by_id.get(row.detail["notification"])
        if notification is not None:
            return Event(
                row.position,
                kind,
                row.at,
                row.account_id,
                row.recipient_id,
                row.post_id,
                notification=notification,
            )
    return None


def posted(position: int, at: datetime, post: Post) -> Event:
    """Return the event that `load` makes of a new post. The caller knows the post, so that nothing is read."""
    return Event(position, Kind.POST, at, post.author.id, None, post.id, post, Audience.of(post))


def audience_json(post: Post, withheld_ids: tuple[int, ...] = ()) -> str:
    """Return the details of a deletion event: the accounts that the deleted post concerned."""
    audience = Audience.of(post, withheld_ids)
    former = tuple(each.account_id for each in post.content.former_mentions)
    return json.dumps(asdict(replace(audience, mentioned_ids=audience.mentioned_ids + former)))


def audience_from(detail: dict[str, Any]) -> Audience:
    """Return the audience of a deleted post from the details of its deletion event: see `audience_json`."""
    return Audience(
        author_id=detail["author_id"],
        author_name=detail["author_name"],
        visibility=Visibility(detail["visibility"]),
        mentioned_ids=tuple(detail["mentioned_ids"]),
        tags=tuple(detail["tags"]),
        thread_id=detail["thread_id"],
        reply_to_account_id=detail["reply_to_account_id"],
        is_boost=detail["is_boost"],
        withheld_ids=tuple(detail.get("withheld_ids", ())),
    )
