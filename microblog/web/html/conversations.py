"""Conversations: direct posts, a thread at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.http.responses import Redirect, Response
from microblog.http.routing import Routes
from microblog.web.html.paging import span_of
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("conversations")


@routes.get("/conversations", viewer="required")
async def conversations(microblog: Microblog, request: Request) -> Response:
    """One's conversations."""
    since = microblog.dispatcher.position
    page = await microblog.conversations.page(request.require_viewer(), span_of(request))
    return request.render("pages/conversations.html", page=page, since=since)


@routes.post("/conversations/<int:id>/read", viewer="required")
async def read(microblog: Microblog, request: Request) -> Response:
    """Mark a conversation as read."""
    await microblog.conversations.mark_read(request.require_viewer(), path_id(request))
    request.flash("Marked as read.")
    return Redirect("/conversations")


@routes.post("/conversations/<int:id>/unread", viewer="required")
async def unread(microblog: Microblog, request: Request) -> Response:
    """Mark it as unread."""
    await microblog.conversations.mark_read(request.require_viewer(), path_id(request), read=False)
    request.flash("Marked as unread.")
    return Redirect("/conversations")


@routes.post("/conversations/<int:id>/delete", viewer="required")
async def delete(microblog: Microblog, request: Request) -> Response:
    """Put a conversation away; its posts stay."""
    await microblog.conversations.delete(request.require_viewer(), path_id(request))
    request.flash("The conversation is put away. Its posts stay; the next one brings it back.")
    return Redirect("/conversations")
