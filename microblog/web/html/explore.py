"""Discovery: trends, follow suggestions, and the directory of profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.filters import Context
from microblog.domain.ids import parse_id
from microblog.domain.posts import Page
from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.web.html.forms import redirect
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("explore")

SUGGESTIONS: Final = 5
PAGE_LENGTH: Final = 40


@routes.get("/explore", public=True)
async def explore(microblog: Microblog, request: Request) -> Response:
    """Show trending posts and hashtags, and accounts you may want to follow."""
    viewer = request.viewer
    posts = await microblog.trends.posts(viewer)
    page, filtered = await microblog.filters.applied(viewer, Page(posts), Context.PUBLIC)
    return request.render(
        "pages/explore.html",
        tags=await microblog.trends.tags(viewer),
        page=page,
        filtered=filtered,
        suggestions=await microblog.trends.suggestions(viewer, limit=SUGGESTIONS) if viewer else [],
        public=True,
    )


@routes.post("/explore/dismiss/<int:id>", viewer="required")
async def dismiss(microblog: Microblog, request: Request) -> Response:
    """Remove an account from your follow suggestions."""
    account_id = path_id(request)
    await microblog.trends.dismiss(request.require_viewer(), account_id)
    return redirect(request, "/explore", "They will not be suggested again.")


@routes.get("/directory", public=True)
async def directory(microblog: Microblog, request: Request) -> Response:
    """Show the directory of profiles that want to be discovered."""
    query = request.query
    newest = query.text("order") == "new"
    offset = min(parse_id(query.text("offset")) or 0, 10_000)
    # One account more than is shown tells whether there is another page.
    accounts = await microblog.trends.directory(
        request.viewer, newest=newest, offset=offset, limit=PAGE_LENGTH + 1
    )
    return request.render(
        "pages/directory.html",
        accounts=accounts[:PAGE_LENGTH],
        newest=newest,
        offset=offset,
        before=max(0, offset - PAGE_LENGTH) if offset else None,
        after=offset + PAGE_LENGTH if len(accounts) > PAGE_LENGTH else None,
        public=True,
    )
