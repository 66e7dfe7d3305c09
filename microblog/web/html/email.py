"""The viewer's mail address: the confirmed one, the one that waits for confirmation, and how to change it.

No answer depends on whether an address belongs to an account. Its owner is told by mail instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.domain.errors import Conflict
from microblog.http.forms import FormState
from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.web.html.forms import redirect, submits

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("email")

_PATH = "/settings/email"


async def _page(microblog: Microblog, request: Request, state: FormState, *, status: int = 200) -> Response:
    user = await microblog.accounts.user(request.require_viewer())
    return request.render("pages/settings_email.html", form=state, user=user, status=status)


@routes.get(_PATH, viewer="required", name="email_form")
async def form(microblog: Microblog, request: Request) -> Response:
    """Show your mail address, and the form to change it."""
    return await _page(microblog, request, FormState({"email": "", "password": ""}))


@routes.post(_PATH, viewer="required", limit="password")
@submits(_page, "email", "password")
async def change(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Ask for another mail address. The old one stays until the new one is confirmed."""
    viewer = request.require_viewer()
    # Counted by account: anybody could use up a budget of the mail address, and so keep its owner out.
    request.spend("mail", f"account:{viewer.id}:change")
    address = await microblog.credentials.change_email(
        viewer, request.form.text("password"), state.value("email").strip()
    )
    return redirect(
        request, _PATH, f"A link is on its way to {address}. Follow it, and the address is yours."
    )


@routes.post(f"{_PATH}/resend", viewer="required", limit="mail")
async def resend(microblog: Microblog, request: Request) -> Response:
    """Send the confirmation link again."""
    try:
        address = await microblog.credentials.resend_confirmation(request.require_viewer())
    except Conflict as error:
        return redirect(request, _PATH, error.text)
    return redirect(request, _PATH, f"Another link is on its way to {address}.")


@routes.post(f"{_PATH}/keep", viewer="required")
async def keep(microblog: Microblog, request: Request) -> Response:
    """Keep the old mail address after all."""
    await microblog.credentials.keep_email(request.require_viewer())
    return redirect(request, _PATH, "Your mail address stays as it is.")
