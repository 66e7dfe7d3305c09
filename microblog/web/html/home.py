"""The home timeline, with the composer."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from microblog.domain.boosts import merge_boosts
from microblog.domain.filters import Context
from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.web.html.paging import span_of

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("home")


@routes.get("/home", viewer="required")
async def show(microblog: Microblog, request: Request) -> Response:
    """Show your posts and those of the accounts you follow."""
    span = span_of(request)
    since = microblog.dispatcher.position
    viewer = request.require_viewer()
    page = await microblog.timelines.home(viewer, span)
    page, filtered = await microblog.filters.applied(viewer, page, Context.HOME)
    shown, boosters = merge_boosts(page.items)
    return request.render(
        "pages/home.html",
        page=replace(page, items=shown),
        boosters=boosters,
        filtered=filtered,
        since=since,
        first=span.max_id is None and span.min_id is None,
        key=secrets.token_urlsafe(16),
    )
