"""Endpoints of single notifications. ``notifications_v2`` groups them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta, Struct

from microblog.domain.events import NotificationKind
from microblog.domain.filters import Context
from microblog.mastodon import entities
from microblog.mastodon.entities import NOTIFICATION_TYPES, NotificationEntity
from microblog.web.api.endpoint import Api, Call, Id, Nothing, Paged, Paging, clamped

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.notifications", "Notifications")

MOST: int = 1000


class NotificationsParams(Paging, kw_only=True):
    MOST: ClassVar[int] = 80

    limit: Annotated[int, Meta(description="How many at most; above 80 it is 80.")] = 40
    types: Annotated[
        tuple[str, ...], Meta(description="Only these: mention, follow, favourite, reblog …")
    ] = ()
    exclude_types: Annotated[tuple[str, ...], Meta(description="All but these.")] = ()
    account_id: Annotated[Id | None, Meta(description="Only what this account did.")] = None
    include_filtered: bool = False


class UnreadParams(Struct, kw_only=True):
    limit: Annotated[int, Meta(description="Counting ends there; 1000 at most.")] = 100
    types: tuple[str, ...] = ()
    exclude_types: tuple[str, ...] = ()


class Count(Struct, frozen=True):
    count: int


def kinds(types: Sequence[str], exclude: Sequence[str]) -> list[NotificationKind] | None:
    """Return our kinds for the protocol's types, or None for all."""
    if not types and not exclude:
        return None
    return [
        kind
        for kind, name in NOTIFICATION_TYPES.items()
        if (not types or name in types) and name not in exclude
    ]


@api.get(
    "/api/v1/notifications",
    scope="read:notifications",
    params=NotificationsParams,
    answer=list[NotificationEntity],
    paged=True,
)
async def notifications(microblog: Microblog, call: Call[NotificationsParams]) -> Paged:
    """What concerns one, the newest first."""
    sent = call.params
    span = await microblog.notifications.by_position(call.viewer, sent.span)
    page = await microblog.notifications.page(
        call.viewer, span, kinds=kinds(sent.types, sent.exclude_types), actor_id=sent.account_id
    )
    posts = [each.post for each in page.items if each.post is not None]
    filtered = await microblog.filters.results(call.viewer, posts, Context.NOTIFICATIONS)
    return call.paged(page, [entities.notification(each, call.base_url, filtered) for each in page.items])


@api.get("/api/v1/notifications/unread_count", scope="read:notifications", params=UnreadParams, answer=Count)
async def unread_count(microblog: Microblog, call: Call[UnreadParams]) -> Count:
    """How many have come since the newest one that was seen."""
    sent = call.params
    return Count(
        await microblog.notifications.unread(
            call.viewer, kinds=kinds(sent.types, sent.exclude_types), most=clamped(sent.limit, MOST)
        )
    )


@api.get("/api/v1/notifications/<id>", scope="read:notifications", answer=NotificationEntity)
async def notification(microblog: Microblog, call: Call[Nothing]) -> NotificationEntity:
    """One of them."""
    return entities.notification(await microblog.notifications.by_id(call.viewer, call.id()), call.base_url)


@api.post("/api/v1/notifications/clear", "/api/v2/notifications/clear", scope="write:notifications")
async def clear_notifications(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """Remove them all."""
    await microblog.notifications.clear(call.viewer)
    return Nothing()


@api.post("/api/v1/notifications/<id>/dismiss", scope="write:notifications")
async def dismiss_notification(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """Remove one."""
    await microblog.notifications.dismiss(call.viewer, call.id())
    return Nothing()
