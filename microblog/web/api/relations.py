"""Endpoints of relationships: follows, follow requests, blocks, mutes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from microblog.domain.accounts import Account, Relationship
from microblog.domain.errors import NotFound
from microblog.mastodon import entities
from microblog.mastodon.entities import AccountEntity
from microblog.web.api.endpoint import AccountPaging, Api, Call, Id, Nothing, Paged

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.relations", "Relationships")


class RelationshipEntity(Struct, frozen=True):
    """How one stands to the account with this id."""

    id: str
    following: bool
    showing_reblogs: bool
    notifying: bool
    followed_by: bool
    blocking: bool
    blocked_by: bool
    muting: bool
    muting_notifications: bool
    requested: bool
    requested_by: bool
    endorsed: bool = False
    note: str = ""
    domain_blocking: bool = False
    languages: None = None
    muting_expires_at: str | None = None


class MutedAccount(AccountEntity, frozen=True, kw_only=True):
    """An account that you mute."""

    mute_expires_at: str | None


class FollowParams(Struct, kw_only=True):
    reblogs: Annotated[
        bool | None, Meta(description="Whether their boosts are shown; at first they are.")
    ] = None
    notify: Annotated[bool | None, Meta(description="Whether one is told of each of their posts.")] = None


class MuteParams(Struct, kw_only=True):
    notifications: Annotated[bool, Meta(description="Whether what they do is not told either.")] = True
    duration: Annotated[int, Meta(description="For so many seconds; 0 is for good.", ge=0)] = 0


class RelationshipsParams(Struct, kw_only=True):
    id: Annotated[tuple[Id, ...], Meta(description="Of whom; 80 at most.")] = ()
    with_suspended: bool = False


def relationship(found: Relationship) -> RelationshipEntity:
    return RelationshipEntity(
        id=str(found.account_id),
        following=found.following,
        showing_reblogs=found.following and found.show_boosts,
        notifying=found.notify,
        followed_by=found.followed_by,
        blocking=found.blocking,
        blocked_by=found.blocked_by,
        muting=found.muting,
        muting_notifications=found.muting_notifications,
        requested=found.requested,
        requested_by=found.requested_by,
        endorsed=found.endorsed,
        note=found.note,
        muting_expires_at=None if found.muted_until is None else entities.timestamp(found.muted_until),
    )


@api.get(
    "/api/v1/accounts/relationships",
    scope="read:follows",
    params=RelationshipsParams,
    answer=list[RelationshipEntity],
)
async def relationships(microblog: Microblog, call: Call[RelationshipsParams]) -> list[RelationshipEntity]:
    """How one stands to several people."""
    ids = list(dict.fromkeys(call.params.id))[:80]
    return [relationship(each) for each in await microblog.follows.relationships(call.viewer, ids)]


@api.post(
    "/api/v1/accounts/<id>/follow", scope="write:follows", params=FollowParams, answer=RelationshipEntity
)
async def follow(microblog: Microblog, call: Call[FollowParams]) -> RelationshipEntity:
    """Follow somebody, or ask to; again, it changes what is shown."""
    sent, account_id = call.params, call.id()
    boosts, notify = sent.reblogs, sent.notify
    if boosts is None or notify is None:
        found = await microblog.follows.relationships(call.viewer, [account_id])
        if not found:
            raise NotFound
        now = found[0]
        known = now.following or now.requested
        boosts = boosts if boosts is not None else now.show_boosts if known else True
        notify = notify if notify is not None else known and now.notify
    return relationship(
        await microblog.follows.follow(call.viewer, account_id, show_boosts=boosts, notify=notify)
    )


@api.post("/api/v1/accounts/<id>/unfollow", scope="write:follows", answer=RelationshipEntity)
async def unfollow(microblog: Microblog, call: Call[Nothing]) -> RelationshipEntity:
    """Follow no more, or take the request back."""
    return relationship(await microblog.follows.unfollow(call.viewer, call.id()))


@api.post("/api/v1/accounts/<id>/remove_from_followers", scope="write:follows", answer=RelationshipEntity)
async def remove_from_followers(microblog: Microblog, call: Call[Nothing]) -> RelationshipEntity:
    """They follow one no more; they may again."""
    return relationship(await microblog.follows.remove_follower(call.viewer, call.id()))


@api.post("/api/v1/accounts/<id>/block", scope="write:blocks", answer=RelationshipEntity)
async def block(microblog: Microblog, call: Call[Nothing]) -> RelationshipEntity:
    """Neither sees the other any more."""
    return relationship(await microblog.follows.block(call.viewer, call.id()))


@api.post("/api/v1/accounts/<id>/unblock", scope="write:blocks", answer=RelationshipEntity)
async def unblock(microblog: Microblog, call: Call[Nothing]) -> RelationshipEntity:
    """End a block."""
    return relationship(await microblog.follows.unblock(call.viewer, call.id()))


@api.post("/api/v1/accounts/<id>/mute", scope="write:mutes", params=MuteParams, answer=RelationshipEntity)
async def mute(microblog: Microblog, call: Call[MuteParams]) -> RelationshipEntity:
    """Not shown on timelines any more; they are not told."""
    sent = call.params
    return relationship(
        await microblog.follows.mute(
            call.viewer, call.id(), notifications=sent.notifications, seconds=sent.duration or None
        )
    )


@api.post("/api/v1/accounts/<id>/unmute", scope="write:mutes", answer=RelationshipEntity)
async def unmute(microblog: Microblog, call: Call[Nothing]) -> RelationshipEntity:
    """End a mute."""
    return relationship(await microblog.follows.unmute(call.viewer, call.id()))


@api.get("/api/v1/blocks", scope="read:blocks", params=AccountPaging, answer=list[AccountEntity], paged=True)
async def blocks(microblog: Microblog, call: Call[AccountPaging]) -> Paged:
    """Whom one blocks, the newest block first."""
    return call.paged_accounts(await microblog.follows.blocks(call.viewer, call.params.span))


@api.get("/api/v1/mutes", scope="read:mutes", params=AccountPaging, answer=list[MutedAccount], paged=True)
async def mutes(microblog: Microblog, call: Call[AccountPaging]) -> Paged:
    """List the accounts you mute, newest mute first."""
    page = await microblog.follows.mutes(call.viewer, call.params.span)
    ends = await microblog.follows.mute_ends(call.viewer, [each.id for each in page.items])
    return call.paged(page, [_muted(call, each, ends.get(each.id)) for each in page.items])


def _muted(call: Call[AccountPaging], account: Account, until: datetime | None) -> MutedAccount:
    base = call.account(account)
    return MutedAccount(
        **{name: getattr(base, name) for name in AccountEntity.__struct_fields__},
        mute_expires_at=None if until is None else entities.timestamp(until),
    )


@api.get("/api/v1/domain_blocks", scope="read:blocks", params=AccountPaging, answer=list[str], paged=True)
async def domain_blocks(microblog: Microblog, call: Call[AccountPaging]) -> Paged:
    """Sites that one blocks: none, as there are no other sites here."""
    return Paged(())


class FamiliarParams(Struct, kw_only=True):
    id: Annotated[tuple[Id, ...], Meta(description="The accounts; 40 at most.")] = ()


class FamiliarFollowers(Struct, frozen=True):
    """The followers of an account whom you follow too."""

    id: str
    accounts: tuple[AccountEntity, ...] = ()


@api.get(
    "/api/v1/accounts/familiar_followers",
    scope="read:follows",
    params=FamiliarParams,
    answer=list[FamiliarFollowers],
)
async def familiar_followers(microblog: Microblog, call: Call[FamiliarParams]) -> list[FamiliarFollowers]:
    """List the followers of accounts whom you follow too; empty for now."""
    found = await microblog.accounts.by_ids(list(dict.fromkeys(call.params.id))[:40])
    return [FamiliarFollowers(str(each.id)) for each in found]


@api.get(
    "/api/v1/follow_requests",
    scope="read:follows",
    params=AccountPaging,
    answer=list[AccountEntity],
    paged=True,
)
async def follow_requests(microblog: Microblog, call: Call[AccountPaging]) -> Paged:
    """Who asks to follow one, the newest first."""
    return call.paged_accounts(await microblog.follows.requests(call.viewer, call.params.span))


@api.post("/api/v1/follow_requests/<id>/authorize", scope="write:follows", answer=RelationshipEntity)
async def authorize_follow_request(microblog: Microblog, call: Call[Nothing]) -> RelationshipEntity:
    """They may follow. The id is the account's."""
    return relationship(await microblog.follows.accept(call.viewer, call.id()))


@api.post("/api/v1/follow_requests/<id>/reject", scope="write:follows", answer=RelationshipEntity)
async def reject_follow_request(microblog: Microblog, call: Call[Nothing]) -> RelationshipEntity:
    """They may not, and are not told. The id is the account's."""
    return relationship(await microblog.follows.reject(call.viewer, call.id()))
