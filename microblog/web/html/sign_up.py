"""Signing up: open to all, with approval, by invitation, or not at all, as the setting ``registration`` says.

The service decides; the page shows the form that fits.  The first account of a site becomes its owner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.accounts import Role, State
from microblog.domain.errors import InvalidInput
from microblog.http.forms import FormState
from microblog.http.responses import Redirect, Response
from microblog.http.routing import Routes
from microblog.web.html.forms import submits

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("sign_up")

_FIELDS: Final = ("name", "email", "reason", "invitation")


async def _page(microblog: Microblog, request: Request, state: FormState, *, status: int = 200) -> Response:
    registration = microblog.config.registration
    return request.render(
        "pages/sign_up.html",
        form=state,
        registration=registration,
        accepting=registration != "closed",
        status=status,
    )


@routes.get("/signup")
async def form(microblog: Microblog, request: Request) -> Response:
    """Show the form to sign up."""
    if request.viewer is not None:
        return Redirect("/")
    return await _page(microblog, request, FormState(dict.fromkeys(_FIELDS, "")))


@routes.get("/join/<code>")
async def invited(microblog: Microblog, request: Request) -> Response:
    """Show the form to sign up with an invitation."""
    if request.viewer is not None:
        return Redirect("/")
    state = FormState(dict.fromkeys(_FIELDS, "") | {"invitation": request.path_arg("code")})
    needed = microblog.config.registration in ("approval", "invitation")
    if needed and not await microblog.invitations.is_usable(state.value("invitation")):
        # The visitor learns it before filling in the form.
        error = InvalidInput("This invitation can't be used any more. Ask for a new one.", "invitation")
        return await _page(microblog, request, state.with_error(error), status=404)
    return await _page(microblog, request, state)


@routes.post("/signup", limit="signup")
@submits(_page, *_FIELDS, "password")
async def sign_up(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Sign up. Unless the account waits for approval, you are logged in at once."""
    name, email, reason, invitation = (state.value(field).strip() for field in _FIELDS)
    account = await microblog.sign_up.register(
        name, email, request.form.text("password"), reason=reason, invitation=invitation or None
    )
    if account.state is not State.ACTIVE:
        return request.render("pages/sign_up_pending.html", account=account)
    if (former := request.session_token) is not None:
        await microblog.sessions.log_out(former)
    token = await microblog.sessions.open_for(
        account, address=request.remote_address, user_agent=request.header("user-agent") or ""
    )
    request.sign_in(token)
    request.remember_browser(account.id)
    viewer = await microblog.sessions.viewer(token)
    request.flash(f"Welcome, @{account.name}! Write your first post, or find people to follow.")
    request.flash("We sent you an email. Open the link in it to confirm your address.")
    if viewer is not None and viewer.role is Role.OWNER:
        request.flash("You are the first person here, so this site is yours: Moderation is in the menu.")
    return Redirect("/")
