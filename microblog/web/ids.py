"""Ids that came with a request. What can't be one is the id of nothing: the answer is that nothing is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.domain.errors import NotFound
from microblog.domain.ids import parse_id

if TYPE_CHECKING:
    from microblog.http.request import Request


def sent_id(text: str) -> int:
    """Raises NotFound."""
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def path_id(request: Request, name: str = "id") -> int:
    """That in the address. Raises NotFound."""
    return sent_id(request.path_arg(name))
