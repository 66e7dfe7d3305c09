"""Ids in requests. A text that can't be an id gets the same answer as the id of nothing: 404."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.domain.errors import NotFound
from microblog.domain.ids import parse_id

if TYPE_CHECKING:
    from microblog.http.request import Request


def sent_id(text: str) -> int:
    """Return the id that a client sent.

    :raises NotFound: it is no id.
    """
    number = parse_id(text)
    if number is None:
        raise NotFound
    return number


def path_id(request: Request, name: str = "id") -> int:
    """Return the id in the path.

    :raises NotFound: it is no id.
    """
    return sent_id(request.path_arg(name))
