"""Timelines, bookmarks and favourites."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from microblog.domain.filters import Context
from microblog.domain.text import hashtag_key
from microblog.mastodon.entities import StatusEntity
from microblog.web.api.endpoint import Api, Call, Paged, Paging

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog
    from microblog.web.api.shared_timelines import SharedTimelines

api = Api("api.timelines", "Timelines")


class PublicParams(Paging, kw_only=True):
    local: Annotated[bool, Meta(description="Only by people of this site.")] = False
    remote: Annotated[bool, Meta(description="Only by people of other sites.")] = False
    only_media: bool = False


class TagParams(PublicParams, kw_only=True):
    any: Annotated[tuple[str, ...], Meta(description="Further tags, one of which does as well.")] = ()
    all: Annotated[tuple[str, ...], Meta(description="Further tags, all of which there have to be.")] = ()
    none: Annotated[tuple[str, ...], Meta(description="Tags that there may not be.")] = ()


@api.get(
    "/api/v1/timelines/home",
    scope="read:statuses",
    params=Paging,
    answer=list[StatusEntity],
    paged=True,
    remembered=True,
)
async def home(microblog: Microblog, call: Call[Paging]) -> Paged:
    """Posts and boosts of those whom one follows, and one's own."""
    page = await microblog.timelines.home(call.viewer, call.params.span)
    return call.paged(page, await call.filtered_statuses(microblog, page.items, Context.HOME))


@api.get(
    "/api/v1/timelines/public",
    viewer="optional",
    scope="read:statuses",
    params=PublicParams,
    answer=list[StatusEntity],
    paged=True,
    public=True,
    cached=True,
    remembered=True,
)
async def public(microblog: Microblog, call: Call[PublicParams]) -> Paged:
    """Public posts; no boosts, no replies to others."""
    sent = call.params
    if sent.only_media:
        return Paged(())  # no post has any
    cache: SharedTimelines | None = call.request.shared
    if call.viewer_or_none is not None and cache is not None:
        shared = await cache.page(
            (sent.span, sent.local, sent.remote),
            partial(microblog.timelines.public, None, sent.span, local=sent.local, remote=sent.remote),
            lambda post: msgspec.json.encode(call.status(post)),
            microblog.posts.flags,
        )
        answer = await shared.answer_for(call.viewer_or_none.id)
        if answer is not None:
            return call.paged(shared.page, answer)
    page = await microblog.timelines.public(
        call.viewer_or_none, sent.span, local=sent.local, remote=sent.remote
    )
    return call.paged(page, await call.filtered_statuses(microblog, page.items, Context.PUBLIC))


@api.get(
    "/api/v1/timelines/tag/<tag>",
    viewer="optional",
    scope="read:statuses",
    params=TagParams,
    answer=list[StatusEntity],
    paged=True,
    public=True,
    cached=True,
    remembered=True,
)
async def tagged(microblog: Microblog, call: Call[TagParams]) -> Paged:
    """Public posts with a tag."""
    sent = call.params
    tag = hashtag_key(call.arg("tag").lstrip("#"))
    if tag is None or sent.only_media or sent.remote:
        return Paged(())
    if sent.any or sent.all or sent.none:
        page = await microblog.timelines.tags(
            call.viewer_or_none,
            [tag, *_keys(sent.any)],
            sent.span,
            every=_keys(sent.all),
            none=_keys(sent.none),
        )
    else:
        page = await microblog.timelines.tag(call.viewer_or_none, tag, sent.span)
    return call.paged(page, await call.filtered_statuses(microblog, page.items, Context.PUBLIC))


def _keys(tags: Sequence[str]) -> list[str]:
    """Return the keys of the first four tags, as in Mastodon, without those that are not hashtags."""
    return [key for each in tags[:4] if (key := hashtag_key(each.lstrip("#"))) is not None]


@api.get("/api/v1/bookmarks", scope="read:bookmarks", params=Paging, answer=list[StatusEntity], paged=True)
async def bookmarks(microblog: Microblog, call: Call[Paging]) -> Paged:
    """Posts that one has bookmarked, the newest bookmark first."""
    page = await microblog.timelines.bookmarks(call.viewer, call.params.span)
    return call.paged(page, await call.filtered_statuses(microblog, page.items))


@api.get("/api/v1/favourites", scope="read:favourites", params=Paging, answer=list[StatusEntity], paged=True)
async def favourites(microblog: Microblog, call: Call[Paging]) -> Paged:
    """Posts that one has favourited, the newest favourite first."""
    page = await microblog.timelines.favourites(call.viewer, call.params.span)
    return call.paged(page, await call.filtered_statuses(microblog, page.items))
