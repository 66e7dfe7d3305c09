"""What concerned the one who looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.web.html.paging import span_of
from microblog.web.responses import Response
from microblog.web.routing import Routes

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog
    from microblog.web.request import Request

routes = Routes("notifications")


@routes.get("/notifications", viewer="required")
async def notifications(microblog: Microblog, request: Request) -> Response:
    """Mentions, replies, follows, boosts and favourites. What is shown counts as seen from then on."""
    viewer = request.require_viewer()
    since = microblog.notifier.position
    page = await microblog.notifications.page(viewer, span_of(request))
    response = request.render("pages/notifications.html", page=page, since=since)
    if any(not item.read for item in page.items):
        await microblog.notifications.mark_read(viewer, max(item.id for item in page.items))
    return response
