"""Events as lines: text for people at a terminal, JSON for programs.

An event is rendered once for each format, however many clients read it (`Batch.joined`), from the post as an anonymous
viewer sees it. Whether a reader may see it is decided before.

A line for people begins with the time of day on the site's clock, after the date if that is not today. It ends with the
post's id, for REPLY::

    14:03 @alice: Hello @bob #first [116543210987654321]
    14:04 @bob to @alice (followers): Hello back [116543210987719857]
    14:05 @carol boosted @alice: Hello @bob #first [116543210987654321]
    14:06 @alice edited: Hello @bob, at last #first [116543210987654321]
    14:07 @dave: CW "The end of the film" http://localhost:8000/@dave/116543210987785393 [116543210987785393]
    14:08 @alice deleted [116543210987654321]
    14:09 @carol follows you
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Struct, UnsetType

from microblog.domain.events import Event, Kind, Notification, NotificationKind
from microblog.domain.posts import Post
from microblog.domain.text import one_line
from microblog.domain.visibility import Visibility
from microblog.mastodon import entities
from microblog.mastodon.entities import NotificationEntity, StatusEntity
from microblog.protocols.replies import CRLF

#: Characters of the longest text on a line for people: above the longest post that can be configured.
MAX_TEXT: Final = 20_000

_ACTIONS: Final = {
    NotificationKind.MENTION: "mentioned you",
    NotificationKind.REPLY: "replied to you",
    NotificationKind.FOLLOW: "follows you",
    NotificationKind.FOLLOW_REQUEST: "asks to follow you",
    NotificationKind.BOOST: "boosted your post",
    NotificationKind.FAVOURITE: "favourited your post",
    NotificationKind.EDIT: "edited a post that you boosted",
    NotificationKind.POST: "posted",
    NotificationKind.SIGN_UP: "signed up",
}


class EventEntity(Struct, frozen=True):
    """An event as a line of JSON. ``LAST`` prints no ``cursor``. An event has one of the last three fields."""

    event: str  #: post, edit, boost, delete or notification
    at: str
    cursor: str | UnsetType = UNSET
    status: StatusEntity | UnsetType = UNSET
    notification: NotificationEntity | UnsetType = UNSET
    id: str | UnsetType = UNSET  #: of the deleted post


class Rendering:
    """Renders lines, each with its CR LF. An event that has no line is empty.

    ``base_url`` is as in ``entities``. ``now`` tells today's date.
    """

    def __init__(self, base_url: str, zone: ZoneInfo, now: Callable[[], datetime]) -> None:
        self._base_url = base_url
        self._zone = zone
        self._now = now
        self._encode = msgspec.json.Encoder().encode
        self._events: dict[str, Callable[[Event], bytes]] = {
            "text": self._event_as_text,
            "json": self._event_as_json,
        }

    def of(self, form: str) -> Callable[[Event], bytes]:
        """Return the function that renders events in ``form``: "text" or "json"."""
        return self._events[form]

    def post(self, form: str, post: Post) -> bytes:
        """Render a post of a timeline for ``LAST``. It is not an event, so it has no cursor."""
        kind = Kind.BOOST if post.boost_of else Kind.POST
        if form == "text":
            return self._line(self._post_as_text(kind, post, post.created_at))
        return self._json(
            EventEntity(
                kind.value,
                entities.timestamp(post.created_at),
                status=entities.status(post, self._base_url),
            )
        )

    def notification(self, form: str, notification: Notification) -> bytes:
        """Render a notification of the list of notifications for ``LAST``."""
        if form == "text":
            return self._line(self._notification_as_text(notification))
        return self._json(
            EventEntity(
                Kind.NOTIFICATION.value,
                entities.timestamp(notification.created_at),
                notification=entities.notification(notification, self._base_url),
            )
        )

    # -- for programs

    def _event_as_json(self, event: Event) -> bytes:
        status: StatusEntity | UnsetType = UNSET
        notification: NotificationEntity | UnsetType = UNSET
        deleted: str | UnsetType = UNSET
        if event.kind is Kind.DELETE:
            deleted = str(event.post_id)
        elif event.kind is Kind.NOTIFICATION and event.notification is not None:
            notification = entities.notification(event.notification, self._base_url, event.filter_results)
        elif event.kind in _POSTS and event.post is not None:
            status = entities.status(event.post, self._base_url, event.filter_results)
        else:
            return b""
        return self._json(
            EventEntity(
                event.kind.value,
                entities.timestamp(event.at),
                str(event.position),
                status,
                notification,
                deleted,
            )
        )

    def _json(self, entity: EventEntity) -> bytes:
        line = self._encode(entity)
        for ending, escaped in _LINE_ENDS:  # JSON allows them unescaped, but some languages split lines there
            if ending in line:
                line = line.replace(ending, escaped)
        return line + CRLF

    # -- for people

    def _event_as_text(self, event: Event) -> bytes:
        if event.kind is Kind.NOTIFICATION and event.notification is not None:
            return self._line(self._notification_as_text(event.notification))
        if event.kind is Kind.DELETE and event.audience is not None:
            action = "took back a boost" if event.audience.is_boost else "deleted"
            return self._line(
                f"{self._time(event.at)} @{event.audience.author_name} {action} [{event.post_id}]"
            )
        if event.kind in _POSTS and event.post is not None:
            at = event.at if event.kind is Kind.EDIT else event.post.created_at
            return self._line(self._post_as_text(event.kind, event.post, at))
        return b""

    def _post_as_text(self, kind: Kind, post: Post, at: datetime) -> str:
        who = f"{self._time(at)} @{post.author.address}"
        content = post.content
        if kind is Kind.BOOST:
            who += f" boosted @{content.author.address}"
        elif content.reply_to_name and content.reply_to_account_id != content.author.id:
            who += f" to @{content.reply_to_name}"
        if kind is Kind.EDIT:
            who += " edited"
        if content.visibility in (Visibility.FOLLOWERS, Visibility.DIRECT):
            who += f" ({content.visibility.value})"
        return f"{who}: {self._content(content)}"

    def _content(self, post: Post) -> str:
        if post.summary:
            text = f'CW "{one_line(post.summary, 500)}" {self._base_url}{post.path}'
        else:
            text = one_line(post.text, MAX_TEXT)
        return f"{text} [{post.id}]"

    def _notification_as_text(self, notification: Notification) -> str:
        line = f"{self._time(notification.created_at)} @{notification.actor.address} {_ACTIONS[notification.kind]}"
        return line if notification.post is None else f"{line}: {self._content(notification.post.content)}"

    def _time(self, at: datetime) -> str:
        local = at.astimezone(self._zone)
        today = self._now().astimezone(self._zone).date()
        return f"{local:%H:%M}" if local.date() == today else f"{local:%Y-%m-%d %H:%M}"

    @staticmethod
    def _line(text: str) -> bytes:
        return one_line(text, MAX_TEXT * 2).encode() + CRLF


_POSTS: Final = frozenset({Kind.POST, Kind.EDIT, Kind.BOOST})
_LINE_ENDS: Final = (
    ("\x85".encode(), b"\\u0085"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)
