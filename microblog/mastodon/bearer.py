"""Authentication by bearer token (RFC 6750), for the API and for streaming."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.domain.addresses import address_key
from microblog.domain.errors import Forbidden, InvalidInput, Unauthenticated
from microblog.domain.scopes import covers
from microblog.mastodon.errors import INVALID_TOKEN, NO_USER, OUT_OF_SCOPE
from microblog.services.tokens import require_active

if TYPE_CHECKING:
    from microblog.domain.accounts import Viewer
    from microblog.domain.oauth import Bearer
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog


async def authenticate(microblog: Microblog, request: Request) -> Viewer | None:
    """Return the account that the token of a request stands for, or None, and check what its route requires.

    The token comes in the header ``Authorization`` alone: tokens in an address end up in logs (RFC 9700, 4.3.2).

    Raises Unauthenticated for a token that is missing or not valid, Forbidden for a token without the route's scope,
    InvalidInput for an app's own token where the route needs an account.
    """
    try:
        return await _authenticate(microblog, request)
    except (Unauthenticated, Forbidden, InvalidInput):
        # Requests with bad tokens count against the limit of their address.
        request.limit_state = request.web.limits.spend("read", address_key(request.remote_address))
        raise


async def _authenticate(microblog: Microblog, request: Request) -> Viewer | None:
    route = request.route
    token = header_token(request)
    if not token:
        if route.viewer in ("required", "app"):
            raise Unauthenticated(INVALID_TOKEN)
        return None
    bearer = request.bearer = await bearer_of(microblog, request, token, remembered=route.remembered)
    if route.scope is not None and not covers(bearer.scopes, route.scope):
        raise Forbidden(OUT_OF_SCOPE)
    if bearer.viewer is None and route.viewer == "required":
        raise InvalidInput(NO_USER)
    return bearer.viewer


def header_token(request: Request) -> str:
    """Return the token in the header ``Authorization``, or an empty text."""
    scheme, _, token = (request.header("authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def bearer_of(
    microblog: Microblog, request: Request, token: str, *, remembered: bool = False
) -> Bearer:
    """Return what ``token`` stands for, and mark the answer to ``request`` as personal.

    With ``remembered``, the result may be half a second old.

    Raises Unauthenticated for a token that is not valid, Forbidden when its account is suspended or awaits approval.
    """
    bearer = await microblog.tokens.bearer(token, remembered=remembered)
    request.personal = True
    if bearer is None:
        raise Unauthenticated(INVALID_TOKEN)
    require_active(bearer)
    return bearer
