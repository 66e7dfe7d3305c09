"""The site's figures, day by day: a page with charts and tables, and the same as JSON and CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from microblog.domain.errors import InvalidInput
from microblog.http.responses import Document, Json, Response
from microblog.http.routing import Routes
from microblog.services.statistics import MEASURES, Summary
from microblog.web.html.plots import Plot, bars

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("statistics")

RANGES: Final = (30, 90, 365)
MAX_AGE: Final = 60  #: seconds that an answer may be reused


@dataclass(frozen=True, slots=True)
class Chart:
    """A measure, and perhaps another that is drawn within its bars; their titles are in the template."""

    measure: str
    inner: str | None
    sums: bool  #: whether days add up: the people of two days are not twice as many people
    plot: Plot
    total: int  #: of all days; the most of one day where they don't add up


def _charts(summary: Summary) -> list[Chart]:
    def chart(measure: str, *, inner: str | None = None, sums: bool = True) -> Chart:
        values = summary.series(measure)
        plot = bars([day.day for day in summary.days], values, summary.series(inner) if inner else ())
        return Chart(measure, inner, sums, plot, sum(values) if sums else max(values))

    return [
        chart("posts", inner="replies"),
        chart("active", sums=False),
        chart("sign_ups"),
        chart("boosts"),
        chart("favourites"),
        chart("readers", sums=False),
    ]


def _days(request: Request) -> int:
    """:raises InvalidInput: it is none of the ranges."""
    text = request.query.get("days") or str(RANGES[0])
    if text not in map(str, RANGES):
        raise InvalidInput("There are figures for 30, 90 and 365 days.", "days")
    return int(text)


@routes.get("/about/stats", public=True)
async def page(microblog: Microblog, request: Request) -> Response:
    """How many posts, people and readers there were each day, with charts."""
    days = _days(request)
    summary = await microblog.statistics.summary(days)
    return request.render(
        "pages/statistics.html",
        summary=summary,
        charts=_charts(summary),
        chosen=days,
        ranges=RANGES,
        public=True,
        max_age=MAX_AGE,
    )


@routes.get("/about/stats.json", public=True)
async def as_json(microblog: Microblog, request: Request) -> Response:
    """The same figures as JSON."""
    summary = await microblog.statistics.summary(_days(request))
    return Json(
        {
            "time_zone": summary.time_zone,
            "days": [{"day": day.day, "complete": day.complete, **day.values} for day in summary.days],
            "tags": [{"tag": each.tag, "people": each.people, "posts": each.posts} for each in summary.tags],
        },
        public=True,
        max_age=MAX_AGE,
    )


@routes.get("/about/stats.csv", public=True)
async def as_csv(microblog: Microblog, request: Request) -> Response:
    """The same figures as CSV (RFC 4180), a line a day."""
    summary = await microblog.statistics.summary(_days(request))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["day", *MEASURES, "complete"])
    for day in summary.days:
        writer.writerow(
            [day.day.isoformat(), *(day.values[measure] for measure in MEASURES), int(day.complete)]
        )
    return Document(
        text.getvalue(),
        "text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": 'attachment; filename="statistics.csv"'},
        public=True,
        max_age=MAX_AGE,
    )
