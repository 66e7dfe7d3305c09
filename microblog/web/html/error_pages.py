"""Error pages of the website, in its own frame (``pages/error.html``).

If a form fails, the error page has its text in a form that can be sent again (``unsent``).  A request that needs a
log-in redirects to the log-in page, which leads back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from twisted.logger import Logger

from microblog.domain.errors import Conflict, MicroblogError, RateLimited, Unauthenticated, Unavailable
from microblog.http import errors
from microblog.http.csrf import FormExpired
from microblog.http.errors import InternalError
from microblog.http.forms import FormState
from microblog.http.responses import LONGEST_PATH, Html, Redirect, Response, next_path
from microblog.http.status import status_of
from microblog.mastodon import errors as mastodon_errors
from microblog.web.html.unsent import Unsent, action_of

if TYPE_CHECKING:
    from microblog.http.request import Request

_log = Logger()

#: the errors after which the same form may succeed
_TEMPORARY: Final = (Conflict, FormExpired, RateLimited, Unavailable)


def answer(request: Request, error: MicroblogError) -> Response:
    """Return the answer that tells the client about ``error``: a page for browsers, JSON for programs."""
    if request.wants_json:
        return mastodon_errors.answer(request, error)
    return errors.answer(request, error, _respond)


def _respond(request: Request, error: MicroblogError) -> Response:
    unsent = Unsent.of(request)
    if isinstance(error, Unauthenticated):
        if unsent is None or not unsent.has_text:
            return Redirect(_login_path(request))
        page = _page(request, error, unsent) if unsent.too_long else _log_in_page(request, unsent)
    else:
        page = _page(request, error, unsent)
    return Html(page, status=status_of(error), headers=errors.error_headers(error))


def _login_path(request: Request) -> str:
    """Return the path of the log-in page that leads back to the page of ``request``."""
    if request.method not in ("GET", "HEAD"):
        # A form without a field "next" leads back to its own address, which answers GET or redirects to a page.
        came_from = (
            {"next": next_path(request.form.get("next"), "") or next_path(request.path, "")}
            if Unsent.of(request)
            else {}
        )
        then = {"then": request.path} if action_of(request.path) else {}
        query = urlencode({name: value for name, value in (came_from | then).items() if value})
        return f"/login?{query}" if query else "/login"
    path = "/login?next=" + quote(request.address, safe="/")
    if len(path) > LONGEST_PATH:  # the address is escaped twice, which can be too long for a request line
        path = "/login?next=" + quote(quote(request.path, safe="/@"), safe="/")
    return path


def _log_in_page(request: Request, unsent: Unsent) -> str:
    """Return the log-in page, whose form carries the typed text along."""
    values = {
        "form": FormState({"login": "", "password": ""}),
        "next": next_path(dict(unsent.fields).get("next")),
        "unsent": unsent,
        "action": None,
        "refused": False,
    }
    return request.render_text("pages/log_in.html", values)


def _page(request: Request, error: MicroblogError, unsent: Unsent | None) -> str:
    internal = isinstance(error, InternalError)
    if unsent is not None and not (unsent.has_text or internal or isinstance(error, _TEMPORARY)):
        unsent = None
    try:
        return request.render_text(
            "pages/error.html",
            {
                "status": status_of(error),
                "title": errors.title_of(error),
                "text": error.text,
                "request_id": request.id if internal else None,
                "unsent": unsent,
            },
        )
    except Exception:  # noqa: BLE001 - the page about errors must not be the one that fails
        _log.failure("The error page could not be rendered.")
    return errors.plain_page(error, request.id)
