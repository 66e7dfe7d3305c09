"""Paging by the query parameters ``max_id``, ``min_id`` and ``since_id``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.domain.ids import parse_id
from microblog.domain.posts import Span

if TYPE_CHECKING:
    from microblog.http.request import Request


def span_of(request: Request, limit: int = 20) -> Span:
    """Return the part of a listing that the query asks for.

    A cursor that is no id is ignored, so that a broken link shows the newest items.
    """
    query = request.query
    return Span(
        max_id=parse_id(query.text("max_id")),
        since_id=parse_id(query.text("since_id")),
        min_id=parse_id(query.text("min_id")),
        limit=limit,
    )
