"""Endpoints of the notification policy and of notification requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from microblog.domain.notification_groups import NotificationPolicy, NotificationRequest, Verdict
from microblog.mastodon import entities
from microblog.mastodon.entities import AccountEntity, StatusEntity
from microblog.web.api.endpoint import Api, Call, Id, Nothing, Paged, Paging

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.notification_policy", "Notifications")

Rule = Literal["accept", "filter", "drop"]


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
        Rule | None, Meta(description="Stored, and without effect: this site limits no accounts yet.")
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
        policy.for_limited_accounts.value,
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
    return _policy(await microblog.notification_policy.get(call.viewer))


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
        await microblog.notification_policy.set(
            call.viewer,
            for_not_following=_verdict(sent.for_not_following),
            for_not_followers=_verdict(sent.for_not_followers),
            for_new_accounts=_verdict(sent.for_new_accounts),
            for_private_mentions=_verdict(sent.for_private_mentions),
            for_limited_accounts=_verdict(sent.for_limited_accounts),
        )
    )


def _verdict(rule: str | None) -> Verdict | None:
    return None if rule is None else Verdict(rule)


def _either(filtered: bool | None) -> Verdict | None:
    return None if filtered is None else Verdict.FILTER if filtered else Verdict.ACCEPT


@api.get("/api/v1/notifications/policy", scope="read:notifications", answer=PolicyV1Entity, deprecated=True)
async def notification_policy_v1(microblog: Microblog, call: Call[Nothing]) -> PolicyV1Entity:
    """The policy, as yes or no."""
    return _policy_v1(await microblog.notification_policy.get(call.viewer))


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
        await microblog.notification_policy.set(
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
    page = await microblog.notification_policy.requests(call.viewer, call.params.span)
    return call.paged(page, [_request(call, each) for each in page.items])


@api.get("/api/v1/notifications/requests/merged", scope="read:notifications", answer=Merged)
async def notification_requests_merged(microblog: Microblog, call: Call[Nothing]) -> Merged:
    """Whether what was accepted is among the notifications by now: here it is at once."""
    return Merged(True)


@api.get("/api/v1/notifications/requests/<id>", scope="read:notifications", answer=RequestEntity)
async def notification_request(microblog: Microblog, call: Call[Nothing]) -> RequestEntity:
    """Somebody whose notifications wait."""
    return _request(call, await microblog.notification_policy.request(call.viewer, call.id()))


@api.post("/api/v1/notifications/requests/accept", scope="write:notifications", params=RequestIds)
async def accept_notification_requests(microblog: Microblog, call: Call[RequestIds]) -> Nothing:
    """Show what waits, and let through what comes later."""
    await microblog.notification_policy.accept(call.viewer, call.params.id)
    return Nothing()


@api.post("/api/v1/notifications/requests/dismiss", scope="write:notifications", params=RequestIds)
async def dismiss_notification_requests(microblog: Microblog, call: Call[RequestIds]) -> Nothing:
    """Remove what waits."""
    await microblog.notification_policy.turn_down(call.viewer, call.params.id)
    return Nothing()


@api.post("/api/v1/notifications/requests/<id>/accept", scope="write:notifications")
async def accept_notification_request(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """The same, for one of them."""
    found = await microblog.notification_policy.request(call.viewer, call.id())
    await microblog.notification_policy.accept(call.viewer, [found.id])
    return Nothing()


@api.post("/api/v1/notifications/requests/<id>/dismiss", scope="write:notifications")
async def dismiss_notification_request(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """The same, for one of them."""
    found = await microblog.notification_policy.request(call.viewer, call.id())
    await microblog.notification_policy.turn_down(call.viewer, [found.id])
    return Nothing()
