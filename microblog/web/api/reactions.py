"""Endpoints of favourites, boosts and bookmarks. All are idempotent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from microblog.mastodon.entities import StatusEntity
from microblog.web.api.accounts import PRIVACIES, Privacy
from microblog.web.api.endpoint import Api, Call, Nothing

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.reactions", "Statuses")


class ReblogParams(Struct, kw_only=True):
    """How visible the boost is: by default as the post, and never wider than that."""

    visibility: Privacy | None = None


@api.post("/api/v1/statuses/<id>/favourite", scope="write:favourites", answer=StatusEntity)
async def favourite(microblog: Microblog, call: Call[Nothing]) -> StatusEntity:
    """Favourite a post; its author is told."""
    return await call.filtered_status(microblog, await microblog.posts.favourite(call.viewer, call.id()))


@api.post("/api/v1/statuses/<id>/unfavourite", scope="write:favourites", answer=StatusEntity)
async def unfavourite(microblog: Microblog, call: Call[Nothing]) -> StatusEntity:
    """Take that back."""
    return await call.filtered_status(microblog, await microblog.posts.unfavourite(call.viewer, call.id()))


@api.post("/api/v1/statuses/<id>/reblog", scope="write:statuses", params=ReblogParams, answer=StatusEntity)
async def reblog(microblog: Microblog, call: Call[ReblogParams]) -> StatusEntity:
    """Boost a post. The answer is the boost, in which `reblog` is the post."""
    visibility = None if call.params.visibility is None else PRIVACIES[call.params.visibility]
    post = await microblog.posts.boost(call.viewer, call.id(), visibility=visibility)
    return await call.filtered_status(microblog, await microblog.posts.boost_of(call.viewer, post.id))


@api.post("/api/v1/statuses/<id>/unreblog", scope="write:statuses", answer=StatusEntity)
async def unreblog(microblog: Microblog, call: Call[Nothing]) -> StatusEntity:
    """Take one's boost back. The answer is the post."""
    return await call.filtered_status(microblog, await microblog.posts.unboost(call.viewer, call.id()))


@api.post("/api/v1/statuses/<id>/bookmark", scope="write:bookmarks", answer=StatusEntity)
async def bookmark(microblog: Microblog, call: Call[Nothing]) -> StatusEntity:
    """Bookmark a post; nobody is told."""
    return await call.filtered_status(microblog, await microblog.posts.bookmark(call.viewer, call.id()))


@api.post("/api/v1/statuses/<id>/unbookmark", scope="write:bookmarks", answer=StatusEntity)
async def unbookmark(microblog: Microblog, call: Call[Nothing]) -> StatusEntity:
    """Take that back."""
    return await call.filtered_status(microblog, await microblog.posts.unbookmark(call.viewer, call.id()))
