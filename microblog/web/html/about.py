"""The page about the site: its operator, rules, activity, and the ways to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.http.responses import Response
from microblog.http.routing import Routes

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("about")

DAYS: Final = 30  #: the period that the figures cover


@routes.get("/about", public=True)
async def about(microblog: Microblog, request: Request) -> Response:
    """Show what this site is and how active it is."""
    summary = await microblog.statistics.summary(DAYS)
    facts = await microblog.about.facts()
    return request.render("pages/about.html", summary=summary, days=DAYS, contact=facts.contact, public=True)
