"""Becoming a member: open to all, on approval, by invitation, or not at all, as ``registration`` says.

The service decides; the pages show the form that fits.  Without anybody here, the first who comes is the owner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.accounts import Role, State
from microblog.domain.errors import Conflict, Forbidden, InvalidInput
from microblog.http.forms import FormState
from microblog.http.responses import Redirect, Response
from microblog.http.routing import Routes

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("sign_up")

_KEPT: Final = ("name", "email", "reason", "invitation")


@routes.get("/signup")
async def form(microblog: Microblog, request: Request) -> Response:
    """The form to sign up with."""
    if request.viewer is not None:
        return Redirect("/")
    return _shown(microblog, request, FormState(dict.fromkeys(_KEPT, "")))


@routes.get("/join/<code>")
async def invited(microblog: Microblog, request: Request) -> Response:
    """The same, with an invitation in hand."""
    if request.viewer is not None:
        return Redirect("/")
    state = FormState(dict.fromkeys(_KEPT, "") | {"invitation": request.path_arg("code")})
    needed = microblog.config.registration in ("approval", "invitation")
    if needed and not await microblog.invitations.is_usable(state.value("invitation")):
        # Said before the form is filled in.
        error = InvalidInput("This invitation can't be used any more. Ask for a new one.", "invitation")
        return _shown(microblog, request, state.with_error(error), status=404)
    return _shown(microblog, request, state)


@routes.post("/signup", limit="signup")
async def sign_up(microblog: Microblog, request: Request) -> Response:
    """Sign up; where it is open, one is logged in at once."""
    sent = request.form
    # The password has a place, so that what is wrong with it is said beside it, but it is never shown again.
    state = FormState({**{name: sent.text(name).strip() for name in _KEPT}, "password": ""})
    try:
        account = await microblog.sign_up.register(
            state.value("name"),
            state.value("email"),
            sent.text("password"),
            reason=state.value("reason"),
            invitation=state.value("invitation") or None,
        )
    except (InvalidInput, Conflict, Forbidden) as error:
        return _shown(microblog, request, state.with_error(error), status=422)
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


def _shown(microblog: Microblog, request: Request, state: FormState, *, status: int = 200) -> Response:
    registration = microblog.config.registration
    return request.render(
        "pages/sign_up.html",
        form=state,
        registration=registration,
        accepting=registration != "closed",
        status=status,
    )
