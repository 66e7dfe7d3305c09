"""The choice of a light or dark theme, stored in a cookie that is no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.http.responses import Redirect, Response, next_path
from microblog.http.routing import Routes

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("appearance")

YEAR: Final = 365 * 86_400


# The form has no token: it is on every page, and a token would make every page personal and so uncacheable.
# A forged form can change nothing but the theme.
@routes.post("/theme", viewer="none", csrf=False)
async def theme(microblog: Microblog, request: Request) -> Response:
    """Choose the theme. With JavaScript the page does it by itself."""
    chosen = request.form.text("theme")
    if chosen in ("light", "dark"):
        request.set_cookie("theme", chosen, YEAR, readable=True)
    else:
        request.clear_cookie("theme")
    return Redirect(next_path(request.form.get("next")))
