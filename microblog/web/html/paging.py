"""Which part of a listing a page's address asks for: ``max_id``, ``min_id``, ``since_id``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.domain.ids import parse_id
from microblog.domain.posts import Span

if TYPE_CHECKING:
    from microblog.http.request import Request


def span_of(request: Request, limit: int = 20) -> Span:
    """What the query says; a cursor that is no id is left out, so that an old or mangled link shows the newest."""
    query = request.query
    return Span(
        max_id=parse_id(query.text("max_id")),
        since_id=parse_id(query.text("since_id")),
        min_id=parse_id(query.text("min_id")),
        limit=limit,
    )
