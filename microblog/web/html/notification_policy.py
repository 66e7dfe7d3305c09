"""Whose notifications wait, and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.domain.errors import InvalidInput
from microblog.domain.notification_groups import NotificationPolicy, Verdict
from microblog.http.forms import FormState
from microblog.http.responses import Redirect, Response
from microblog.http.routing import Routes
from microblog.web.html.paging import span_of
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("notification_policy")

RULES = ("for_not_following", "for_not_followers", "for_new_accounts", "for_private_mentions")


@routes.get("/settings/notifications", viewer="required")
async def policy_form(microblog: Microblog, request: Request) -> Response:
    """What becomes of notifications by whom."""
    policy = await microblog.notification_policy.get(request.require_viewer())
    return _page(request, policy, FormState({name: getattr(policy, name).value for name in RULES}))


@routes.post("/settings/notifications", viewer="required")
async def save(microblog: Microblog, request: Request) -> Response:
    """Change what becomes of notifications by whom."""
    viewer = request.require_viewer()
    state = FormState(request.form.texts(*RULES))
    for name in RULES:
        if state.value(name) not in set(Verdict):
            error = InvalidInput("Choose one of the three.", name)
            policy = await microblog.notification_policy.get(viewer)
            return _page(request, policy, state.with_error(error), status=422)
    await microblog.notification_policy.set(viewer, **{name: Verdict(state.value(name)) for name in RULES})
    request.flash("Saved. It is about notifications to come.")
    return Redirect("/settings/notifications")


@routes.get("/notifications/requests", viewer="required")
async def requests(microblog: Microblog, request: Request) -> Response:
    """Whose notifications wait."""
    page = await microblog.notification_policy.requests(request.require_viewer(), span_of(request))
    return request.render("pages/notification_requests.html", page=page)


@routes.post("/notifications/requests/<int:id>/accept", viewer="required")
async def accept(microblog: Microblog, request: Request) -> Response:
    """Show what waits of somebody, and let through what comes later."""
    await microblog.notification_policy.accept(request.require_viewer(), [path_id(request)])
    request.flash("Their notifications are among yours now.")
    return Redirect("/notifications/requests")


@routes.post("/notifications/requests/<int:id>/dismiss", viewer="required")
async def dismiss(microblog: Microblog, request: Request) -> Response:
    """Remove what waits of somebody."""
    await microblog.notification_policy.turn_down(request.require_viewer(), [path_id(request)])
    request.flash("The request is dismissed.")
    return Redirect("/notifications/requests")


def _page(request: Request, policy: NotificationPolicy, state: FormState, *, status: int = 200) -> Response:
    return request.render(
        "pages/settings_notifications.html", policy=policy, rules=RULES, form=state, status=status
    )
