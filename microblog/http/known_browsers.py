"""Browsers in which somebody has logged in before: wrong tries of strangers do not lock them out.

Tries for one account are limited, wherever they come from. That alone would let anybody lock out its owner. So a
browser gets a cookie with its first log-in. For the accounts that logged in there it has tries of its own, which
nobody else can use up (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").

The cookie opens nothing and outlives sessions: it only says whose budget a try is counted in. Its value is
``<id>.<signature of the id>`` and ``.<signature of id and account>`` for each account, so it names none of them.
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
    """A browser with a cookie of this site's. ``flags`` are those of the accounts that logged in there."""

    id: str
    flags: tuple[str, ...]


class KnownBrowsers:
    """Reads and writes the cookie.  ``secret`` is the site's own."""

    def __init__(self, *, secret: bytes, cookies: Cookies) -> None:
        self._key = derive_key(secret, "browser")
        self._cookies = cookies

    def read(self, cookies: Mapping[str, str]) -> Browser | None:
        """Return the browser that a request came from; None for one without a cookie of this site's making."""
        value = cookies.get(self._cookies.browser_name, "")
        if not _VALUE.fullmatch(value):
            return None
        identifier, signature, *flags = value.split(".")
        if not hmac.compare_digest(signature, self._sign(identifier)):
            return None
        return Browser(identifier, tuple(flags))

    def knows(self, browser: Browser | None, account_id: int) -> bool:
        """Whether the account has logged in there before."""
        if browser is None:
            return False
        wanted = self._sign(f"{browser.id}:{account_id}")
        return any(hmac.compare_digest(mark, wanted) for mark in browser.flags)

    def remember(self, browser: Browser | None, account_id: int) -> str:
        """Return the ``Set-Cookie`` line for a browser in which the account has just logged in."""
        identifier = browser.id if browser is not None else secrets.token_urlsafe(16)
        mark = self._sign(f"{identifier}:{account_id}")
        others = [each for each in browser.flags if each != mark] if browser is not None else []
        flags = [*others, mark][-_MOST_ACCOUNTS:]
        return self._cookies.set_browser(".".join([identifier, self._sign(identifier), *flags]), SECONDS)

    def _sign(self, text: str) -> str:
        signature = hmac.digest(self._key, text.encode(), "sha256")[:16]
        return base64.urlsafe_b64encode(signature).decode().rstrip("=")
