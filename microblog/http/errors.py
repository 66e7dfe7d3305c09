"""The domain's errors as answers: the one place where they meet HTTP.

A browser gets a page in the site's own frame (``pages/error.html`` with ``status``, ``title``, ``text`` and, for
our own mistakes, ``request_id``), a program ``{"error": …}``, a page's own script (fragments) or ``Accept:
text/plain`` one line. Somebody who has to log in first is sent there and back.

An answer depends on nothing but the error's type and text and on who asks; so absent and forbidden things, for
which the services raise the same NotFound, look the same to the byte.
"""

from __future__ import annotations

from html import escape
from math import ceil
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from twisted.logger import Logger

from microblog.domain.errors import (
    Conflict,
    InvalidInput,
    MicroblogError,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from microblog.domain.oauth import OAuthError
from microblog.http.csrf import FormExpired
from microblog.http.forms import FormState
from microblog.http.rate_limits import LimitExceeded
from microblog.http.responses import LONGEST_PATH, Document, Html, Json, Redirect, Response, next_path
from microblog.http.unsent import Unsent, wanted

if TYPE_CHECKING:
    from microblog.http.request import Request

_log = Logger()

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


#: Errors after which the very same form may work.
_PASSING: Final = (Conflict, FormExpired, RateLimited, Unavailable)


class MethodNotAllowed(MicroblogError):
    """There is something at that path, but not for that method."""

    status = 405
    code = "method-not-allowed"

    def __init__(self, allowed: list[str]) -> None:
        super().__init__("This address only accepts a form, so it can't be opened or reloaded.")
        self.allowed = sorted(allowed)


class InternalError(MicroblogError):
    """Our own mistake; what it was is in the log."""

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side. It has been logged; please try again.")


def answer(request: Request, error: MicroblogError) -> Response:
    """The answer that tells whoever asked about ``error``."""
    headers = _headers(error)
    if request.wants_json:
        if isinstance(error, Unauthenticated):
            sent = request.header("authorization") is not None
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if sent else "Bearer"
        return Json(as_json(error, request.id), status=error.status, headers=headers)
    accept = request.header("accept") or ""
    if request.is_fragment or accept.startswith("text/plain"):
        return Document(error.text + "\n", status=error.status, headers=headers)
    unsent = Unsent.of(request)
    if isinstance(error, Unauthenticated):
        if unsent is None or not unsent.has_text:
            return Redirect(_login_path(request))
        page = _page(request, error, unsent) if unsent.too_long else _log_in_page(request, unsent)
        return Html(page, status=error.status, headers=headers)
    return Html(_page(request, error, unsent), status=error.status, headers=headers)


def as_json(error: MicroblogError, request_id: str) -> dict[str, Any]:
    """``{"error": …}``, with ``details`` of the field at fault, as Mastodon's clients read them."""
    if isinstance(error, OAuthError):  # RFC 6749, section 5.2
        return {"error": error.error, "error_description": error.description}
    value: dict[str, Any] = {"error": error.text}
    if (details := getattr(error, "details", None)) is not None:
        value["details"] = details
    elif isinstance(error, InvalidInput) and error.field is not None:
        reason = f"ERR_{error.reason.upper()}"
        value["details"] = {error.field: [{"error": reason, "description": error.text}]}
    if isinstance(error, InternalError):
        value["request_id"] = request_id
    return value


def _headers(error: MicroblogError) -> dict[str, str]:
    if isinstance(error, RateLimited | Unavailable):
        return {"Retry-After": str(max(1, ceil(error.retry_after)))}
    if isinstance(error, MethodNotAllowed):
        return {"Allow": ", ".join(error.allowed)}
    return {}


def limit_state(error: MicroblogError) -> tuple[int, int, float] | None:
    """What the ``X-RateLimit-*`` headers say, where the error is about them."""
    return error.state if isinstance(error, LimitExceeded) else None


def _login_path(request: Request) -> str:
    if request.method not in ("GET", "HEAD"):
        came_from = {"next": next_path(request.form.get("next"), "")} if Unsent.of(request) else {}
        then = {"then": request.path} if wanted(request.path) else {}
        query = urlencode({name: value for name, value in (came_from | then).items() if value})
        return f"/login?{query}" if query else "/login"
    there = "/login?next=" + quote(request.address, safe="/")
    # Escaped twice it may be longer than a request line may be: then the way back is the page without its query.
    return (
        there
        if len(there) <= LONGEST_PATH
        else "/login?next=" + quote(quote(request.path, safe="/@"), safe="/")
    )


def _log_in_page(request: Request, unsent: Unsent) -> str:
    """The log-in form, carrying what was typed."""
    form = FormState({"login": "", "password": "", "next": next_path(dict(unsent.fields).get("next"))})
    return request.web.templates.render_for(
        request, "pages/log_in.html", {"form": form, "unsent": unsent, "wanted": None, "refused": False}
    )


def _page(request: Request, error: MicroblogError, unsent: Unsent | None) -> str:
    title = TITLES.get(error.status, "That did not work")
    own = isinstance(error, InternalError)
    if unsent is not None and not (unsent.has_text or own or isinstance(error, _PASSING)):
        unsent = None
    try:
        return request.web.templates.render_for(
            request,
            "pages/error.html",
            {
                "status": error.status,
                "title": title,
                "text": error.text,
                "request_id": request.id if own else None,
                "unsent": unsent,
            },
        )
    except Exception:  # noqa: BLE001 - the page about errors must not be the one that fails
        _log.failure("The error page could not be rendered.")
    reference = f"<p>Reference: {escape(request.id)}</p>" if own else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<h1>{escape(title)}</h1><p>{escape(error.text)}</p>{reference}</html>"
    )
