"""Moderation: approving sign-ups, listing accounts, and suspending them.

The service decides whether a moderator may act on a given account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from microblog.domain.accounts import Viewer
from microblog.domain.errors import Forbidden
from microblog.http.responses import Response, next_path
from microblog.http.routing import Routes
from microblog.web.html.forms import redirect, redirect_back
from microblog.web.html.paging import span_of
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("admin")


def _moderator(request: Request) -> Viewer:
    """Return the viewer.

    :raises Forbidden: the viewer is no moderator.
    """
    viewer = request.require_viewer()
    if not viewer.role.moderates:
        raise Forbidden("This page is for the moderators of this site.")
    return viewer


@routes.get("/admin/approvals", viewer="required")
async def approvals(microblog: Microblog, request: Request) -> Response:
    """Show the sign-ups that wait for approval."""
    waiting = await microblog.moderation.pending(_moderator(request))
    return request.render("pages/admin_approvals.html", waiting=waiting)


@routes.post("/admin/approvals/<int:id>/approve", viewer="required")
async def approve(microblog: Microblog, request: Request) -> Response:
    """Approve a sign-up."""
    await microblog.moderation.approve(_moderator(request), path_id(request))
    return redirect(request, "/admin/approvals", "Approved. They get a mail that says so.")


@routes.post("/admin/approvals/<int:id>/turn-down", viewer="required")
async def turn_down(microblog: Microblog, request: Request) -> Response:
    """Reject a sign-up."""
    await microblog.moderation.turn_down(_moderator(request), path_id(request))
    return redirect(request, "/admin/approvals", "Turned down. What they had typed is deleted.")


@routes.get("/admin/accounts", viewer="required")
async def accounts(microblog: Microblog, request: Request) -> Response:
    """List the accounts, newest first. ``q`` searches names and mail addresses."""
    query = request.query.text("q").strip()[:254]
    page = await microblog.moderation.accounts(_moderator(request), query, span_of(request, limit=40))
    return request.render("pages/admin_accounts.html", page=page, q=query)


@routes.post("/admin/accounts/<name>/suspend", viewer="required")
async def suspend(microblog: Microblog, request: Request) -> Response:
    """Suspend an account: it is logged out, and its posts are hidden."""
    name = request.path_arg("name")
    await microblog.moderation.suspend(name, by=_moderator(request))
    return redirect(
        request,
        next_path(request.form.get("next"), "/admin/accounts"),
        f"@{name} is suspended.",
        undo=f"/admin/accounts/{quote(name)}/unsuspend",
    )


@routes.post("/admin/accounts/<name>/unsuspend", viewer="required")
async def unsuspend(microblog: Microblog, request: Request) -> Response:
    """End the suspension of an account."""
    name = request.path_arg("name")
    await microblog.moderation.unsuspend(name, by=_moderator(request))
    return redirect_back(request, "/admin/accounts", f"@{name} is back.")
