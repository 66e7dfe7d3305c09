"""Unsubscribing from mail: by one click in the mail program (RFC 8058), or on a page, without logging in.

The link is signed, which proves that it came in a mail of this site.  A GET changes nothing, because mail programs and
scanners follow links.  A POST unsubscribes.  It may come from the mail program, so it has no form token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.http.responses import Response
from microblog.http.routing import Routes

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("unsubscribe")


@routes.get("/unsubscribe/<token>")
async def ask(microblog: Microblog, request: Request) -> Response:
    """Show the button to unsubscribe from a kind of mail."""
    token = request.path_arg("token")
    subscription = await microblog.mail_subscriptions.by_token(token)
    return request.render("pages/unsubscribe.html", subscription=subscription, token=token, done=False)


@routes.post("/unsubscribe/<token>", csrf=False, limit="read")
async def unsubscribe(microblog: Microblog, request: Request) -> Response:
    """Unsubscribe from a kind of mail."""
    token = request.path_arg("token")
    subscription = await microblog.mail_subscriptions.unsubscribe(token)
    return request.render("pages/unsubscribe.html", subscription=subscription, token=token, done=True)
