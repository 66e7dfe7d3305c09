"""Endpoints of hashtags: history, following, featuring on profiles."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from msgspec import UNSET, Meta, Struct, UnsetType

from microblog.domain.tags import FeaturedTag, TagView
from microblog.web.api.endpoint import Api, Call, Nothing, Paged, Paging

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.tags", "Hashtags")


class TagDayEntity(Struct, frozen=True):
    """The use of a tag on a day: numbers as texts, ``day`` in seconds since 1970."""

    day: str
    uses: str
    accounts: str


class TagWithHistory(Struct, frozen=True):
    """A hashtag. ``following`` and ``featuring`` are there for somebody who is logged in."""

    id: str
    name: str
    url: str
    history: tuple[TagDayEntity, ...]
    following: bool | UnsetType = UNSET
    featuring: bool | UnsetType = UNSET


class FeaturedTagEntity(Struct, frozen=True):
    """A hashtag on a profile."""

    id: str
    name: str
    url: str
    statuses_count: str
    last_status_at: str | None


class FollowedParams(Paging, kw_only=True):
    limit: Annotated[int, Meta(description="How many at most; above 40 it is 40.")] = 40


class FeatureParams(Struct, kw_only=True):
    name: Annotated[str, Meta(description="The hashtag, with or without #.")]


def tag_entity(found: TagView, base_url: str, *, personal: bool) -> TagWithHistory:
    """Return the entity of a hashtag, with the viewer's flags if it is ``personal``."""
    return TagWithHistory(
        id=found.tag,
        name=found.shown,
        url=f"{base_url}/tags/{quote(found.tag)}",
        history=tuple(
            TagDayEntity(
                str(int(datetime(each.day.year, each.day.month, each.day.day, tzinfo=UTC).timestamp())),
                str(each.uses),
                str(each.people),
            )
            for each in found.history
        ),
        following=found.following if personal else UNSET,
        featuring=found.featuring if personal else UNSET,
    )


def _featured(found: FeaturedTag, base_url: str, owner: str) -> FeaturedTagEntity:
    return FeaturedTagEntity(
        str(found.id),
        found.shown,
        f"{base_url}/{owner}/tagged/{quote(found.tag)}",
        str(found.posts_count),
        found.last_at.astimezone(UTC).date().isoformat() if found.last_at else None,
    )


@api.get("/api/v1/tags/<name>", viewer="optional", scope="read:follows", answer=TagWithHistory)
async def tag(microblog: Microblog, call: Call[Nothing]) -> TagWithHistory:
    """A hashtag, with its use in the last seven days, today first."""
    found = await microblog.tags.view(call.viewer_or_none, call.arg("name"))
    return tag_entity(found, call.base_url, personal=call.viewer_or_none is not None)


@api.post("/api/v1/tags/<name>/follow", scope="write:follows", answer=TagWithHistory)
async def follow_tag(microblog: Microblog, call: Call[Nothing]) -> TagWithHistory:
    """Have public posts with it at home."""
    found = await microblog.tags.follow(call.viewer, call.arg("name"))
    return tag_entity(found, call.base_url, personal=True)


@api.post("/api/v1/tags/<name>/unfollow", scope="write:follows", answer=TagWithHistory)
async def unfollow_tag(microblog: Microblog, call: Call[Nothing]) -> TagWithHistory:
    """No longer."""
    found = await microblog.tags.unfollow(call.viewer, call.arg("name"))
    return tag_entity(found, call.base_url, personal=True)


@api.post("/api/v1/tags/<name>/feature", scope="write:accounts", answer=TagWithHistory)
async def feature_by_name(microblog: Microblog, call: Call[Nothing]) -> TagWithHistory:
    """Show it on one's profile."""
    await microblog.tags.feature(call.viewer, call.arg("name"))
    found = await microblog.tags.view(call.viewer, call.arg("name"))
    return tag_entity(found, call.base_url, personal=True)


@api.post("/api/v1/tags/<name>/unfeature", scope="write:accounts", answer=TagWithHistory)
async def unfeature_by_name(microblog: Microblog, call: Call[Nothing]) -> TagWithHistory:
    """No longer."""
    found = await microblog.tags.unfeature_tag(call.viewer, call.arg("name"))
    return tag_entity(found, call.base_url, personal=True)


@api.get(
    "/api/v1/followed_tags",
    scope="read:follows",
    params=FollowedParams,
    answer=list[TagWithHistory],
    paged=True,
)
async def followed_tags(microblog: Microblog, call: Call[FollowedParams]) -> Paged:
    """The hashtags that one follows, the newest first."""
    page = await microblog.tags.followed(call.viewer, call.params.span)
    return call.paged(page, [tag_entity(each, call.base_url, personal=True) for each in page.items])


@api.get("/api/v1/featured_tags", scope="read:accounts", answer=list[FeaturedTagEntity])
async def own_featured_tags(microblog: Microblog, call: Call[Nothing]) -> list[FeaturedTagEntity]:
    """The hashtags on one's profile."""
    owner = call.viewer.account
    found = await microblog.tags.featured(owner.id)
    return [_featured(each, call.base_url, f"@{owner.address}") for each in found]


@api.post("/api/v1/featured_tags", scope="write:accounts", params=FeatureParams, answer=FeaturedTagEntity)
async def feature_tag(microblog: Microblog, call: Call[FeatureParams]) -> FeaturedTagEntity:
    """Show a hashtag on one's profile."""
    made = await microblog.tags.feature(call.viewer, call.params.name)
    return _featured(made, call.base_url, f"@{call.viewer.account.address}")


@api.delete("/api/v1/featured_tags/<id>", scope="write:accounts")
async def unfeature_tag(microblog: Microblog, call: Call[Nothing]) -> Nothing:
    """No longer."""
    await microblog.tags.unfeature(call.viewer, call.id())
    return Nothing()


@api.get("/api/v1/featured_tags/suggestions", scope="read:accounts", answer=list[TagWithHistory])
async def featured_tags_suggestions(microblog: Microblog, call: Call[Nothing]) -> list[TagWithHistory]:
    """The hashtags that one uses most and does not show."""
    found = await microblog.tags.worth_featuring(call.viewer)
    return [tag_entity(each, call.base_url, personal=True) for each in found]


@api.get(
    "/api/v1/accounts/<id>/featured_tags",
    viewer="optional",
    scope="read:accounts",
    answer=list[FeaturedTagEntity],
)
async def featured_tags_of(microblog: Microblog, call: Call[Nothing]) -> list[FeaturedTagEntity]:
    """The hashtags on somebody's profile."""
    account = await microblog.accounts.by_id(call.id())
    found = await microblog.tags.featured(account.id)
    return [_featured(each, call.base_url, f"@{account.address}") for each in found]
