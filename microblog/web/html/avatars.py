"""Avatars: the first letter of an account's name on a colour of its own.

The site's own pages draw the same with a styled letter (``avatar`` in ``partials/post.html``, the colours ``.c0`` to
``.c23`` in ``site.css``), which costs no request; these files are for API clients and feeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from microblog.domain.accounts import Account
from microblog.domain.avatars import colour, initial
from microblog.http.responses import Document, Response
from microblog.http.routing import Routes
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("avatars")

#: White text on each has a contrast of 4.5:1 or more (WCAG 2.2, 1.4.3).
COLOURS: Final = (
    "#c34141", "#7b4c3d", "#976330", "#655832", "#727224", "#525e2e",
    "#507a27", "#3c6130", "#287e28", "#31633d", "#287e53", "#306155",
    "#277a7a", "#355e6c", "#3671ac", "#45578c", "#6262cd", "#5f4c9a",
    "#8c51c8", "#774389", "#b439b4", "#844173", "#be3c7d", "#894355",
)  # fmt: skip

_DAY: Final = 86_400


@routes.get("/avatars/<int:id>.svg", viewer="none", public=True)
async def avatar(microblog: Microblog, request: Request) -> Response:
    """Return an account's avatar."""
    account_id = path_id(request)
    account = await microblog.accounts.by_id(account_id)
    return Document(draw(account), "image/svg+xml", public=True, max_age=_DAY)


def draw(account: Account) -> str:
    """Return the avatar as SVG. It is square, so that a client can crop it to a circle."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 120" width="120" height="120">'
        f'<rect width="120" height="120" fill="{COLOURS[colour(account)]}"/>'
        '<text x="60" y="61" fill="#fff" font-family="system-ui, sans-serif" font-size="56" font-weight="600"'
        f' text-anchor="middle" dominant-baseline="central">{escape(initial(account))}</text></svg>\n'
    )
