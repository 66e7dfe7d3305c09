"""The endpoint of search for accounts, hashtags and posts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from msgspec import Meta, Struct

from microblog.domain.accounts import Account
from microblog.domain.filters import Context
from microblog.domain.posts import Post, Span
from microblog.mastodon.entities import AccountEntity, StatusEntity
from microblog.web.api.endpoint import Api, Call, Id, clamped
from microblog.web.api.parameters import Cursor
from microblog.web.api.tags import TagWithHistory, tag_entity

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.search", "Search")

MOST: Final = 40
_FURTHEST: Final = 10_000


class SearchParams(Struct, kw_only=True):
    q: str = ""
    type: Annotated[Literal["accounts", "hashtags", "statuses"] | None, Meta(description="These alone.")] = (
        None
    )
    limit: Annotated[int, Meta(description="Of each; 40 at most.")] = 20
    offset: Annotated[int, Meta(description="How many to leave out, with a type.")] = 0
    max_id: Cursor | None = None
    min_id: Cursor | None = None
    account_id: Annotated[Id | None, Meta(description="Only posts by this account.")] = None
    following: Annotated[bool, Meta(description="Only people whom one follows.")] = False
    resolve: Annotated[bool, Meta(description="Addresses of this site are always looked up.")] = False
    exclude_unreviewed: bool = False


class Found(Struct, frozen=True):
    accounts: list[AccountEntity]
    statuses: list[StatusEntity]
    hashtags: list[TagWithHistory]


@api.get(
    "/api/v2/search",
    viewer="optional",
    scope="read:search",
    limit="search",
    params=SearchParams,
    answer=Found,
    statuses=(404,),
)
async def search(microblog: Microblog, call: Call[SearchParams]) -> Found:
    """People and tags by how they begin, posts by their words; the address of somebody or something finds it."""
    sent = call.params
    q = sent.q.strip()
    if not q:
        return Found([], [], [])
    match await microblog.addresses.find(call.viewer_or_none, q):
        case Account() as account:
            return Found([call.account(account)], [], [])
        case Post() as post:
            return Found([], [await call.filtered_status(microblog, post)], [])
    limit, offset = clamped(sent.limit, MOST), 0
    if sent.type is not None:
        offset = max(0, min(sent.offset, _FURTHEST))
    found = Found([], [], [])
    if sent.type in (None, "accounts") and q[0] not in "#＃":
        found.accounts.extend(
            call.accounts(
                await microblog.search.people(
                    call.viewer_or_none, q, limit=limit, offset=offset, following=sent.following
                )
            )
        )
    if sent.type in (None, "hashtags") and q[0] not in "@＠":
        tags = await microblog.search.tags(q, limit=limit, offset=offset)
        views = await microblog.tags.views(call.viewer_or_none, [each.tag for each in tags])
        personal = call.viewer_or_none is not None
        found.hashtags.extend(tag_entity(each, call.base_url, personal=personal) for each in views)
    # A hashtag alone searches for hashtags; its posts need the type ``statuses``.
    if sent.type == "statuses" or (sent.type is None and q[0] not in "@＠#＃"):
        found.statuses.extend(await _posts(microblog, call, q, limit, offset))
    return found


async def _posts(
    microblog: Microblog, call: Call[SearchParams], q: str, limit: int, offset: int
) -> list[StatusEntity]:
    sent = call.params
    if sent.account_id is not None:
        q = f"{q} from:{(await microblog.accounts.by_id(sent.account_id)).address}"
    # Posts are paged by cursor, so the posts before a small offset are read and dropped.
    if offset + limit > 80:
        return []
    page = await microblog.search.posts(
        call.viewer_or_none, q, Span(max_id=sent.max_id, min_id=sent.min_id, limit=offset + limit)
    )
    return await call.filtered_statuses(microblog, page.items[offset:], Context.PUBLIC)
