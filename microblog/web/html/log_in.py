"""Logging in and out.

Each log-in gets a session of its own with a new secret, and ends the session that the browser came with.  So a planted
session cookie is worth nothing (session fixation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.errors import Forbidden, InvalidInput, MicroblogError
from microblog.domain.validation import login_key
from microblog.http.forms import POST_TEXT_LIMIT, TEXT_LIMIT, FormState
from microblog.http.responses import Redirect, Response, next_path
from microblog.http.routing import Routes
from microblog.web.html import actions, relations
from microblog.web.html.forms import redirect, submits
from microblog.web.html.unsent import Unsent, action_of

if TYPE_CHECKING:
    from microblog.domain.accounts import Viewer
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("log_in")

#: the messages for actions on posts that a log-in finishes
_FINISHED: Final = {
    "favourite": "Added to your favourites.",
    "boost": "You boosted the post.",
    "bookmark": "Added to your bookmarks.",
}


async def _page(
    _microblog: Microblog, request: Request, state: FormState, *, refused: bool = False, status: int = 200
) -> Response:
    """Show the log-in form, with the action that the log-in finishes and the form that it carries along, if any.

    ``refused``: the account is suspended or waits for approval, so the page says how to reach the operators.
    """
    sent = request.form if request.method == "POST" else request.query
    return request.render(
        "pages/log_in.html",
        form=state,
        next=next_path(sent.get("next")),
        action=action_of(sent.get("then")),
        unsent=Unsent.carried_by(request.form),
        refused=refused,
        status=status,
    )


@routes.get("/login")
async def form(microblog: Microblog, request: Request) -> Response:
    """Show the form to log in. ``next`` is the page to go to afterwards."""
    target = next_path(request.query.get("next"))
    if request.viewer is not None:
        return Redirect(target)
    return await _page(microblog, request, FormState({"login": request.query.text("login")}))


@routes.post("/login", limit="login", text_limit=POST_TEXT_LIMIT + TEXT_LIMIT)
@submits(_page, "login", "password")
async def log_in(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Log in."""
    sent = request.form
    login, password, target = state.value("login").strip(), sent.text("password"), next_path(sent.get("next"))
    if not login:
        raise InvalidInput("Type your name or your e-mail address.", "login", "blank")
    if not password:
        raise InvalidInput("Type your password.", "password", "blank")
    # Tries for one account are limited from all addresses together, however the name is written.  The limit counts what
    # was typed, so an answer does not tell whether a name and a mail address belong to the same account.
    # A browser in which the account has logged in before has tries of its own.
    browsers = request.web.browsers
    browser = browsers.read(request.cookies)
    if browser is None:
        request.spend("login", f"typed:{login_key(login)}")

    def admit(account_id: int) -> bool:
        if browser is not None and browsers.knows(browser, account_id):
            return request.may_spend("login", f"browser:{browser.id}:{account_id}")
        return request.may_spend("login", f"account:{account_id}:tries")

    try:
        token, viewer = await microblog.sessions.log_in(
            login,
            password,
            address=request.remote_address,
            user_agent=request.header("user-agent") or "",
            admit=admit,
        )
    except Forbidden as error:
        return await _page(microblog, request, state.with_error(error), refused=True, status=422)
    if (former := request.session_token) is not None:
        await microblog.sessions.log_out(former)
    request.sign_in(token)
    request.remember_browser(viewer.id)
    if (unsent := Unsent.carried_by(sent)) is not None:
        request.viewer = viewer
        return request.render("pages/again.html", unsent=unsent, next=target)
    if (action := action_of(sent.get("then"))) is not None:
        await _finish(microblog, request, viewer, action)
    return Redirect(target)


@routes.post("/logout", limit=None)
async def log_out(microblog: Microblog, request: Request) -> Response:
    """Log out in this browser."""
    if (token := request.session_token) is not None:
        await microblog.sessions.log_out(token)
    request.sign_out()
    return redirect(request, "/", "You are logged out.")


async def _finish(microblog: Microblog, request: Request, viewer: Viewer, action: tuple[str, str]) -> None:
    """Take the action that the log-in form named on its button; the next page shows the result."""
    verb, subject = action
    try:
        if verb == "follow":
            account = await microblog.accounts.by_name(subject)
            (before,) = await microblog.follows.relationships(viewer, [account.id])
            if account.id != viewer.id and not (before.following or before.requested):
                after = await microblog.follows.follow(viewer, account.id)
                request.flash(relations.VERBS["follow"].message(account.address, after))
        else:
            await actions.ACTIONS[verb].act(microblog, viewer, int(subject))
            request.flash(_FINISHED[verb])
    except MicroblogError as error:
        request.flash(error.text)
