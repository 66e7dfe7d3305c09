"""The declaration of one route, as the dispatcher and requests read it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from microblog.http.forms import KEY_LIMIT, TEXT_LIMIT
from microblog.http.responses import Response

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
ViewerRule = Literal["optional", "required", "app", "none"]


@dataclass(frozen=True, slots=True)
class Route:
    """A route; ``routing`` explains its options.

    ``name`` consists of the table's name and its own. ``page`` takes the object that its table is bound to and the
    request.
    """

    name: str
    method: str
    path: str
    page: Callable[[Any, Any], Awaitable[Response]]
    viewer: ViewerRule
    scope: str | None
    limit: str | None
    csrf: bool
    shielded: bool
    public: bool
    summary: str
    cached: bool = False
    remembered: bool = False
    program: bool = False  #: belongs to a table with ``authenticate``; errors are JSON
    cors: bool = False
    text_limit: int = TEXT_LIMIT
    key_limit: int = KEY_LIMIT

    @property
    def allows_anonymous(self) -> bool:
        """Whether the route also works for visitors who are not logged in."""
        return self.viewer != "required"
