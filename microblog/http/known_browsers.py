"""Browsers that have logged in before: failed log-ins elsewhere do not lock them out.

Log-in attempts for one account are limited across all addresses. That alone would let an attacker lock the owner out.
So a browser gets a cookie with its first log-in, and for the accounts that logged in there it has attempts of its own
(OWASP, "Slow Down Online Guessing Attacks with Device Cookies").

The cookie gives no access and outlives sessions: it only selects the limit that an attempt counts against. Its value
is ``<id>.<signature of the id>`` and ``.<signature of id and account>`` for each account, so it names no account.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from microblog.http.cookies import Cookies, derive_key

#: The longest that browsers keep a cookie.
SECONDS: Final = 400 * 86_400
_MOST_ACCOUNTS: Final = 10
_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{22}(?:\.[A-Za-z0-9_-]{22}){1,11}")


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser with a cookie of this site. ``marks`` are the signatures of the accounts that logged in there."""

    id: str
    marks: tuple[str, ...]


class KnownBrowsers:
    """Reader and writer of the cookie.  ``secret`` is the site's permanent secret."""

    def __init__(self, *, secret: bytes, cookies: Cookies) -> None:
        self._key = derive_key(secret, "browser")
        self._cookies = cookies

    def read(self, cookies: Mapping[str, str]) -> Browser | None:
        """Return the browser that sent ``cookies``, or None if it has no valid cookie."""
        value = cookies.get(self._cookies.browser_name, "")
        if not _VALUE.fullmatch(value):
            return None
        identifier, signature, *marks = value.split(".")
        if not hmac.compare_digest(signature, self._sign(identifier)):
            return None
        return Browser(identifier, tuple(marks))

    def knows(self, browser: Browser | None, account_id: int) -> bool:
        """Return whether the account has logged in with this browser before."""
        if browser is None:
            return False
        expected = self._sign(f"{browser.id}:{account_id}")
        return any(hmac.compare_digest(mark, expected) for mark in browser.marks)

    def remember(self, browser: Browser | None, account_id: int) -> str:
        """Return the ``Set-Cookie`` line for a browser with which the account has just logged in."""
        identifier = browser.id if browser is not None else secrets.token_urlsafe(16)
        mark = self._sign(f"{identifier}:{account_id}")
        others = [other for other in browser.marks if other != mark] if browser is not None else []
        marks = [*others, mark][-_MOST_ACCOUNTS:]
        return self._cookies.set_browser(".".join([identifier, self._sign(identifier), *marks]), SECONDS)

    def _sign(self, text: str) -> str:
        signature = hmac.digest(self._key, text.encode(), "sha256")[:16]
        return base64.urlsafe_b64encode(signature).decode().rstrip("=")
