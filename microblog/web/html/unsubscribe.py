"""No more mail: by one click of the mail program (RFC 8058), or on a page, without logging in.

The link is signed, and proves that it came in a mail of ours.  Looking at the page changes nothing, for mail programs
and scanners follow links; a POST does it, with or without a form of ours, so there is no form's token to check.
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
    """The button that ends a kind of mail."""
    token = request.path_arg("token")
    subscription = await microblog.outgoing_mail.subscription(token)
    return request.render("pages/unsubscribe.html", subscription=subscription, token=token, done=False)


@routes.post("/unsubscribe/<token>", csrf=False, limit="read")
async def unsubscribe(microblog: Microblog, request: Request) -> Response:
    """End a kind of mail."""
    token = request.path_arg("token")
    subscription = await microblog.outgoing_mail.unsubscribe(token)
    return request.render("pages/unsubscribe.html", subscription=subscription, token=token, done=True)
