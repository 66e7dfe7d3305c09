"""Endpoints of grouped notifications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from microblog.domain.events import NotificationKind
from microblog.domain.filters import Context
from microblog.domain.notification_groups import NotificationGroup
from microblog.mastodon import entities
from microblog.mastodon.entities import NOTIFICATION_TYPES, AccountEntity, StatusEntity
from microblog.services.notifications.groups import GROUPED
from microblog.web.api.endpoint import Api, Call, Nothing, Paged, Paging, clamped
from microblog.web.api.notifications import Count, kinds

if TYPE_CHECKING:
    from microblog.domain.accounts import Account
    from microblog.domain.posts import Post
    from microblog.services.microblog import Microblog

api = Api("api.notifications_v2", "Notifications")


class GroupsParams(Paging, kw_only=True):
    MOST: ClassVar[int] = 80

    limit: Annotated[int, Meta(description="How many at most; above 80 it is 80.")] = 40
    types: tuple[str, ...] = ()
    exclude_types: tuple[str, ...] = ()
    grouped_types: Annotated[
        tuple[str, ...], Meta(description="What to gather; by default favourite, follow and reblog.")
    ] = ()
    expand_accounts: Annotated[
        Literal["full", "partial_avatars"], Meta(description="Accounts come in full either way.")
    ] = "full"
    include_filtered: bool = False


class UnreadGroupsParams(Struct, kw_only=True):
    limit: int = 100
    types: tuple[str, ...] = ()
    exclude_types: tuple[str, ...] = ()
    grouped_types: tuple[str, ...] = ()


class GroupEntity(Struct, frozen=True):
    """Notifications of one kind about one post, or a single one."""

    group_key: str
    notifications_count: int
    type: str
    most_recent_notification_id: Annotated[
        int,
        Meta(description="A number that JavaScript can hold; it names the notification where an id does."),
    ]
    page_min_id: str
    page_max_id: str
    latest_page_notification_at: str
    sample_account_ids: tuple[str, ...]
    status_id: str | UnsetType = UNSET


class GroupsEntity(Struct, frozen=True):
    """Groups, and each account and post in them once."""

    accounts: list[AccountEntity]
    statuses: list[StatusEntity]
    notification_groups: list[GroupEntity]


def _grouped(types: Sequence[str]) -> Sequence[NotificationKind]:
    if not types:
        return GROUPED
    return [each for each in GROUPED if NOTIFICATION_TYPES[each] in types]


async def _groups(
    microblog: Microblog, call: Call[GroupsParams] | Call[Nothing], groups: Sequence[NotificationGroup]
) -> GroupsEntity:
    people: dict[int, Account] = {}
    posts: dict[int, Post] = {}
    for group in groups:
        people.update((each.id, each) for each in group.people)
        if group.post is not None:
            posts[group.post.id] = group.post
    return GroupsEntity(
        call.accounts(people.values()),
        await call.filtered_statuses(microblog, list(posts.values()), Context.NOTIFICATIONS),
        [
            GroupEntity(
                group_key=each.key,
                notifications_count=each.count,
                type=NOTIFICATION_TYPES[each.kind],
                most_recent_notification_id=each.newest_number,
                page_min_id=str(each.oldest_id),
                page_max_id=str(each.newest_id),
                latest_page_notification_at=entities.timestamp(each.newest_at),
                sample_account_ids=tuple(str(one.id) for one in each.people),
                status_id=str(each.post.id) if each.post is not None else UNSET,
            )
            for each in groups
        ],
    )


@api.get(
    "/api/v2/notifications",
    scope="read:notifications",
    params=GroupsParams,
    answer=GroupsEntity,
    paged=True,
)
async def grouped_notifications(microblog: Microblog, call: Call[GroupsParams]) -> Paged:
    """What concerns one, gathered; the newest group first."""
    sent = call.params
    page = await microblog.notification_groups.page(
        call.viewer,
        await microblog.notifications.by_position(call.viewer, sent.span),
        kinds=kinds(sent.types, sent.exclude_types),
        grouped=_grouped(sent.grouped_types),
    )
    return call.paged(page, await _groups(microblog, call, page.items))  # type: ignore[arg-type]


@api.get(
    "/api/v2/notifications/unread_count", scope="read:notifications", params=UnreadGroupsParams, answer=Count
)
async def unread_groups(microblog: Microblog, call: Call[UnreadGroupsParams]) -> Count:
    """How many groups have something that was not seen."""
    sent = call.params
    return Count(
        await microblog.notification_groups.unread(
            call.viewer,
            kinds=kinds(sent.types, sent.exclude_types),
            grouped=_grouped(sent.grouped_types),
            most=clamped(sent.limit, 1000),
        )
    )


@api.get("/api/v2/notifications/<group_key>", scope="read:notifications", answer=GroupsEntity)
async def notification_group(microblog: Microblog, call: Call[Nothing]) -> GroupsEntity:
    """One group."""
    found = await microblog.notification_groups.by_key(call.viewer, call.arg("group_key"))
    return await _groups(microblog, call, [found])


@api.get("/api/v2/notifications/<group_key>/accounts", scope="read:notifications", answer=list[AccountEntity])
async def notification_group_accounts(microblog: Microblog, call: Call[Nothing]) -> list[AccountEntity]:
    """Everybody in a group."""
    return call.accounts(await microblog.notification_groups.actors(call.viewer, call.arg("group_key")))


@api.post("/api/v2/notifications/<group_key>/dismiss", scope="write:notifications")
async def dismiss_notification_group(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """Remove a group."""
    await microblog.notification_groups.dismiss(call.viewer, call.arg("group_key"))
    return Nothing()
