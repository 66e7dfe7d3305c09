"""Listings by cursor: the part of a query that a span decides, and the page made of its rows.

A query ends with :func:`span_of` of the column that it pages by, takes ``**bounds(span)``, and returns rows of
``(cursor, item)``; :func:`page_of` makes the page.  One row more than the limit is asked for, to know whether
the listing goes on.  Parameters are put into the SQL by the driver, so the ``CASE`` is a constant to
PostgreSQL's planner, which then drops it: an index on the column serves both directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, TypeVar

from microblog.domain.posts import Page, Span

T = TypeVar("T")


class Bounds(TypedDict):
    """What a span says to SQL."""

    below: int | None
    above: int | None
    ascending: bool
    count: int


def span_of(column: str) -> str:
    """The end of a query: conditions (after others), order and limit, for :func:`bounds`' four parameters."""
    return (
        f" AND ({{below}}::bigint IS NULL OR {column} < {{below}})"
        f" AND ({{above}}::bigint IS NULL OR {column} > {{above}})"
        f" ORDER BY CASE WHEN {{ascending}} THEN {column} END, {column} DESC LIMIT {{count}}"
    )


def bounds(span: Span) -> Bounds:
    """The parameters that :func:`span_of` wants."""
    ascending = span.min_id is not None
    return Bounds(
        below=span.max_id,
        above=span.min_id if ascending else span.since_id,
        ascending=ascending,
        count=span.limit + 1,
    )


def page_of(found: Sequence[tuple[int, T]], span: Span) -> Page[T]:
    """The page of ``found``, rows of cursor and item as the query returned them."""
    more = len(found) > span.limit
    kept = list(found[: span.limit])
    ascending = span.min_id is not None
    if ascending:
        kept.reverse()
    if not kept:
        return Page(())
    # Going down, what was above the first is where one came from; going up, what was below the last.
    has_older = more if not ascending else True
    has_newer = more if ascending else span.max_id is not None
    return Page(
        tuple(item for _, item in kept),
        older=kept[-1][0] if has_older else None,
        newer=kept[0][0] if has_newer else None,
    )
