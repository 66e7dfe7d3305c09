"""The public timeline and the front page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.domain.filters import Context
from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.web.html import home
from microblog.web.html.paging import span_of

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("public")


@routes.get("/", public=True, cached=True)
async def front(microblog: Microblog, request: Request) -> Response:
    """Show your home timeline, or a welcome above the public timeline if you are logged out."""
    if request.viewer is not None:
        return await home.show(microblog, request)
    return await _show(microblog, request, welcome=True)


@routes.get("/public", public=True, cached=True)
async def public(microblog: Microblog, request: Request) -> Response:
    """Show the newest public posts."""
    return await _show(microblog, request, welcome=False)


async def _show(microblog: Microblog, request: Request, *, welcome: bool) -> Response:
    since = microblog.dispatcher.position
    page = await microblog.timelines.public(request.viewer, span_of(request))
    page, filtered = await microblog.filters.applied(request.viewer, page, Context.PUBLIC)
    return request.render(
        "pages/public.html", page=page, filtered=filtered, since=since, welcome=welcome, public=True
    )
