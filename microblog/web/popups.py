"""Pages that a web app of another site may open in a popup: the OAuth consent page and the pages before it.

A web app may open ``/oauth/authorize`` in a popup and wait until the popup returns to the app's address.
``Cross-Origin-Opener-Policy: same-origin`` on any answer on the way would cut the popup off from its opener. So these
answers say ``unsafe-none``: the consent page, and the log-in (with all its steps) and sign-up pages if they lead to it.
All other pages stay cut off from their openers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.errors import MicroblogError
from microblog.http.responses import next_path

if TYPE_CHECKING:
    from microblog.http.request import Request

CONSENT: Final = "/oauth/authorize"
_BEFORE: Final = ("/login", "/signup")


def leads_to_consent(request: Request) -> bool:
    """Return whether the request is for the consent page or for a page that leads to it."""
    path = request.path.rstrip("/")
    if path == CONSENT:
        return True
    if not any(path == page or path.startswith(page + "/") for page in _BEFORE):
        return False
    try:
        target = request.query.get("next") or (request.form.get("next") if request.method == "POST" else None)
    except MicroblogError:  # an unreadable form leads nowhere
        return False
    return next_path(target).partition("?")[0].rstrip("/") == CONSENT
