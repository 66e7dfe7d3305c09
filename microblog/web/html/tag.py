"""The timeline of a hashtag."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from microblog.domain.errors import NotFound
from microblog.domain.filters import Context
from microblog.domain.text import hashtag_key
from microblog.http.responses import Response, moved
from microblog.http.routing import Routes
from microblog.web.html.paging import span_of

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("tag")


@routes.get("/tags/<tag>", public=True, cached=True)
async def tag(microblog: Microblog, request: Request) -> Response:
    """Show the newest public posts with a hashtag."""
    name = request.path_arg("tag")
    key = hashtag_key(name)
    if key is None:
        raise NotFound(
            "That can't be a hashtag. A hashtag is letters, digits and underscores, not digits alone."
        )
    if key != name:
        return moved(f"/tags/{quote(key)}", request.query)
    since = microblog.dispatcher.position
    viewer = request.viewer
    page = await microblog.timelines.tag(viewer, key, span_of(request))
    page, filtered = await microblog.filters.applied(viewer, page, Context.PUBLIC)
    return request.render(
        "pages/tag.html",
        tag=key,
        about=await microblog.tags.view(viewer, key) if viewer is not None else None,
        page=page,
        filtered=filtered,
        since=since,
        public=True,
    )
