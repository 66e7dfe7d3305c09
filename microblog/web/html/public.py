"""The public timeline, and the front page, which is the timeline that one most likely wants."""

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
    """Home for those who are logged in; for others a word of welcome over the public timeline."""
    if request.viewer is not None:
        return await home.show(microblog, request)
    return await _show(microblog, request, welcome=True)


@routes.get("/public", public=True, cached=True)
async def public(microblog: Microblog, request: Request) -> Response:
    """The newest public posts."""
    return await _show(microblog, request, welcome=False)


async def _show(microblog: Microblog, request: Request, *, welcome: bool) -> Response:
    since = microblog.dispatcher.position
    page = await microblog.timelines.public(request.viewer, span_of(request))
    page, filtered = await microblog.filters.applied(request.viewer, page, Context.PUBLIC)
    return request.render(
        "pages/public.html", page=page, filtered=filtered, since=since, welcome=welcome, public=True
    )
