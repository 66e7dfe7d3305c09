"""Error pages of the website, in its own frame (``pages/error.html``).

Whatever goes wrong with a form, its text is on the answer in a form that can be sent again (``unsent``). A request
that needs a log-in leads to the log-in page and back.
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
from microblog.web.html.unsent import Unsent, wanted

if TYPE_CHECKING:
    from microblog.http.request import Request

_log = Logger()

#: Errors after which the very same form may work.
_PASSING: Final = (Conflict, FormExpired, RateLimited, Unavailable)


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
    if request.method not in ("GET", "HEAD"):
        # A form that names no page leads back to its own address, which answers GET or leads to a page that does.
        came_from = (
            {"next": next_path(request.form.get("next"), "") or next_path(request.path, "")}
            if Unsent.of(request)
            else {}
        )
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
    values = {
        "form": FormState({"login": "", "password": ""}),
        "next": next_path(dict(unsent.fields).get("next")),
        "unsent": unsent,
        "wanted": None,
        "refused": False,
    }
    return request.render_text("pages/log_in.html", values)


def _page(request: Request, error: MicroblogError, unsent: Unsent | None) -> str:
    own = isinstance(error, InternalError)
    if unsent is not None and not (unsent.has_text or own or isinstance(error, _PASSING)):
        unsent = None
    try:
        return request.render_text(
            "pages/error.html",
            {
                "status": status_of(error),
                "title": errors.title_of(error),
                "text": error.text,
                "request_id": request.id if own else None,
                "unsent": unsent,
            },
        )
    except Exception:  # noqa: BLE001 - the page about errors must not be the one that fails
        _log.failure("The error page could not be rendered.")
    return errors.plain_page(error, request.id)
