"""One's mail address: which one is in use, which one waits to be confirmed, and how to change it.

What is answered never depends on whether an address is somebody's: its owner is told by mail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.domain.errors import Conflict, InvalidInput
from microblog.http.forms import FormState
from microblog.http.responses import Redirect, Response
from microblog.http.routing import Routes

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("email")


@routes.get("/settings/email", viewer="required", name="email_form")
async def form(microblog: Microblog, request: Request) -> Response:
    """One's mail address, the one that waits to be confirmed, and the form to change it."""
    return await _shown(microblog, request, FormState({"email": "", "password": ""}))


@routes.post("/settings/email", viewer="required", limit="password")
async def change(microblog: Microblog, request: Request) -> Response:
    """Ask for another mail address; the one until now stays until the new one is confirmed."""
    viewer = request.require_viewer()
    state = FormState({"email": request.form.text("email").strip(), "password": ""})
    # By account: a budget of the address alone could be used up by anybody, and keep its owner out.
    request.spend("mail", f"account:{viewer.id}:change")
    try:
        address = await microblog.credentials.change_email(
            viewer, request.form.text("password"), state.value("email")
        )
    except (InvalidInput, Conflict) as error:
        return await _shown(microblog, request, state.with_error(error), status=422)
    request.flash(f"A link is on its way to {address}. Follow it, and the address is yours.")
    return Redirect("/settings/email")


@routes.post("/settings/email/resend", viewer="required", limit="mail")
async def resend(microblog: Microblog, request: Request) -> Response:
    """Send the link to the address that waits once more."""
    try:
        address = await microblog.credentials.resend_confirmation(request.require_viewer())
    except Conflict as error:
        request.flash(error.text)
    else:
        request.flash(f"Another link is on its way to {address}.")
    return Redirect("/settings/email")


@routes.post("/settings/email/keep", viewer="required")
async def keep(microblog: Microblog, request: Request) -> Response:
    """Keep the address until now after all."""
    await microblog.credentials.keep_email(request.require_viewer())
    request.flash("Your mail address stays as it is.")
    return Redirect("/settings/email")


async def _shown(microblog: Microblog, request: Request, state: FormState, *, status: int = 200) -> Response:
    user = await microblog.accounts.user(request.require_viewer())
    return request.render("pages/settings_email.html", form=state, user=user, status=status)
