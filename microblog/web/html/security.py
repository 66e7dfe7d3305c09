"""Who can act as oneself: the password, the sessions of browsers, the tokens of programs; and the end of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.errors import Conflict, Forbidden, InvalidInput
from microblog.http.forms import FormState
from microblog.http.responses import Redirect, Response
from microblog.http.routing import Routes
from microblog.web.html.browsers import browser_name
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("security")

#: what a token can be allowed
SCOPES: Final = ("read", "write", "follow")


@routes.get("/settings/password", viewer="required")
async def password_form(_microblog: Microblog, request: Request) -> Response:
    """The form to change one's password with."""
    return _password_page(request, FormState())


@routes.post("/settings/password", viewer="required", limit="password")
async def change_password(microblog: Microblog, request: Request) -> Response:
    """Change one's password: every other session ends, and every token."""
    viewer = request.require_viewer()
    state = FormState({"old": "", "password": ""})
    try:
        await microblog.credentials.change_password(
            viewer, request.form.text("old"), request.form.text("password")
        )
    except (InvalidInput, Conflict) as error:
        return _password_page(request, state.with_error(error), status=422)
    # Somebody may have a copy of this very cookie; that may be why the password is changed.
    request.sign_in(await microblog.sessions.renew(viewer))
    request.flash("Your password is changed. You are logged out everywhere else, and all tokens are revoked.")
    return Redirect("/settings/password")


def _password_page(request: Request, state: FormState, *, status: int = 200) -> Response:
    return request.render("pages/settings_password.html", form=state, status=status)


@routes.get("/settings/sessions", viewer="required")
async def sessions(microblog: Microblog, request: Request) -> Response:
    """Where one is logged in."""
    viewer = request.require_viewer()
    return request.render(
        "pages/settings_sessions.html",
        sessions=[
            (session, browser_name(session.user_agent)) for session in await microblog.sessions.all(viewer)
        ],
        current=viewer.session_id,
    )


@routes.post("/settings/sessions/<int:id>/end", viewer="required")
async def end_session(microblog: Microblog, request: Request) -> Response:
    """Log out there."""
    viewer = request.require_viewer()
    session_id = path_id(request)
    await microblog.sessions.end(viewer, session_id)
    if session_id == viewer.session_id:
        request.sign_out()
        request.flash("You are logged out.")
        return Redirect("/")
    request.flash("That browser is logged out.")
    return Redirect("/settings/sessions")


@routes.get("/settings/tokens", viewer="required")
async def tokens(microblog: Microblog, request: Request) -> Response:
    """What programs may act as oneself."""
    return await _tokens_page(microblog, request, FormState(dict.fromkeys(SCOPES, "") | {"read": "on"}))


@routes.post("/settings/tokens", viewer="required", limit="app")
async def create_token(microblog: Microblog, request: Request) -> Response:
    """Make a token; the answer is the one time that it is shown."""
    viewer = request.require_viewer()
    sent = request.form
    state = FormState(
        {"name": sent.text("name").strip()} | {scope: sent.text(scope) for scope in SCOPES} | {"scopes": ""}
    )
    scopes = [scope for scope in SCOPES if sent.flag(scope)]
    try:
        if not scopes:
            raise InvalidInput("Choose what the program may do.", "scopes", "blank")
        if len(state.value("name")) > 200:
            raise InvalidInput("A name can have 200 characters at most.", "name", "too_long")
        secret = await microblog.tokens.create(viewer, scopes, state.value("name"))
    except InvalidInput as error:
        return await _tokens_page(microblog, request, state.with_error(error), status=422)
    # Not by a redirect: the secret would have to wait somewhere for the next page to show it.
    return await _tokens_page(microblog, request, FormState({"read": "on"}), secret=secret)


@routes.post("/settings/tokens/<int:id>/revoke", viewer="required")
async def revoke_token(microblog: Microblog, request: Request) -> Response:
    """Revoke a token; what streams with it ends."""
    await microblog.tokens.revoke(request.require_viewer(), path_id(request))
    request.flash("That token is revoked.")
    return Redirect("/settings/tokens")


async def _tokens_page(
    microblog: Microblog, request: Request, state: FormState, *, secret: str = "", status: int = 200
) -> Response:
    return request.render(
        "pages/settings_tokens.html",
        form=state,
        tokens=await microblog.tokens.all(request.require_viewer()),
        scopes=SCOPES,
        secret=secret,
        status=status,
    )


@routes.get("/settings/delete", viewer="required")
async def delete_form(_microblog: Microblog, request: Request) -> Response:
    """What deleting one's account means, and the form to do it with."""
    return request.render("pages/settings_delete.html", form=FormState())


@routes.post("/settings/delete", viewer="required", limit="password")
async def delete_account(microblog: Microblog, request: Request) -> Response:
    """Delete one's account, with all that one wrote."""
    viewer = request.require_viewer()
    state = FormState({"password": ""})
    try:
        await microblog.deletion.delete(viewer, request.form.text("password"))
    except (InvalidInput, Forbidden) as error:
        return request.render("pages/settings_delete.html", form=state.with_error(error), status=422)
    request.sign_out()
    request.flash("Your account is deleted, with all that you wrote.")
    return Redirect("/")
