"""Light, dark, or as the device has it: a cookie that is no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.http.responses import Redirect, Response, next_path
from microblog.http.routing import Routes

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("appearance")

YEAR: Final = 365 * 86_400


# No token: the form is on every page, and one would make each page personal, so that none could be kept by a cache.
# All that a forged form could do is turn the lights off.
@routes.post("/theme", viewer="none", csrf=False)
async def theme(microblog: Microblog, request: Request) -> Response:
    """Choose the appearance, without a script; with one it happens in the page."""
    chosen = request.form.text("theme")
    if chosen in ("light", "dark"):
        request.set_cookie("theme", chosen, YEAR, readable=True)
    else:
        request.clear_cookie("theme")
    return Redirect(next_path(request.form.get("next")))
