"""Listings by cursor: the part of a query that a span decides, and the page made of its rows.

Mastodon's cursors are ids: ``max_id`` (below), ``since_id`` (above, the newest of them) and ``min_id`` (above,
the oldest of them).  A query ends with :func:`span_of` of the column that it pages by and takes ``**bounds(span)``;
:func:`page` or :func:`page_of` makes the page.  One row more than the limit is asked for, to know whether the listing
goes on.  Parameters are put into the SQL by the driver, so the ``CASE`` is a constant to PostgreSQL's planner, which
folds ``ORDER BY CASE WHEN true THEN id END`` to ``ORDER BY id``: an index on the column serves both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypedDict, TypeVar

from microblog.domain.posts import Page, Span

T = TypeVar("T")

MOST: Final = 80  #: rows of the longest page


class Bounds(TypedDict):
    """What a span says to SQL."""

    below: int | None
    above: int | None
    ascending: bool
    count: int


def within(column: str) -> str:
    """The condition of a page."""
    return (
        f"({{below}}::bigint IS NULL OR {column} < {{below}}::bigint) "
        f"AND ({{above}}::bigint IS NULL OR {column} > {{above}}::bigint)"
    )


def in_order(column: str) -> str:
    """The order and the limit of a page."""
    return (
        f"ORDER BY CASE WHEN {{ascending}} THEN {column} END ASC, "
        f"CASE WHEN NOT {{ascending}} THEN {column} END DESC LIMIT {{count}}"
    )


def span_of(column: str) -> str:
    """The end of a query: condition (after others), order and limit."""
    return f" AND {within(column)} {in_order(column)}"


def bounds(span: Span) -> Bounds:
    """The parameters that :func:`span_of` wants."""
    ascending = span.min_id is not None
    return Bounds(
        below=span.max_id,
        above=span.min_id if ascending else span.since_id,
        ascending=ascending,
        count=_limit(span) + 1,
    )


def page(found: Sequence[T], span: Span, cursor: Callable[[T], int]) -> Page[T]:
    """The page of ``found``, whose items know their cursors."""
    limit = _limit(span)
    more = len(found) > limit
    kept = list(found[:limit])
    ascending = span.min_id is not None
    if ascending:
        kept.reverse()
    if not kept:
        return Page(())
    # Going down, what was above the first is where one came from; going up, what was below the last.
    has_older = more if not ascending else True
    has_newer = more if ascending else span.max_id is not None
    return Page(
        tuple(kept),
        older=cursor(kept[-1]) if has_older else None,
        newer=cursor(kept[0]) if has_newer else None,
        first=cursor(kept[0]),
        last=cursor(kept[-1]) if len(kept) == limit else None,
    )


def page_of(found: Sequence[tuple[int, T]], span: Span) -> Page[T]:
    """The page of ``found``, rows of cursor and item."""
    pairs = page(found, span, lambda pair: pair[0])
    items = tuple(item for _, item in pairs.items)
    return Page(items, older=pairs.older, newer=pairs.newer, first=pairs.first, last=pairs.last)


def _limit(span: Span) -> int:
    return max(1, min(span.limit, MOST))
