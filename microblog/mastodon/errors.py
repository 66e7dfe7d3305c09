"""Errors as the Mastodon protocol reports them: ``{"error": …}``, and texts that clients compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from microblog.domain.errors import InvalidInput, MicroblogError, Unauthenticated
from microblog.domain.oauth import OAuthError
from microblog.http.errors import InternalError, error_headers
from microblog.http.responses import Json
from microblog.http.status import status_of

if TYPE_CHECKING:
    from microblog.http.request import Request

INVALID_TOKEN: Final = "The access token is invalid"  # noqa: S105 - a text, not a token
OUT_OF_SCOPE: Final = "This action is outside the authorized scopes"
NO_USER: Final = "This method requires an authenticated user"


def answer(request: Request, error: MicroblogError) -> Json:
    """Return the JSON answer that reports ``error``, with its status and headers (RFC 6750, section 3)."""
    headers = error_headers(error)
    if isinstance(error, Unauthenticated):
        has_token = request.header("authorization") is not None
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if has_token else "Bearer"
    return Json(error_entity(error, request.id), status=status_of(error), headers=headers)


def error_entity(error: MicroblogError, request_id: str) -> dict[str, Any]:
    """Return the body that reports ``error``: ``error``, and ``details`` for each field at fault.

    OAuth errors have the form of RFC 6749, section 5.2. An internal error names the request, so that its log lines
    can be found.
    """
    if isinstance(error, OAuthError):
        return {"error": error.error, "error_description": error.description}
    entity: dict[str, Any] = {"error": error.text}
    if isinstance(error, RecordInvalid):
        entity["details"] = error.details
    elif isinstance(error, InvalidInput) and error.field is not None:
        entity["details"] = {error.field: [detail(error.reason, error.text)]}
    if isinstance(error, InternalError):
        entity["request_id"] = request_id
    return entity


class RecordInvalid(InvalidInput):
    """Several fields are at fault. ``details`` lists the faults of each field, as Mastodon reports them."""

    def __init__(self, text: str, details: dict[str, list[dict[str, str]]]) -> None:
        super().__init__(text)
        self.details = details


def detail(reason: str, text: str) -> dict[str, str]:
    """Return one fault of a field, with a code such as ``ERR_BLANK``."""
    return {"error": f"ERR_{reason.upper()}", "description": text}
