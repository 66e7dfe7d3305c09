"""The HTTP status of each error (RFC 9110, section 15)."""

from __future__ import annotations

from typing import ClassVar, Final

from microblog.domain import errors
from microblog.domain.errors import MicroblogError
from microblog.domain.oauth import InvalidClient, OAuthError

STATUSES: Final[dict[type[MicroblogError], int]] = {
    errors.InvalidInput: 422,
    errors.TooLarge: 413,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.RateLimited: 429,
    errors.Unavailable: 503,
    OAuthError: 400,  # RFC 6749, section 5.2
    InvalidClient: 401,
    MicroblogError: 500,
}
"""Subclasses that are not listed have the status of their nearest listed base."""


class HTTPError(MicroblogError):
    """An error that only HTTP knows. Subclasses name their status."""

    status: ClassVar[int]


def status_of(error: MicroblogError) -> int:
    """Return the HTTP status that reports ``error``."""
    if isinstance(error, HTTPError):
        return error.status
    return next(STATUSES[each] for each in type(error).__mro__ if each in STATUSES)
