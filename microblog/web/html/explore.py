"""What there is to discover: trends, people one might want to follow, the directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.filters import Context
from microblog.domain.ids import parse_id
from microblog.domain.posts import Page
from microblog.http.responses import Redirect, Response
from microblog.http.routing import Routes
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("explore")

SUGGESTED: Final = 5
ON_A_PAGE: Final = 40


@routes.get("/explore", public=True)
async def explore(microblog: Microblog, request: Request) -> Response:
    """What many use and like at the moment, and whom one might want to follow."""
    viewer = request.viewer
    posts = await microblog.trends.posts(viewer)
    page, filtered = await microblog.filters.applied(viewer, Page(posts), Context.PUBLIC)
    return request.render(
        "pages/explore.html",
        tags=await microblog.trends.tags(viewer),
        page=page,
        filtered=filtered,
        suggestions=await microblog.trends.suggestions(viewer, limit=SUGGESTED) if viewer else [],
        public=True,
    )


@routes.post("/explore/dismiss/<int:id>", viewer="required")
async def dismiss(microblog: Microblog, request: Request) -> Response:
    """Never suggest somebody again."""
    account_id = path_id(request)
    await microblog.trends.dismiss(request.require_viewer(), account_id)
    request.flash("They will not be suggested again.")
    return Redirect("/explore")


@routes.get("/directory", public=True)
async def directory(microblog: Microblog, request: Request) -> Response:
    """People who want to be found."""
    query = request.query
    newest = query.text("order") == "new"
    offset = min(parse_id(query.text("offset")) or 0, 10_000)
    found = await microblog.trends.directory(
        request.viewer, newest=newest, offset=offset, limit=ON_A_PAGE + 1
    )
    return request.render(
        "pages/directory.html",
        accounts=found[:ON_A_PAGE],
        newest=newest,
        offset=offset,
        before=max(0, offset - ON_A_PAGE) if offset else None,
        after=offset + ON_A_PAGE if len(found) > ON_A_PAGE else None,
        public=True,
    )
