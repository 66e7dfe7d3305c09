"""The routes of the HTML pages, from which tests generate their lists of pages and forms."""

from __future__ import annotations

import inspect
import re
from typing import Final

from microblog.http.route import Route
from microblog.web.html import TABLES

ROUTES: Final[tuple[Route, ...]] = tuple(route for table in TABLES for route in table)
#: the routes that end by themselves when they are read; ``/live`` does not
PAGES: Final = tuple(route for route in ROUTES if route.method == "GET" and route.path != "/live")
FORMS: Final = tuple(route for route in ROUTES if route.method == "POST")

_EXAMPLES: Final = {"id": "1", "name": "ann", "tag": "first", "token": "nonsense", "code": "nonsense"}
_PLACEHOLDER: Final = re.compile(r"<(?:\w+:)?(\w+)>")


def path_of(route: Route, **values: object) -> str:
    """Return the path of ``route`` with ``values``, or else examples, for its placeholders.

    :raises KeyError: the path has a placeholder without a value.  Add an example for it above.
    """
    return filled(route.path, **values)


def filled(path: str, **values: object) -> str:
    """Return a route's path with ``values``, or else examples, for its placeholders.

    :raises KeyError: the path has a placeholder without a value.
    """
    examples = {**_EXAMPLES, **values}
    return _PLACEHOLDER.sub(lambda match: str(examples[match[1]]), path)


def form_fields(route: Route) -> tuple[str, ...]:
    """Return the fields that the handler of ``route`` declares by `microblog.web.html.forms.submits`."""
    handler = route.page
    while handler is not None:
        nonlocals = inspect.getclosurevars(handler).nonlocals
        if "fields" in nonlocals and "page" in nonlocals:
            return tuple(nonlocals["fields"])
        handler = getattr(handler, "__wrapped__", None)
    return ()
