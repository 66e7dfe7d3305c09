"""The viewer's password, browser sessions and access tokens, and the deletion of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.errors import InvalidInput
from microblog.http.forms import FormState
from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.web.html.browsers import browser_name
from microblog.web.html.forms import redirect, submits
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("security")

#: the scopes that a token can have
SCOPES: Final = ("read", "write", "follow")


async def _password_page(
    _microblog: Microblog, request: Request, state: FormState, *, status: int = 200
) -> Response:
    return request.render("pages/settings_password.html", form=state, status=status)


@routes.get("/settings/password", viewer="required")
async def password_form(microblog: Microblog, request: Request) -> Response:
    """Show the form to change your password."""
    return await _password_page(microblog, request, FormState())


@routes.post("/settings/password", viewer="required", limit="password")
@submits(_password_page, "old", "password")
async def change_password(microblog: Microblog, request: Request, _state: FormState) -> Response:
    """Change your password. Every other session and every token ends."""
    viewer, sent = request.require_viewer(), request.form
    await microblog.credentials.change_password(viewer, sent.text("old"), sent.text("password"))
    # A stolen session cookie may be the reason for the change, so this session gets a new one as well.
    request.sign_in(await microblog.sessions.renew(viewer))
    message = "Your password is changed. You are logged out everywhere else, and all tokens are revoked."
    return redirect(request, "/settings/password", message)


@routes.get("/settings/sessions", viewer="required")
async def sessions(microblog: Microblog, request: Request) -> Response:
    """Show where you are logged in."""
    viewer = request.require_viewer()
    sessions = await microblog.sessions.all(viewer)
    return request.render(
        "pages/settings_sessions.html",
        sessions=[(session, browser_name(session.user_agent)) for session in sessions],
        current=viewer.session_id,
    )


@routes.post("/settings/sessions/<int:id>/end", viewer="required")
async def end_session(microblog: Microblog, request: Request) -> Response:
    """Log out in another browser."""
    viewer = request.require_viewer()
    session_id = path_id(request)
    await microblog.sessions.end(viewer, session_id)
    if session_id == viewer.session_id:
        request.sign_out()
        return redirect(request, "/", "You are logged out.")
    return redirect(request, "/settings/sessions", "That browser is logged out.")


async def _tokens_page(
    microblog: Microblog, request: Request, state: FormState, *, secret: str = "", status: int = 200
) -> Response:
    """``secret``: the token that was just created, to be shown once."""
    return request.render(
        "pages/settings_tokens.html",
        form=state,
        tokens=await microblog.tokens.all(request.require_viewer()),
        scopes=SCOPES,
        secret=secret,
        status=status,
    )


@routes.get("/settings/tokens", viewer="required")
async def tokens(microblog: Microblog, request: Request) -> Response:
    """Show the access tokens of your programs."""
    return await _tokens_page(microblog, request, FormState(dict.fromkeys(SCOPES, "") | {"read": "on"}))


@routes.post("/settings/tokens", viewer="required", limit="app")
@submits(_tokens_page, "name", "scopes", *SCOPES)
async def create_token(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Create an access token. Only this answer shows it."""
    name = state.value("name").strip()
    scopes = [scope for scope in SCOPES if request.form.flag(scope)]
    if not scopes:
        raise InvalidInput("Choose what the program may do.", "scopes", "blank")
    if len(name) > 200:
        raise InvalidInput("A name can have 200 characters at most.", "name", "too_long")
    secret = await microblog.tokens.create(request.require_viewer(), scopes, name)
    # No redirect: the secret would have to be stored until the next page shows it.
    return await _tokens_page(microblog, request, FormState({"read": "on"}), secret=secret)


@routes.post("/settings/tokens/<int:id>/revoke", viewer="required")
async def revoke_token(microblog: Microblog, request: Request) -> Response:
    """Revoke an access token. Its live connections end."""
    await microblog.tokens.revoke(request.require_viewer(), path_id(request))
    return redirect(request, "/settings/tokens", "That token is revoked.")


async def _delete_page(
    _microblog: Microblog, request: Request, state: FormState, *, status: int = 200
) -> Response:
    return request.render("pages/settings_delete.html", form=state, status=status)


@routes.get("/settings/delete", viewer="required")
async def delete_form(microblog: Microblog, request: Request) -> Response:
    """Show what deleting your account means, and the form to do it."""
    return await _delete_page(microblog, request, FormState())


@routes.post("/settings/delete", viewer="required", limit="password")
@submits(_delete_page, "password")
async def delete_account(microblog: Microblog, request: Request, _state: FormState) -> Response:
    """Delete your account and everything you wrote."""
    await microblog.deletion.delete(request.require_viewer(), request.form.text("password"))
    request.sign_out()
    return redirect(request, "/", "Your account is deleted, with all that you wrote.")
