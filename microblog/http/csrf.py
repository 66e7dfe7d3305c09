"""Protection against forged forms (cross-site request forgery), by two checks.

1. If the browser reports the origin of a form (``Sec-Fetch-Site``, ``Origin``), the origin must be this site.
2. Each form carries a token: an HMAC over the session's token, or over a random visitor cookie for visitors without a
   session (log-in, sign-up). The token is masked with fresh random bytes in each answer. So a compressed page never
   holds the same secret twice, and guessing it byte by byte from the page's length (BREACH) fails.

The log-in form is protected too: otherwise another site could log a person in to an account of the attacker.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable, Mapping, MutableMapping
from typing import Final
from urllib.parse import urlsplit

from microblog.domain.errors import Forbidden
from microblog.http.cookies import Cookies, derive_key

FIELD: Final = "csrf_token"
_VISITOR_SECONDS: Final = 86_400
_SIZE: Final = 32


class FormExpired(Forbidden):
    """The form's token belongs to another session: the page is old, or the browser logged in again meanwhile."""


class Csrf:
    """The issuer and checker of form tokens.  ``public_url`` names the site's own origin."""

    def __init__(self, *, secret: bytes, cookies: Cookies, public_url: str) -> None:
        self._key = derive_key(secret, "csrf")
        self._cookies = cookies
        parts = urlsplit(public_url)
        self._origin = f"{parts.scheme}://{parts.netloc}".lower()

    def issue(self, cookies: MutableMapping[str, str], session: str | None) -> tuple[str, str | None]:
        """Return a token, and the visitor cookie to set if the browser has neither that nor a session."""
        cookie = None
        visitor = cookies.get(self._cookies.visitor_name)
        if session is None and not visitor:
            visitor = secrets.token_urlsafe(24)
            cookie = self._cookies.set_visitor(visitor, _VISITOR_SECONDS)
        return _mask(self._expected(session, visitor)), cookie

    def check_token(
        self, sent: str | None, cookies: Mapping[str, str], session: str | None, *, allow_visitor: bool
    ) -> None:
        """Check that a form's token belongs to the browser's session, or to its visitor cookie if that is allowed.

        A form for people who are not logged in may carry the token of the visitor cookie, so that a second log-in
        form, open in another tab, still works after the first.

        :raises FormExpired: the token is not of this browser's session.
        """
        token = _unmask(sent or "")
        visitor = cookies.get(self._cookies.visitor_name)
        accepted = []
        if session:
            accepted.append(self._expected(session, None))
        if visitor and allow_visitor:
            accepted.append(self._expected(None, visitor))
        if not any(hmac.compare_digest(token, expected) for expected in accepted):
            raise FormExpired(
                "This form has expired: the page was open for a long time, or you logged in again meanwhile. "
                "Check it and send it again, or reload the page that you came from."
            )

    def check_origin(self, header: Callable[[str], str | None]) -> None:
        """Check that a form comes from this site. ``header`` returns a request header by its name.

        :raises Forbidden: the browser says that another site sent the form.
        """
        site = header("sec-fetch-site")
        origin = header("origin")
        if site not in (None, "same-origin", "none"):
            raise Forbidden("This form was sent from another site, so it was not accepted.")
        if origin is not None and origin.lower() != self._origin:
            # The same site under another of its names (127.0.0.1 for localhost) is accepted as well.
            host = (header("host") or "").lower()
            scheme, _, rest = origin.lower().partition("://")
            if scheme not in ("http", "https") or not host or rest != host:
                raise Forbidden("This form was sent from another site, so it was not accepted.")

    def _expected(self, session: str | None, visitor: str | None) -> bytes:
        subject = f"session:{session}" if session is not None else f"visitor:{visitor}"
        return hmac.digest(self._key, subject.encode(), "sha256")


def _mask(token: bytes) -> str:
    mask = secrets.token_bytes(_SIZE)
    return base64.urlsafe_b64encode(mask + _xor(mask, token)).decode()


def _unmask(text: str) -> bytes:
    """Return the token in a masked text, or nothing if it holds none."""
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii"))
    except (binascii.Error, ValueError):
        return b""
    return _xor(raw[:_SIZE], raw[_SIZE:]) if len(raw) == 2 * _SIZE else b""


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(_SIZE)
