"""Endpoints of trending hashtags and posts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from microblog.domain.filters import Context
from microblog.mastodon.entities import StatusEntity
from microblog.web.api.endpoint import Api, Call, clamped
from microblog.web.api.tags import TagWithHistory, tag_entity

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.trends", "Trends")


class TrendingTagsParams(Struct, kw_only=True):
    limit: Annotated[int, Meta(description="How many at most; above 20 it is 20.")] = 10
    offset: Annotated[int, Meta(description="How many to leave out.")] = 0


class TrendingStatusesParams(Struct, kw_only=True):
    limit: Annotated[int, Meta(description="How many at most; above 40 it is 40.")] = 20
    offset: Annotated[int, Meta(description="How many to leave out.")] = 0


@api.get(
    "/api/v1/trends/tags",
    "/api/v1/trends",
    viewer="optional",
    params=TrendingTagsParams,
    answer=list[TagWithHistory],
)
async def trending_tags(microblog: Microblog, call: Call[TrendingTagsParams]) -> list[TagWithHistory]:
    """Hashtags that more people than usual use."""
    sent = call.params
    found = await microblog.trends.tags(
        call.viewer_or_none, offset=sent.offset, limit=clamped(sent.limit, 20)
    )
    return [tag_entity(each, call.base_url, personal=call.viewer_or_none is not None) for each in found]


@api.get(
    "/api/v1/trends/statuses", viewer="optional", params=TrendingStatusesParams, answer=list[StatusEntity]
)
async def trending_statuses(microblog: Microblog, call: Call[TrendingStatusesParams]) -> list[StatusEntity]:
    """Public posts that people boost and favourite."""
    sent = call.params
    found = await microblog.trends.posts(
        call.viewer_or_none, offset=sent.offset, limit=clamped(sent.limit, 40)
    )
    return await call.filtered_statuses(microblog, found, Context.PUBLIC)


@api.get("/api/v1/trends/links", viewer="optional", params=TrendingTagsParams, answer=list[str])
async def trending_links(microblog: Microblog, call: Call[TrendingTagsParams]) -> list[str]:
    """Links: none, as this site makes no previews of them."""
    return []
