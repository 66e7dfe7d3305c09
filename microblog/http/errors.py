"""The domain's errors as answers.

``answer`` is the form of errors of tables that declare none of their own: programs get ``{"error": …}``, a page's own
script (fragments) and ``Accept: text/plain`` one line of text, browsers a page. The website passes its own page.

An answer depends on the error's type and text and on the viewer alone. Services raise the same NotFound for absent and
forbidden objects, so their answers are equal to the byte.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from math import ceil
from typing import TYPE_CHECKING, Final

from microblog.domain.errors import MicroblogError, RateLimited, Unavailable
from microblog.domain.rate_limits import LimitExceeded
from microblog.http.responses import Document, Html, Json, Response
from microblog.http.status import HTTPError, status_of

if TYPE_CHECKING:
    from microblog.http.request import Request

TITLES: Final = {
    400: "That request is broken",
    401: "That was not recognised",
    403: "That is not allowed",
    404: "Nothing here",
    405: "This can't be opened directly",
    409: "Somebody was first",
    410: "That is gone",
    413: "That is too much",
    422: "That can't be used",
    429: "That was too often",
    500: "Something went wrong",
    503: "Back in a moment",
}


class MethodNotAllowed(HTTPError):
    """The path has routes, but none for the request's method."""

    status = 405
    code = "method-not-allowed"

    def __init__(self, allowed: list[str]) -> None:
        super().__init__("This address only accepts a form, so it can't be opened or reloaded.")
        self.allowed = sorted(allowed)


class InternalError(MicroblogError):
    """A fault of the server; the log has the traceback."""

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side. It has been logged; please try again.")


def answer(
    request: Request,
    error: MicroblogError,
    page: Callable[[Request, MicroblogError], Response] | None = None,
) -> Response:
    """Return the answer that tells the client about ``error``; ``page`` makes the one for browsers."""
    headers = error_headers(error)
    if request.wants_json:
        return Json({"error": error.text}, status=status_of(error), headers=headers)
    accept = request.header("accept") or ""
    if request.is_fragment or accept.startswith("text/plain"):
        return Document(error.text + "\n", status=status_of(error), headers=headers)
    if page is not None:
        return page(request, error)
    return Html(plain_page(error, request.id), status=status_of(error), headers=headers)


def error_headers(error: MicroblogError) -> dict[str, str]:
    """Return the headers that belong to an error: when to try again, which methods are allowed."""
    if isinstance(error, RateLimited | Unavailable):
        return {"Retry-After": str(max(1, ceil(error.retry_after)))}
    if isinstance(error, MethodNotAllowed):
        return {"Allow": ", ".join(error.allowed)}
    return {}


def limit_state(error: MicroblogError) -> tuple[int, int, float] | None:
    """Return the values of the ``X-RateLimit-*`` headers if ``error`` is about a rate limit."""
    return error.state if isinstance(error, LimitExceeded) else None


def plain_page(error: MicroblogError, request_id: str) -> str:
    """Return an error as a page that needs no template."""
    title = escape(title_of(error))
    reference = f"<p>Reference: {escape(request_id)}</p>" if isinstance(error, InternalError) else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<h1>{title}</h1><p>{escape(error.text)}</p>{reference}</html>"
    )


def title_of(error: MicroblogError) -> str:
    """Return the heading of the page about an error."""
    return TITLES.get(status_of(error), "That did not work")
