"""Logging in and out.

Each log-in has a session of its own, with a new secret; the one that the browser came with is ended, so that
a planted cookie is worth nothing (session fixation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.errors import Forbidden, InvalidInput, MicroblogError
from microblog.domain.validation import login_key
from microblog.http.forms import POST_TEXT_LIMIT, TEXT_LIMIT, FormState
from microblog.http.responses import Redirect, Response, next_path
from microblog.http.routing import Routes
from microblog.web.html import actions, relations
from microblog.web.html.unsent import Unsent, wanted

if TYPE_CHECKING:
    from microblog.domain.accounts import Viewer
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("log_in")

_DONE: Final = {
    "favourite": "Added to your favourites.",
    "boost": "You boosted the post.",
    "bookmark": "Added to your bookmarks.",
}


@routes.get("/login")
async def form(_microblog: Microblog, request: Request) -> Response:
    """The form to log in with; ``next`` says where to go from there."""
    target = next_path(request.query.get("next"))
    if request.viewer is not None:
        return Redirect(target)
    state = FormState({"login": request.query.get("login") or "", "next": target})
    return _shown(request, state, then=request.query.get("then"))


@routes.post("/login", limit="login", text_limit=POST_TEXT_LIMIT + TEXT_LIMIT)
async def log_in(microblog: Microblog, request: Request) -> Response:
    """Log in."""
    sent = request.form
    target, then, unsent = next_path(sent.get("next")), sent.get("then"), Unsent.carried_by(sent)
    # What was typed for the password stays here: it is never part of a page again.
    state = FormState({"login": sent.text("login").strip(), "password": "", "next": target})
    if error := _blank(state, sent.text("password")):
        return _shown(request, state.with_error(error), then=then, unsent=unsent, status=422)
    # Trying many passwords for one person from many addresses is slowed down as well, however the name is written.
    # Told is only what was typed: that a name and a mail address are one account's, and share its tries, is not.
    # A browser in which the account has logged in before has tries of its own.
    login, browsers = state.value("login"), request.web.browsers
    browser = browsers.read(request.cookies)
    if browser is None:
        request.spend("login", f"typed:{login_key(login)}")

    def admit(account_id: int) -> bool:
        if browser is not None and browsers.knows(browser, account_id):
            return request.may_spend("login", f"browser:{browser.id}:{account_id}")
        return request.may_spend("login", f"account:{account_id}:tries")

    try:
        token, viewer = await microblog.sessions.log_in(
            state.value("login"),
            sent.text("password"),
            address=request.remote_address,
            user_agent=request.header("user-agent") or "",
            admit=admit,
        )
    except (InvalidInput, Forbidden) as error:
        refused = isinstance(error, Forbidden)
        return _shown(request, state.with_error(error), then=then, unsent=unsent, refused=refused, status=422)
    if (former := request.session_token) is not None:
        await microblog.sessions.log_out(former)
    request.sign_in(token)
    request.remember_browser(viewer.id)
    if unsent is not None:
        request.viewer = viewer
        return request.render("pages/again.html", unsent=unsent, next=target)
    if (action := wanted(then)) is not None:
        await _finish(microblog, request, viewer, action)
    return Redirect(target)


@routes.post("/logout", limit=None)
async def log_out(microblog: Microblog, request: Request) -> Response:
    """Log out, here."""
    if (token := request.session_token) is not None:
        await microblog.sessions.log_out(token)
    request.sign_out()
    request.flash("You are logged out.")
    return Redirect("/")


async def _finish(microblog: Microblog, request: Request, viewer: Viewer, action: tuple[str, str]) -> None:
    """Take the action that the log-in form named on its button; the next page says what came of it."""
    verb, what = action
    try:
        if verb == "follow":
            account = await microblog.accounts.by_name(what)
            (before,) = await microblog.follows.relationships(viewer, [account.id])
            if account.id != viewer.id and not (before.following or before.requested):
                after = await microblog.follows.follow(viewer, account.id)
                request.flash(relations.said("follow", account.address, after))
        else:
            await actions.ACTIONS[verb](microblog, viewer, int(what))
            request.flash(_DONE[verb])
    except MicroblogError as error:
        request.flash(error.text)


def _blank(state: FormState, password: str) -> InvalidInput | None:
    if not state.value("login"):
        return InvalidInput("Type your name or your e-mail address.", "login", "blank")
    if not password:
        return InvalidInput("Type your password.", "password", "blank")
    return None


def _shown(
    request: Request,
    state: FormState,
    *,
    then: str | None = None,
    unsent: Unsent | None = None,
    refused: bool = False,
    status: int = 200,
) -> Response:
    """Show the log-in form.

    ``then``: the path of an action that the log-in finishes.  ``unsent``: a form that it takes along.  ``refused``: the
    account is suspended or waits for approval, so the page says how to reach the people who run the site.
    """
    return request.render(
        "pages/log_in.html", form=state, wanted=wanted(then), unsent=unsent, refused=refused, status=status
    )
