"""Bar charts as geometry: numbers in, shapes out, which ``partials/plot.html`` writes as SVG.

A page's policy allows neither scripts nor styles within it, so a chart is made of plain shapes with presentation
attributes; whoever can't see it reads the table below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from babel.dates import format_date

WIDTH: Final = 480
HEIGHT: Final = 132
LEFT: Final = 34  #: room for the numbers of the axis
TOP: Final = 8
BOTTOM: Final = 18  #: room for the dates
TICKS: Final = 4  #: dates below the chart, at most
LOCALE: Final = "en"


@dataclass(frozen=True, slots=True)
class Bar:
    """A day: where its bar stands, and what a pointer over it is told."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """One series a chart, or two of which the second is a part of the first and drawn over it."""

    bars: Sequence[Bar]
    inner: Sequence[Bar]
    rows: Sequence[Tick]  #: the lines across, from the bottom
    dates: Sequence[Tick]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM


def ceiling(value: int) -> int:
    """The least of 2, 4, 10, 20, 40, 100 … that is not below ``value``: all of them have whole halves."""
    step = 1
    while True:
        for factor in (2, 4, 10):
            if value <= factor * step:
                return factor * step
        step *= 10


def bars(days: Sequence[date], values: Sequence[int], inner: Sequence[int] = ()) -> Plot:
    """The chart of ``values``, a bar for each of ``days``."""
    top = ceiling(max(values, default=0))
    slot = (WIDTH - LEFT) / max(len(days), 1)
    wide = slot * 0.8 if slot > 3 else slot
    room = HEIGHT - TOP - BOTTOM

    def shape(series: Sequence[int]) -> list[Bar]:
        shapes = []
        for index, (day, value) in enumerate(zip(days, series, strict=True)):
            height = value / top * room
            x = LEFT + index * slot + (slot - wide) / 2
            shapes.append(
                Bar(
                    round(x, 2),
                    round(HEIGHT - BOTTOM - height, 2),
                    round(wide, 2),
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
    """``4 Mar``: as all dates of the site are written, without the year."""
    return format_date(day, "d MMM", locale=LOCALE)
