"""The viewer's notifications, grouped: one line for all favourites of a post."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.domain.filters import Context, hidden
from microblog.http.responses import Response, not_prefetched
from microblog.http.routing import Routes
from microblog.web.html.paging import span_of

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("notifications")


@routes.get("/notifications", viewer="required")
async def notifications(microblog: Microblog, request: Request) -> Response:
    """Show your notifications, and mark them as read."""
    viewer = request.require_viewer()
    if request.is_prefetch:
        return not_prefetched()
    since = microblog.dispatcher.position
    page = await microblog.notification_groups.page(viewer, span_of(request))
    posts = [each.post for each in page.items if each.post is not None]
    filtered = await microblog.filters.results(viewer, posts, Context.NOTIFICATIONS)
    shown = [each for each in page.items if each.post is None or not hidden(filtered.get(each.post.id, ()))]
    policy = await microblog.notification_policy.get(viewer)
    response = request.render(
        "pages/notifications.html",
        page=page,
        shown=shown,
        filtered=filtered,
        since=since,
        waiting=policy.pending_requests,
    )
    if request.method == "GET" and any(not item.read for item in page.items):
        newest = max(page.items, key=lambda item: item.newest_id)
        await microblog.notifications.mark_read(viewer, newest.newest_id, newest.as_of)
    return response
