"""Pages that a program of another site opens in a popup: OAuth's consent, and what comes before it.

A program in a browser may open ``/oauth/authorize`` in a window of its own and wait there until that comes back to the
program's address. ``Cross-Origin-Opener-Policy: same-origin`` on any answer on the way would cut that window off from
the one that waits. So those answers say ``unsafe-none``: they are the consent page itself, and the log-in (with all
its steps) and the sign-up, as long as they lead to it. All other pages stay cut off from whoever opened them.
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
    """Whether a request is for the consent page, or for a page from which a person gets there."""
    path = request.path.rstrip("/")
    if path == CONSENT:
        return True
    if not any(path == page or path.startswith(page + "/") for page in _BEFORE):
        return False
    try:
        target = request.query.get("next") or (request.form.get("next") if request.method == "POST" else None)
    except MicroblogError:  # what can't be read leads nowhere
        return False
    return next_path(target).partition("?")[0].rstrip("/") == CONSENT
