"""Invitations: links by which people can sign up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.errors import InvalidInput
from microblog.http.forms import FormState
from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.web.html.forms import redirect, submits
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("invitations")

USES: Final = (1, 5, 25)
DAYS: Final = (1, 7, 30)
_DEFAULTS: Final = FormState({"uses": "1", "days": "7"})
_PATH: Final = "/settings/invitations"


async def _page(microblog: Microblog, request: Request, state: FormState, *, status: int = 200) -> Response:
    return request.render(
        "pages/settings_invitations.html",
        form=state,
        invitations=await microblog.invitations.of(request.require_viewer()),
        uses=USES,
        days=DAYS,
        status=status,
    )


@routes.get(_PATH, viewer="required")
async def invitations(microblog: Microblog, request: Request) -> Response:
    """Show your invitations that can still be used."""
    return await _page(microblog, request, _DEFAULTS)


@routes.post(_PATH, viewer="required")
@submits(_page, "uses", "days")
async def invite(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Create an invitation."""
    await microblog.invitations.create(
        request.require_viewer(), uses=_choice(USES, state, "uses"), days=_choice(DAYS, state, "days")
    )
    return redirect(request, _PATH, "Here is your invitation: copy its link and send it on.")


@routes.post(f"{_PATH}/<int:id>/withdraw", viewer="required")
async def withdraw(microblog: Microblog, request: Request) -> Response:
    """Withdraw an invitation."""
    invitation_id = path_id(request)
    await microblog.invitations.withdraw(request.require_viewer(), invitation_id)
    return redirect(request, _PATH, "That invitation no longer works.")


def _choice(choices: tuple[int, ...], state: FormState, name: str) -> int:
    """Return the number that the field ``name`` chooses.

    :raises InvalidInput: it is none of ``choices``.
    """
    for choice in choices:
        if state.value(name) == str(choice):
            return choice
    raise InvalidInput("Choose one of these.", name)
