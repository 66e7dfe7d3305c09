"""The notification policy: which notifications need the viewer's consent first, and the requests that wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.errors import InvalidInput
from microblog.domain.notification_groups import Verdict
from microblog.http.forms import FormState
from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.web.html.forms import redirect, submits
from microblog.web.html.paging import span_of
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("notification_policy")

RULES: Final = ("for_not_following", "for_not_followers", "for_new_accounts", "for_private_mentions")


async def _page(microblog: Microblog, request: Request, state: FormState, *, status: int = 200) -> Response:
    """Show the policy's form; where ``state`` has no value, the current one."""
    policy = await microblog.notification_policy.get(request.require_viewer())
    current = {name: getattr(policy, name).value for name in RULES}
    form = FormState({**current, **state.values}, state.errors)
    return request.render(
        "pages/settings_notifications.html", policy=policy, rules=RULES, form=form, status=status
    )


@routes.get("/settings/notifications", viewer="required")
async def policy_form(microblog: Microblog, request: Request) -> Response:
    """Show your notification policy."""
    return await _page(microblog, request, FormState())


@routes.post("/settings/notifications", viewer="required")
@submits(_page, *RULES)
async def save(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Change your notification policy."""
    for name in RULES:
        if state.value(name) not in set(Verdict):
            raise InvalidInput("Choose one of the three.", name)
    verdicts = {name: Verdict(state.value(name)) for name in RULES}
    await microblog.notification_policy.set(request.require_viewer(), **verdicts)
    return redirect(request, "/settings/notifications", "Saved. It is about notifications to come.")


@routes.get("/notifications/requests", viewer="required")
async def requests(microblog: Microblog, request: Request) -> Response:
    """Show the accounts whose notifications wait for your consent."""
    page = await microblog.notification_policy.requests(request.require_viewer(), span_of(request))
    return request.render("pages/notification_requests.html", page=page)


@routes.post("/notifications/requests/<int:id>/accept", viewer="required")
async def accept(microblog: Microblog, request: Request) -> Response:
    """Accept the waiting and all later notifications of an account."""
    await microblog.notification_policy.accept(request.require_viewer(), [path_id(request)])
    return redirect(request, "/notifications/requests", "Their notifications are among yours now.")


@routes.post("/notifications/requests/<int:id>/dismiss", viewer="required")
async def dismiss(microblog: Microblog, request: Request) -> Response:
    """Remove the waiting notifications of an account."""
    await microblog.notification_policy.turn_down(request.require_viewer(), [path_id(request)])
    return redirect(request, "/notifications/requests", "The request is dismissed.")
