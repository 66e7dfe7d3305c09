"""Rows of the log, and the events that they stand for: a row has ids, an event what they name.

A newer process of the same site may write what this one does not know: an unknown kind, an unknown word in the details.
Such a row is skipped and reported, and so is a row whose post or notification can't be read. All others are loaded.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError

from microblog.domain.errors import MicroblogError
from microblog.domain.events import Audience, Event, Kind, Notification
from microblog.domain.posts import Post
from microblog.domain.visibility import Visibility
from microblog.services.live.faults import FAULTS, Faults
from microblog.store.conversations import conversations
from microblog.store.engine.database import Database
from microblog.store.events import Row
from microblog.store.notifications import notifications
from microblog.store.posts.reading import posts

_WITH_POST = (Kind.POST, Kind.EDIT, Kind.BOOST)


_KINDS = frozenset(kind.value for kind in Kind)

T = TypeVar("T", Post, Notification)


async def load(db: Database, found: Sequence[Row], faults: Faults = FAULTS) -> list[Event]:
    """Return the events of rows, with what they are about.

    A row whose post is gone by now is left out: the event of its deletion follows. So is a row that can't be read.
    """
    post_ids = [row.post_id for row in found if row.kind in _WITH_POST and row.post_id]
    note_ids = [note for row in found if (note := _notification_id(row)) is not None]
    about = await _by_id(posts(db.reads).for_events, post_ids, faults)
    noted = await _by_id(notifications(db.reads).by_ids, note_ids, faults)
    direct = [each.id for each in about.values() if each.visibility is Visibility.DIRECT]
    withheld: defaultdict[int, list[int]] = defaultdict(list)
    if direct:
        for post_id, account_id in await conversations(db.reads).withheld(direct):
            withheld[post_id].append(account_id)
    loaded = []
    for row in found:
        if row.kind not in _KINDS:
            faults.skipped(f"Events of the unknown kind {row.kind[:50]!r} are skipped.")
            continue
        try:
            event = _event(row, about, noted, withheld)
        except Exception:  # noqa: BLE001 - one bad row must not take the others with it
            faults.failed(f"An event of the kind {row.kind!r} can't be read and is skipped.")
            continue
        if event is not None:
            loaded.append(event)
    return loaded


async def _by_id(
    ask: Callable[[list[int]], Awaitable[Sequence[T]]], ids: list[int], faults: Faults
) -> dict[int, T]:
    """Look up records by id: all in one query, or one by one where a record that can't be read makes that fail."""
    if not ids:
        return {}
    try:
        return {each.id: each for each in await ask(ids)}
    except (MicroblogError, CancelledError):
        raise
    except Exception:  # noqa: BLE001 - whatever is wrong is wrong with one of them
        if len(ids) == 1:
            faults.failed("What an event is about can't be read; the event is skipped.")
            return {}
    by_id: dict[int, T] = {}
    for each in dict.fromkeys(ids):
        by_id |= await _by_id(ask, [each], faults)
    return by_id


def _notification_id(row: Row) -> int | None:
    if row.kind != Kind.NOTIFICATION or not isinstance(row.detail, dict):
        return None
    found = row.detail.get("notification")
    return found if isinstance(found, int) else None


def _event(
    row: Row,
    about: Mapping[int, Post],
    noted: Mapping[int, Notification],
    withheld: Mapping[int, Sequence[int]],
) -> Event | None:
    """None for what is gone, and for what concerns the site's own processes alone."""
    kind = Kind(row.kind)
    if kind in _WITH_POST:
        post = about.get(row.post_id or 0)
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
    if kind is Kind.NOTIFICATION and (said := noted.get(row.detail["notification"])) is not None:
        return Event(
            row.position, kind, row.at, row.account_id, row.recipient_id, row.post_id, notification=said
        )
    return None


def posted(position: int, at: datetime, post: Post) -> Event:
    """What `load` makes of the event of a post by ``post.author``, for whoever knows the post already."""
    return Event(position, Kind.POST, at, post.author.id, None, post.id, post, Audience.of(post))


def audience_json(post: Post, withheld_ids: tuple[int, ...] = ()) -> str:
    """What stays of a deleted post, in the event that says so: whom it concerned."""
    audience = Audience.of(post, withheld_ids)
    former = tuple(each.account_id for each in post.content.former_mentions)
    return json.dumps(asdict(replace(audience, mentioned_ids=audience.mentioned_ids + former)))


def audience_from(detail: dict[str, Any]) -> Audience:
    """That of a post that is deleted, out of the event that says so: see `audience_json`."""
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
