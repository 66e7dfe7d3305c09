"""Pages of listings by cursor: the SQL for a span, and the page made of the rows.

Mastodon's cursors are ids: ``max_id`` (the newest rows below it), ``since_id`` (the newest rows above it) and
``min_id`` (the oldest rows above it). A query ends with :func:`span_of` of its cursor column and takes
``**bounds(span)``. :func:`page` or :func:`page_of` makes the page. A query reads one row more than the limit, which
shows whether the listing goes on.

The driver puts parameters into the SQL, so that PostgreSQL's planner sees ``CASE WHEN true THEN id END`` and folds it
to ``id``. So one index on the column serves both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypedDict, TypeVar

from microblog.domain.posts import Page, Span

T = TypeVar("T")

PAGE_MOST: Final = 80  #: rows of the longest page


class Bounds(TypedDict):
    """The query parameters of a span."""

    below: int | None
    above: int | None
    ascending: bool
    count: int


def within(column: str) -> str:
    """Return the condition of a page."""
    return (
        f"({{below}}::bigint IS NULL OR {column} < {{below}}::bigint) "
        f"AND ({{above}}::bigint IS NULL OR {column} > {{above}}::bigint)"
    )


def in_order(column: str) -> str:
    """Return the order and the limit of a page."""
    return (
        f"ORDER BY CASE WHEN {{ascending}} THEN {column} END ASC, "
        f"CASE WHEN NOT {{ascending}} THEN {column} END DESC LIMIT {{count}}"
    )


def span_of(column: str) -> str:
    """Return the end of a query with other conditions: ``AND``, condition, order and limit."""
    return f" AND {within(column)} {in_order(column)}"


def bounds(span: Span) -> Bounds:
    """Return the query parameters of a span."""
    ascending = span.min_id is not None
    return Bounds(
        below=span.max_id,
        above=span.min_id if ascending else span.since_id,
        ascending=ascending,
        count=_limit(span) + 1,
    )


def page(rows: Sequence[T], span: Span, cursor: Callable[[T], int]) -> Page[T]:
    """Return the page of rows. ``cursor`` returns the cursor of a row."""
    limit = _limit(span)
    more = len(rows) > limit
    items = list(rows[:limit])
    ascending = span.min_id is not None
    if ascending:
        items.reverse()
    if not items:
        return Page(())
    # The page that links here has newer items when this page reads downwards, and older items when it reads upwards.
    has_older = more if not ascending else True
    has_newer = more if ascending else span.max_id is not None
    return Page(
        tuple(items),
        older=cursor(items[-1]) if has_older else None,
        newer=cursor(items[0]) if has_newer else None,
        first=cursor(items[0]),
        last=cursor(items[-1]) if len(items) == limit else None,
    )


def page_of(rows: Sequence[tuple[int, T]], span: Span) -> Page[T]:
    """Return the page of rows of cursor and item."""
    pairs = page(rows, span, lambda pair: pair[0])
    items = tuple(item for _, item in pairs.items)
    return Page(items, older=pairs.older, newer=pairs.newer, first=pairs.first, last=pairs.last)


def _limit(span: Span) -> int:
    return max(1, min(span.limit, PAGE_MOST))
