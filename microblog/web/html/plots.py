"""The geometry of bar charts, which ``partials/plot.html`` writes as SVG.

The content security policy allows no inline scripts or styles, so a chart consists of plain shapes with presentation
attributes. For readers who can't see it, a table with the same numbers is below it.  Lengths are in SVG units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from babel.dates import format_date

WIDTH: Final = 480
HEIGHT: Final = 132
LEFT: Final = 34  #: the width of the axis labels
TOP: Final = 8
BOTTOM: Final = 18  #: the height of the date labels
TICKS: Final = 4  #: the maximum number of dates below the chart
LOCALE: Final = "en"


@dataclass(frozen=True, slots=True)
class Bar:
    """The bar of one day; ``title`` is its tooltip."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on an axis, at a distance from the left or the top."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart of one series, or of two, where the second is a part of the first and is drawn over it."""

    bars: Sequence[Bar]
    inner: Sequence[Bar]
    rows: Sequence[Tick]  #: the horizontal lines, from the bottom
    dates: Sequence[Tick]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM


def ceiling(value: int) -> int:
    """Return the least of 2, 4, 10, 20, 40, 100 … that is not below ``value``. Half of each is a whole number."""
    step = 1
    while True:
        for factor in (2, 4, 10):
            if value <= factor * step:
                return factor * step
        step *= 10


def bars(days: Sequence[date], values: Sequence[int], inner: Sequence[int] = ()) -> Plot:
    """Return the chart of ``values``, with a bar for each of ``days``."""
    top = ceiling(max(values, default=0))
    slot = (WIDTH - LEFT) / max(len(days), 1)
    width = slot * 0.8 if slot > 3 else slot
    room = HEIGHT - TOP - BOTTOM

    def shape(series: Sequence[int]) -> list[Bar]:
        shapes = []
        for index, (day, value) in enumerate(zip(days, series, strict=True)):
            height = value / top * room
            x = LEFT + index * slot + (slot - width) / 2
            shapes.append(
                Bar(
                    round(x, 2),
                    round(HEIGHT - BOTTOM - height, 2),
                    round(width, 2),
                    round(height, 2),
                    f"{day_text(day)}: {value}",
                )
            )
        return shapes

    rows = [Tick(round(HEIGHT - BOTTOM - share * room, 2), str(int(top * share))) for share in (0, 0.5, 1)]
    every = max(1, -(-len(days) // TICKS))
    dates = [
        Tick(round(LEFT + (index + 0.5) * slot, 2), day_text(days[index]))
        for index in range(every // 2, len(days), every)
    ]
    return Plot(shape(values), shape(inner) if inner else (), rows, dates)


def day_text(day: date) -> str:
    """Return a date without its year, such as ``4 Mar``."""
    return format_date(day, "d MMM", locale=LOCALE)
