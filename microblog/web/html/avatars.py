"""Pictures for those who have none: the first letter of their name on one of twelve colours.

The site's own pages draw the same with a styled letter (``avatar`` in ``partials/post.html``, the colours ``.c0`` to
``.c11`` in ``site.css``), which costs no request; these files are for programs and feeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.accounts import Account
from microblog.web.ids import path_id
from microblog.web.responses import Document, Response
from microblog.web.routing import Routes

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog
    from microblog.web.request import Request

routes = Routes("avatars")

#: White on each has a contrast of 4.5:1 or more (WCAG 2.2, 1.4.3).
COLOURS: Final = (
    "#9a3b26", "#8a5200", "#6b6100", "#3d6b1f", "#1b6e45", "#0b6b66",
    "#0f6585", "#2c5aa8", "#5450b5", "#7a44a3", "#973a83", "#a0355a",
)  # fmt: skip

_DAY: Final = 86_400


@routes.get("/avatars/<int:id>.svg", viewer="none", public=True)
async def avatar(microblog: Microblog, request: Request) -> Response:
    """Somebody's picture."""
    account_id = path_id(request)
    account = await microblog.accounts.by_id(account_id)
    return Document(draw(account), "image/svg+xml", public=True, max_age=_DAY)


def colour_of(account: Account) -> int:
    """Which of `COLOURS`.  The low bits of an id are a sequence and mostly zero, so they are left out."""
    return (account.id // 65_536) % len(COLOURS)


def initial(account: Account) -> str:
    """One capital letter or digit of the name, which is ASCII; ``_`` where it has neither."""
    return (account.name.replace("_", "")[:1] or "_").upper()


def draw(account: Account) -> str:
    """The picture as SVG, square, so that whoever shows it can cut it round."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 120" width="120" height="120">'
        f'<rect width="120" height="120" fill="{COLOURS[colour_of(account)]}"/>'
        '<text x="60" y="61" fill="#fff" font-family="system-ui, sans-serif" font-size="56" font-weight="600"'
        f' text-anchor="middle" dominant-baseline="central">{initial(account)}</text></svg>\n'
    )
