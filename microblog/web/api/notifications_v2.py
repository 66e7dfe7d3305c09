"""What concerns one, gathered; the policy that makes some of it wait, and what waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from microblog.domain import entities
from microblog.domain.entities import NOTIFICATION_TYPES, AccountEntity, StatusEntity
from microblog.domain.events import NotificationKind
from microblog.domain.filters import Context
from microblog.domain.notification_groups import (
    NotificationGroup,
    NotificationPolicy,
    NotificationRequest,
    Verdict,
)
from microblog.services.notification_groups import GROUPED
from microblog.web.api.ground import Api, Call, Id, Nothing, Paged, Paging, clamped
from microblog.web.api.notifications import Count, kinds

if TYPE_CHECKING:
    from microblog.domain.accounts import Account
    from microblog.domain.posts import Post
    from microblog.services.microblog import Microblog

api = Api("api.notifications_v2", "Notifications")

Rule = Literal["accept", "filter", "drop"]


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
    most_recent_notification_id: int
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
        await call.filtered(microblog, list(posts.values()), Context.NOTIFICATIONS),
        [
            GroupEntity(
                group_key=each.key,
                notifications_count=each.count,
                type=NOTIFICATION_TYPES[each.kind],
                most_recent_notification_id=each.newest_id,
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
        sent.span,
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
    return call.accounts(await microblog.notification_groups.people(call.viewer, call.arg("group_key")))


@api.post("/api/v2/notifications/<group_key>/dismiss", scope="write:notifications")
async def dismiss_notification_group(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """Remove a group."""
    await microblog.notification_groups.dismiss(call.viewer, call.arg("group_key"))
    return Nothing()


# ----------------------------------------------------------------------------------------------------- policy


class PolicySummary(Struct, frozen=True):
    pending_requests_count: int
    pending_notifications_count: int


class PolicyEntity(Struct, frozen=True):
    """What becomes of notifications by whom: accept, filter (they wait), drop."""

    for_not_following: str
    for_not_followers: str
    for_new_accounts: str
    for_private_mentions: str
    for_limited_accounts: str
    summary: PolicySummary


class PolicyParams(Struct, kw_only=True):
    for_not_following: Rule | None = None
    for_not_followers: Rule | None = None
    for_new_accounts: Rule | None = None
    for_private_mentions: Rule | None = None
    for_limited_accounts: Annotated[
        Rule | None, Meta(description="Changes nothing: this site limits no accounts.")
    ] = None


class PolicyV1Entity(Struct, frozen=True):
    """The policy, where all that is not accepted is filtered."""

    filter_not_following: bool
    filter_not_followers: bool
    filter_new_accounts: bool
    filter_private_mentions: bool
    summary: PolicySummary


class PolicyV1Params(Struct, kw_only=True):
    filter_not_following: bool | None = None
    filter_not_followers: bool | None = None
    filter_new_accounts: bool | None = None
    filter_private_mentions: bool | None = None


class RequestEntity(Struct, frozen=True):
    """Somebody whose notifications wait; the id is the account's."""

    id: str
    created_at: str
    updated_at: str
    notifications_count: str
    account: AccountEntity
    last_status: StatusEntity | None


class RequestIds(Struct, kw_only=True):
    id: tuple[Id, ...] = ()


class Merged(Struct, frozen=True):
    merged: bool


def _summary(policy: NotificationPolicy) -> PolicySummary:
    return PolicySummary(policy.pending_requests, policy.pending_notifications)


def _policy(policy: NotificationPolicy) -> PolicyEntity:
    return PolicyEntity(
        policy.for_not_following.value,
        policy.for_not_followers.value,
        policy.for_new_accounts.value,
        policy.for_private_mentions.value,
        Verdict.ACCEPT.value,
        _summary(policy),
    )


def _policy_v1(policy: NotificationPolicy) -> PolicyV1Entity:
    return PolicyV1Entity(
        policy.for_not_following is not Verdict.ACCEPT,
        policy.for_not_followers is not Verdict.ACCEPT,
        policy.for_new_accounts is not Verdict.ACCEPT,
        policy.for_private_mentions is not Verdict.ACCEPT,
        _summary(policy),
    )


@api.get("/api/v2/notifications/policy", scope="read:notifications", answer=PolicyEntity)
async def notification_policy(microblog: Microblog, call: Call[Nothing]) -> PolicyEntity:
    """Whose notifications wait, or never come to be."""
    return _policy(await microblog.notification_groups.policy(call.viewer))


@api.endpoint(
    "PATCH",
    "/api/v2/notifications/policy",
    scope="write:notifications",
    params=PolicyParams,
    answer=PolicyEntity,
)
async def set_notification_policy(microblog: Microblog, call: Call[PolicyParams]) -> PolicyEntity:
    """Change that, for what is to come."""
    sent = call.params
    return _policy(
        await microblog.notification_groups.set_policy(
            call.viewer,
            for_not_following=_verdict(sent.for_not_following),
            for_not_followers=_verdict(sent.for_not_followers),
            for_new_accounts=_verdict(sent.for_new_accounts),
            for_private_mentions=_verdict(sent.for_private_mentions),
        )
    )


def _verdict(rule: str | None) -> Verdict | None:
    return None if rule is None else Verdict(rule)


def _either(filtered: bool | None) -> Verdict | None:
    return None if filtered is None else Verdict.FILTER if filtered else Verdict.ACCEPT


@api.get("/api/v1/notifications/policy", scope="read:notifications", answer=PolicyV1Entity, deprecated=True)
async def notification_policy_v1(microblog: Microblog, call: Call[Nothing]) -> PolicyV1Entity:
    """The policy, as yes or no."""
    return _policy_v1(await microblog.notification_groups.policy(call.viewer))


@api.endpoint(
    "PATCH",
    "/api/v1/notifications/policy",
    scope="write:notifications",
    params=PolicyV1Params,
    answer=PolicyV1Entity,
    deprecated=True,
)
async def set_notification_policy_v1(microblog: Microblog, call: Call[PolicyV1Params]) -> PolicyV1Entity:
    """Change it, by yes or no."""
    sent = call.params
    return _policy_v1(
        await microblog.notification_groups.set_policy(
            call.viewer,
            for_not_following=_either(sent.filter_not_following),
            for_not_followers=_either(sent.filter_not_followers),
            for_new_accounts=_either(sent.filter_new_accounts),
            for_private_mentions=_either(sent.filter_private_mentions),
        )
    )


def _request(call: Call[Paging] | Call[Nothing], found: NotificationRequest) -> RequestEntity:
    return RequestEntity(
        str(found.id),
        entities.timestamp(found.created_at),
        entities.timestamp(found.updated_at),
        str(found.count),
        call.account(found.account),
        call.status(found.last_post) if found.last_post is not None else None,
    )


@api.get(
    "/api/v1/notifications/requests",
    scope="read:notifications",
    params=Paging,
    answer=list[RequestEntity],
    paged=True,
)
async def notification_requests(microblog: Microblog, call: Call[Paging]) -> Paged:
    """Whose notifications wait."""
    page = await microblog.notification_groups.requests(call.viewer, call.params.span)
    return call.paged(page, [_request(call, each) for each in page.items])


@api.get("/api/v1/notifications/requests/merged", scope="read:notifications", answer=Merged)
async def notification_requests_merged(microblog: Microblog, call: Call[Nothing]) -> Merged:
    """Whether what was accepted is among the notifications by now: here it is at once."""
    return Merged(True)


@api.get("/api/v1/notifications/requests/<id>", scope="read:notifications", answer=RequestEntity)
async def notification_request(microblog: Microblog, call: Call[Nothing]) -> RequestEntity:
    """Somebody whose notifications wait."""
    return _request(call, await microblog.notification_groups.request(call.viewer, call.id()))


@api.post("/api/v1/notifications/requests/accept", scope="write:notifications", params=RequestIds)
async def accept_notification_requests(microblog: Microblog, call: Call[RequestIds]) -> Nothing:
    """Show what waits, and let through what comes later."""
    await microblog.notification_groups.accept(call.viewer, call.params.id)
    return Nothing()


@api.post("/api/v1/notifications/requests/dismiss", scope="write:notifications", params=RequestIds)
async def dismiss_notification_requests(microblog: Microblog, call: Call[RequestIds]) -> Nothing:
    """Remove what waits."""
    await microblog.notification_groups.turn_down(call.viewer, call.params.id)
    return Nothing()


@api.post("/api/v1/notifications/requests/<id>/accept", scope="write:notifications")
async def accept_notification_request(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """The same, for one of them."""
    found = await microblog.notification_groups.request(call.viewer, call.id())
    await microblog.notification_groups.accept(call.viewer, [found.id])
    return Nothing()


@api.post("/api/v1/notifications/requests/<id>/dismiss", scope="write:notifications")
async def dismiss_notification_request(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """The same, for one of them."""
    found = await microblog.notification_groups.request(call.viewer, call.id())
    await microblog.notification_groups.turn_down(call.viewer, [found.id])
    return Nothing()
