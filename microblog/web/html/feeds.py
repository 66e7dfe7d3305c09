"""Feeds of profiles, tags and the public timeline, each as RSS, Atom and JSON Feed.

The viewer is never looked up: a feed holds what an anonymous visitor may see.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from microblog.domain.errors import NotFound
from microblog.domain.posts import Span
from microblog.domain.text import hashtag_key
from microblog.http.responses import Document, Response
from microblog.http.routing import Page, Routes
from microblog.web.html.syndication import FORMATS, LENGTH, Feed

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("feeds", cors=True)

#: the seconds for which a feed is fresh
MAX_AGE: Final = 60
#: More than a feed holds, because unlisted posts and boosts are dropped from the listing afterwards.
_SPAN: Final = Span(limit=2 * LENGTH)
#: the time of a feed that never had an entry
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def of_profile(microblog: Microblog, request: Request) -> Feed:
    account = await microblog.accounts.by_name(request.path_arg("name"))
    page = await microblog.timelines.account(None, account.id, _SPAN, replies=False, boosts=False)
    return Feed.of(
        list(page.items),
        base=microblog.config.public_url,
        title=f"{account.shown_name} (@{account.address})",
        description=account.bio or f"Public posts of @{account.address}",
        path=account.path,
        own_path=quote(request.path, safe="/@"),
        icon=f"/avatars/{account.id}.svg",
        since=account.created_at,
    )


async def of_tag(microblog: Microblog, request: Request) -> Feed:
    tag = hashtag_key(request.path_arg("tag"))
    if tag is None:
        raise NotFound
    page = await microblog.timelines.tag(None, tag, _SPAN)
    return Feed.of(
        list(page.items),
        base=microblog.config.public_url,
        title=f"#{tag} on {microblog.config.site_name}",
        description=f"Public posts with #{tag}",
        path=f"/tags/{quote(tag)}",
        own_path=quote(request.path, safe="/@"),
        since=_NEVER,
    )


async def of_public(microblog: Microblog, request: Request) -> Feed:
    page = await microblog.timelines.public(None, _SPAN)
    return Feed.of(
        list(page.items),
        base=microblog.config.public_url,
        title=microblog.config.site_name,
        description=microblog.config.site_description or f"Public posts on {microblog.config.site_name}",
        path="/public",
        own_path=quote(request.path, safe="/@"),
        since=_NEVER,
    )


def answer(feed: Feed, extension: str) -> Response:
    """Return the feed as bytes, with an ETag of their content.

    There is no Last-Modified: an edit, a deletion, or a second post within a second would not change it, and a feed
    reader that relies on it would miss them (RFC 9110, section 8.8.2.2).
    """
    write, content_type = FORMATS[extension]
    return Document(write(feed), content_type, public=True, max_age=MAX_AGE)


def _page(feed_of: Callable[[Microblog, Request], Awaitable[Feed]], extension: str) -> Page:
    async def page(microblog: Microblog, request: Request) -> Response:
        return answer(await feed_of(microblog, request), extension)

    return page


for _extension in FORMATS:
    for _name, _feed_of, _paths in (
        ("profile", of_profile, (f"/@<name>.{_extension}", f"/@<name>/feed.{_extension}")),
        ("tag", of_tag, (f"/tags/<tag>.{_extension}",)),
        ("public", of_public, (f"/public.{_extension}",)),
    ):
        routes.get(
            *_paths,
            name=f"{_name}_{_extension}",
            viewer="none",
            public=True,
            summary=f"Return the {_name} feed as {_extension}",
        )(_page(_feed_of, _extension))
