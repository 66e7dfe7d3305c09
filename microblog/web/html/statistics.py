"""The site's daily figures: a page with charts and tables, and the same figures as JSON and CSV."""

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
MAX_AGE: Final = 60  #: the seconds for which an answer is fresh


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart of a measure, with an optional second measure inside its bars. The template has the titles."""

    measure: str
    inner: str | None
    sums: bool  #: whether days add up; the active people of two days do not
    plot: Plot
    total: int  #: the sum of all days, or the maximum of a day if they don't add up


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
    """Return the number of days that the query asks for.

    :raises InvalidInput: it is none of `RANGES`.
    """
    text = request.query.get("days") or str(RANGES[0])
    if text not in map(str, RANGES):
        raise InvalidInput("There are figures for 30, 90 and 365 days.", "days")
    return int(text)


@routes.get("/about/stats", public=True)
async def page(microblog: Microblog, request: Request) -> Response:
    """Show charts of posts, people and readers per day."""
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
    """Return the daily figures as JSON."""
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
    """Return the daily figures as CSV (RFC 4180), one line per day."""
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
