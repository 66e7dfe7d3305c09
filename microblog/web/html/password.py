"""A forgotten password, and the confirmation of an e-mail address: both by a link that came by mail.

Following a link only shows a page: mail programs follow links on their own, and would use them up.  The
button on the page does it.  What is wrong with a link is said without saying whose it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.domain.addresses import address_key
from microblog.domain.errors import Gone, InvalidInput
from microblog.http.forms import FormState
from microblog.http.responses import Redirect, Response
from microblog.http.routing import Routes

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("password")


@routes.get("/password/forgotten")
async def forgotten(_microblog: Microblog, request: Request) -> Response:
    """The form to ask for a new password with."""
    return request.render("pages/password_forgotten.html", form=FormState({"email": ""}), sent=False)


@routes.post("/password/forgotten", limit="reset")
async def ask_for_reset(microblog: Microblog, request: Request) -> Response:
    """Ask for a mail to set a new password with.  The answer is the same whether the address is known or not."""
    state = FormState({"email": request.form.text("email").strip()})
    if "@" not in state.value("email"):
        error = InvalidInput("Type the e-mail address that you signed up with.", "email")
        return request.render(
            "pages/password_forgotten.html", form=state.with_error(error), sent=False, status=422
        )
    try:
        await microblog.credentials.ask_for_reset(state.value("email"), address_key(request.remote_address))
    except InvalidInput as error:
        return request.render(
            "pages/password_forgotten.html", form=state.with_error(error), sent=False, status=422
        )
    return request.render("pages/password_forgotten.html", form=state, sent=True)


@routes.get("/password/reset/<token>")
async def reset_form(microblog: Microblog, request: Request) -> Response:
    """The form to set a new password with."""
    try:
        account = await microblog.credentials.whose_link(request.path_arg("token"), "reset")
    except Gone as error:
        return _void_link(request, error, "/password/forgotten")
    return _reset_page(request, FormState({"password": ""}), account.name)


@routes.post("/password/reset/<token>", limit="password")
async def reset(microblog: Microblog, request: Request) -> Response:
    """Set a new password; every session and token of the account ends."""
    state = FormState({"password": ""})
    try:
        await microblog.credentials.reset(request.path_arg("token"), request.form.text("password"))
    except Gone as error:
        return _void_link(request, error, "/password/forgotten", status=422)
    except InvalidInput as error:
        account = await microblog.credentials.whose_link(request.path_arg("token"), "reset")
        return _reset_page(request, state.with_error(error), account.name, status=422)
    request.sign_out()
    request.flash("Your password is changed. Log in with the new one.")
    return Redirect("/login")


def _reset_page(request: Request, state: FormState, name: str, *, status: int = 200) -> Response:
    """``name``: the user name, for password managers."""
    return request.render(
        "pages/password_reset.html", form=state, token=request.path_arg("token"), name=name, status=status
    )


def _void_link(request: Request, error: Gone, again: str, *, status: int = 404) -> Response:
    """Say at once that the link of a mail does nothing; ``again`` is the page to ask for a new one.

    All void links look the same: used, too old, or never sent.
    """
    return request.render("pages/link_void.html", text=error.text, again=again, status=status)


@routes.get("/confirm/<token>")
async def confirm_page(microblog: Microblog, request: Request) -> Response:
    """The button that confirms an e-mail address."""
    try:
        await microblog.credentials.whose_link(request.path_arg("token"), "confirm")
    except Gone as error:
        return _void_link(request, error, "/settings/email")
    return request.render("pages/confirm.html", token=request.path_arg("token"))


@routes.post("/confirm/<token>", limit="password")
async def confirm(microblog: Microblog, request: Request) -> Response:
    """Confirm an e-mail address."""
    try:
        await microblog.credentials.confirm_email(request.path_arg("token"))
    except Gone as error:
        return _void_link(request, error, "/settings/email", status=422)
    request.flash("Your e-mail address is confirmed.")
    return Redirect("/")
