"""About the site: what it is, who may join, how else to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.http.responses import Response
from microblog.http.routing import Routes

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("about")

DAYS: Final = 30  #: that the numbers are of


@routes.get("/about", public=True)
async def about(microblog: Microblog, request: Request) -> Response:
    """What this site is, and how lively."""
    lately = await microblog.statistics.summary(DAYS)
    facts = await microblog.about.facts()
    return request.render("pages/about.html", lately=lately, days=DAYS, contact=facts.contact, public=True)
