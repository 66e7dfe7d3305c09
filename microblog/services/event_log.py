"""The log's rows, and the events that they stand for: a row has ids, an event what they name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from microblog.domain.events import Audience, Event, Kind, Notification
from microblog.domain.posts import Post
from microblog.domain.visibility import Visibility
from microblog.store.database import Database
from microblog.store.events import Row
from microblog.store.notifications import notifications
from microblog.store.posts import posts

_WITH_POST = (Kind.POST, Kind.EDIT, Kind.BOOST)


async def load(db: Database, found: Sequence[Row]) -> list[Event]:
    """Rows of the log with what they are about. One that is gone by now is left out: its deletion follows."""
    post_ids = [row.post_id for row in found if row.kind in _WITH_POST and row.post_id]
    about = {post.id: post for post in await posts(db.reads).for_events(post_ids)} if post_ids else {}
    told = [row.detail["notification"] for row in found if row.kind == Kind.NOTIFICATION and row.detail]
    noted = {each.id: each for each in await notifications(db.reads).by_ids(told)} if told else {}
    loaded = (_event(row, about, noted) for row in found)
    return [event for event in loaded if event is not None]


def _event(row: Row, about: Mapping[int, Post], noted: Mapping[int, Notification]) -> Event | None:
    """None for what is gone, and for what concerns the site's own processes alone."""
    kind = Kind(row.kind)
    if kind in _WITH_POST:
        post = about.get(row.post_id or 0)
        if post is None:
            return None
        return Event(row.position, kind, row.at, row.account_id, None, post.id, post, Audience.of(post))
    if row.detail is None:
        return None
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


def audience_json(post: Post) -> str:
    """What stays of a deleted post, in the event that says so: whom it concerned."""
    return json.dumps(asdict(Audience.of(post)))


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
    )
