"""Conversations: the threads of direct posts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.web.html.forms import redirect
from microblog.web.html.paging import span_of
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("conversations")


@routes.get("/conversations", viewer="required")
async def conversations(microblog: Microblog, request: Request) -> Response:
    """Show your conversations."""
    since = microblog.dispatcher.position
    page = await microblog.conversations.page(request.require_viewer(), span_of(request))
    return request.render("pages/conversations.html", page=page, since=since)


@routes.post("/conversations/<int:id>/read", viewer="required")
async def read(microblog: Microblog, request: Request) -> Response:
    """Mark a conversation as read."""
    await microblog.conversations.mark_read(request.require_viewer(), path_id(request))
    return redirect(request, "/conversations", "Marked as read.")


@routes.post("/conversations/<int:id>/unread", viewer="required")
async def unread(microblog: Microblog, request: Request) -> Response:
    """Mark a conversation as unread."""
    await microblog.conversations.mark_read(request.require_viewer(), path_id(request), read=False)
    return redirect(request, "/conversations", "Marked as unread.")


@routes.post("/conversations/<int:id>/delete", viewer="required")
async def delete(microblog: Microblog, request: Request) -> Response:
    """Remove a conversation from your list. Its posts stay."""
    await microblog.conversations.delete(request.require_viewer(), path_id(request))
    message = "The conversation is put away. Its posts stay; the next one brings it back."
    return redirect(request, "/conversations", message)
