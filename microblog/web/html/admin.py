"""For moderators: who waits for approval, who is here, and suspending them.

Whether somebody may do this to somebody else is the service's to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from microblog.domain.accounts import Viewer
from microblog.domain.errors import Forbidden
from microblog.http.responses import Redirect, Response, next_path
from microblog.http.routing import Routes
from microblog.web.html.paging import span_of
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("admin")


def _moderator(request: Request) -> Viewer:
    """:raises Forbidden: somebody without a part in running the site."""
    viewer = request.require_viewer()
    if not viewer.role.moderates:
        raise Forbidden("This page is for the moderators of this site.")
    return viewer


@routes.get("/admin/approvals", viewer="required")
async def approvals(microblog: Microblog, request: Request) -> Response:
    """Who has signed up and waits for approval."""
    waiting = await microblog.moderation.pending(_moderator(request))
    return request.render("pages/admin_approvals.html", waiting=waiting)


@routes.post("/admin/approvals/<int:id>/approve", viewer="required")
async def approve(microblog: Microblog, request: Request) -> Response:
    """Let somebody in."""
    await microblog.moderation.approve(_moderator(request), path_id(request))
    request.flash("Approved. They get a mail that says so.")
    return Redirect("/admin/approvals")


@routes.post("/admin/approvals/<int:id>/turn-down", viewer="required")
async def turn_down(microblog: Microblog, request: Request) -> Response:
    """Do not let somebody in."""
    await microblog.moderation.turn_down(_moderator(request), path_id(request))
    request.flash("Turned down. What they had typed is deleted.")
    return Redirect("/admin/approvals")


@routes.get("/admin/accounts", viewer="required")
async def accounts(microblog: Microblog, request: Request) -> Response:
    """Who is here, newest first; ``q`` looks for names and mail addresses."""
    looked_for = request.query.text("q").strip()[:254]
    page = await microblog.moderation.accounts(_moderator(request), looked_for, span_of(request, limit=40))
    return request.render("pages/admin_accounts.html", page=page, q=looked_for)


@routes.post("/admin/accounts/<name>/suspend", viewer="required")
async def suspend(microblog: Microblog, request: Request) -> Response:
    """Suspend somebody: they are logged out, and nobody sees what they wrote."""
    name = request.path_arg("name")
    await microblog.moderation.suspend(name, by=_moderator(request))
    request.flash(f"@{name} is suspended.", undo=f"/admin/accounts/{quote(name)}/unsuspend")
    return Redirect(next_path(request.form.get("next"), "/admin/accounts"))


@routes.post("/admin/accounts/<name>/unsuspend", viewer="required")
async def unsuspend(microblog: Microblog, request: Request) -> Response:
    """End a suspension."""
    name = request.path_arg("name")
    await microblog.moderation.unsuspend(name, by=_moderator(request))
    request.flash(f"@{name} is back.")
    return Redirect(next_path(request.form.get("next"), "/admin/accounts"))
