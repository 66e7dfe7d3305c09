"""Links that let somebody sign up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.errors import Forbidden, InvalidInput
from microblog.http.forms import FormState
from microblog.http.responses import Redirect, Response
from microblog.http.routing import Routes
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("invitations")

USES: Final = (1, 5, 25)
DAYS: Final = (1, 7, 30)
_FIRST: Final = FormState({"uses": "1", "days": "7"})


@routes.get("/settings/invitations", viewer="required")
async def invitations(microblog: Microblog, request: Request) -> Response:
    """One's invitations that can still be used."""
    return await _page(microblog, request, _FIRST)


@routes.post("/settings/invitations", viewer="required")
async def invite(microblog: Microblog, request: Request) -> Response:
    """Make an invitation."""
    state = FormState(request.form.texts("uses", "days"))
    try:
        await microblog.invitations.create(
            request.require_viewer(), uses=_one_of(USES, state, "uses"), days=_one_of(DAYS, state, "days")
        )
    except (InvalidInput, Forbidden) as error:
        return await _page(microblog, request, state.with_error(error), status=422)
    request.flash("Here is your invitation: copy its link and send it on.")
    return Redirect("/settings/invitations")


@routes.post("/settings/invitations/<int:id>/withdraw", viewer="required")
async def withdraw(microblog: Microblog, request: Request) -> Response:
    """Take an invitation back."""
    invitation_id = path_id(request)
    await microblog.invitations.withdraw(request.require_viewer(), invitation_id)
    request.flash("That invitation no longer works.")
    return Redirect("/settings/invitations")


def _one_of(choices: tuple[int, ...], state: FormState, name: str) -> int:
    for choice in choices:
        if state.value(name) == str(choice):
            return choice
    raise InvalidInput("Choose one of these.", name)


async def _page(microblog: Microblog, request: Request, state: FormState, *, status: int = 200) -> Response:
    return request.render(
        "pages/settings_invitations.html",
        form=state,
        invitations=await microblog.invitations.of(request.require_viewer()),
        uses=USES,
        days=DAYS,
        status=status,
    )
