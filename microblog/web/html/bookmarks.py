"""The viewer's bookmarks, which nobody else sees, and favourites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.web.html.paging import span_of

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("bookmarks")


@routes.get("/bookmarks", viewer="required")
async def bookmarks(microblog: Microblog, request: Request) -> Response:
    """Show the posts you bookmarked."""
    page = await microblog.timelines.bookmarks(request.require_viewer(), span_of(request))
    return request.render("pages/bookmarks.html", page=page, which="bookmarks")


@routes.get("/favourites", viewer="required")
async def favourites(microblog: Microblog, request: Request) -> Response:
    """Show the posts you favourited."""
    page = await microblog.timelines.favourites(request.require_viewer(), span_of(request))
    return request.render("pages/bookmarks.html", page=page, which="favourites")
