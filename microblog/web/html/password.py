"""Resetting a forgotten password and confirming a mail address, each by a link that came by mail.

A GET of such a link only shows a page with a button, because mail programs follow links by themselves and would use
them up.  A void link's page does not tell whose link it was.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Final

from microblog.domain.addresses import address_key
from microblog.domain.errors import Gone, InvalidInput
from microblog.http.forms import FormState
from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.web.html.forms import PageHandler, redirect, submits

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("password")

#: the pages where a visitor asks for a new link
_RESET_AGAIN: Final = "/password/forgotten"
_CONFIRM_AGAIN: Final = "/settings/email"


def _by_link(again: str) -> Callable[[PageHandler], PageHandler]:
    """Answer with the page for void links when the decorated handler raises `Gone`; ``again`` is where to get another.

    All void links look the same: used, too old, or never sent.
    """

    def decorate(handler: PageHandler) -> PageHandler:
        @wraps(handler)
        async def answer(microblog: Microblog, request: Request) -> Response:
            try:
                return await handler(microblog, request)
            except Gone as error:
                status = 422 if request.method == "POST" else 404
                return request.render("pages/link_void.html", text=error.text, again=again, status=status)

        return answer

    return decorate


async def _forgotten_page(
    _microblog: Microblog, request: Request, state: FormState, *, sent: bool = False, status: int = 200
) -> Response:
    return request.render("pages/password_forgotten.html", form=state, sent=sent, status=status)


@routes.get("/password/forgotten")
async def forgotten(microblog: Microblog, request: Request) -> Response:
    """Show the form to ask for a new password."""
    return await _forgotten_page(microblog, request, FormState({"email": ""}))


@routes.post("/password/forgotten", limit="reset")
@submits(_forgotten_page, "email")
async def ask_for_reset(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Ask for a mail to set a new password. The answer is the same whether the address is known or not."""
    email = state.value("email").strip()
    if "@" not in email:
        raise InvalidInput("Type the e-mail address that you signed up with.", "email")
    await microblog.credentials.ask_for_reset(email, address_key(request.remote_address))
    return await _forgotten_page(microblog, request, state, sent=True)


async def _reset_page(
    microblog: Microblog, request: Request, state: FormState, *, status: int = 200
) -> Response:
    """Show the form for a new password, with the user name for password managers.

    :raises Gone: the link is void.
    """
    token = request.path_arg("token")
    account = await microblog.credentials.whose_link(token, "reset")
    return request.render(
        "pages/password_reset.html", form=state, token=token, name=account.name, status=status
    )


@routes.get("/password/reset/<token>")
@_by_link(_RESET_AGAIN)
async def reset_form(microblog: Microblog, request: Request) -> Response:
    """Show the form to set a new password."""
    return await _reset_page(microblog, request, FormState({"password": ""}))


@routes.post("/password/reset/<token>", limit="password")
@_by_link(_RESET_AGAIN)
@submits(_reset_page, "password")
async def reset(microblog: Microblog, request: Request, _state: FormState) -> Response:
    """Set a new password. Every session and token of the account ends."""
    await microblog.credentials.reset(request.path_arg("token"), request.form.text("password"))
    request.sign_out()
    return redirect(request, "/login", "Your password is changed. Log in with the new one.")


@routes.get("/confirm/<token>")
@_by_link(_CONFIRM_AGAIN)
async def confirm_page(microblog: Microblog, request: Request) -> Response:
    """Show the button that confirms a mail address."""
    token = request.path_arg("token")
    await microblog.credentials.whose_link(token, "confirm")
    return request.render("pages/confirm.html", token=token)


@routes.post("/confirm/<token>", limit="password")
@_by_link(_CONFIRM_AGAIN)
async def confirm(microblog: Microblog, request: Request) -> Response:
    """Confirm a mail address."""
    await microblog.credentials.confirm_email(request.path_arg("token"))
    return redirect(request, "/", "Your e-mail address is confirmed.")
