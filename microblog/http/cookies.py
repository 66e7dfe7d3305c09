"""Cookies: the session's, signed flash messages, and plain preferences.

Over HTTPS their names begin with ``__Host-``. A browser then takes them from this host only, with ``Secure`` and for
the whole site (RFC 6265bis, section 4.1.3), so that a neighbouring host can't plant one. Browsers refuse the prefix on
plain HTTP, which is for trials on one machine; there the names have no prefix.

Values are opaque random tokens, or signed (HMAC-SHA-256) and dated. No value contains a secret in clear.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from microblog.domain.errors import InvalidInput

FLASH_SECONDS: Final = 300
_MAX_FLASHES: Final = 5
#: Bytes of all messages together: base64 takes a third more, and browsers accept 4,096 bytes per cookie.
_FLASH_BYTES: Final = 2000
_FLASH_LENGTH: Final = (
    300  #: characters of a message: one message fits even if each character takes six bytes
)
_TOKEN = re.compile(r"[A-Za-z0-9_\-.~+/=]{1,512}\Z")
_NAME = re.compile(r"[a-z][a-z_]{0,31}\Z")


class Cookies:
    """Writer and reader of the site's cookies; the ``set_…`` and ``clear_…`` functions return ``Set-Cookie`` lines.

    ``secure``: the site's public address is HTTPS.  ``secret``: the site's permanent secret, at least 16 random bytes.
    ``seconds``: a clock of seconds since the epoch.
    """

    def __init__(self, *, secure: bool, secret: bytes, seconds: Callable[[], float]) -> None:
        if len(secret) < 16:
            raise ValueError("The site's secret has to have at least 16 bytes.")
        self._prefix = "__Host-" if secure else ""
        self._attributes = "; Path=/; SameSite=Lax" + ("; Secure" if secure else "")
        self._key = derive_key(secret, "flash")
        self._seconds = seconds
        self.session_name = self._prefix + "session"
        self.visitor_name = self._prefix + "visitor"
        self.browser_name = self._prefix + "browser"
        self._flash_name = self._prefix + "flash"

    def session(self, cookies: Mapping[str, str]) -> str | None:
        """Return the session's token, or None if there is none or it is malformed."""
        token = cookies.get(self.session_name)
        return token if token and _TOKEN.match(token) else None

    def set_session(self, token: str, max_age: int) -> str:
        return self._secret(self.session_name, token, max_age)

    def clear_session(self) -> str:
        return self._secret(self.session_name, "", 0)

    def set_visitor(self, token: str, max_age: int) -> str:
        return self._secret(self.visitor_name, token, max_age)

    def set_browser(self, value: str, max_age: int) -> str:
        return self._secret(self.browser_name, value, max_age)

    def plain(self, name: str, value: str, max_age: int, *, readable: bool = False) -> str:
        """Return the line for a preference, such as the theme; ``readable`` lets scripts read it.

        :raises InvalidInput: the value has characters that a cookie can't hold.
        """
        if not _NAME.match(name) or (value and not _TOKEN.match(value)):
            raise InvalidInput("That can't be kept.", name)
        only = "" if readable else "; HttpOnly"
        return f"{name}={value}; Max-Age={max_age}{self._attributes}{only}"

    def set_flashes(self, texts: list[str]) -> str:
        """Return the cookie of the newest messages, as many as fit."""
        shown = [text[:_FLASH_LENGTH] for text in texts[-_MAX_FLASHES:]]
        payload = self._flash_payload(shown)
        while len(payload) > _FLASH_BYTES:
            shown.pop(0)
            payload = self._flash_payload(shown)
        value = base64.urlsafe_b64encode(self._signature(payload) + payload).decode()
        return f"{self._flash_name}={value}; Max-Age={FLASH_SECONDS}{self._attributes}; HttpOnly"

    def _flash_payload(self, texts: list[str]) -> bytes:
        return msgspec.json.encode([int(self._seconds()), *texts])

    def clear_flashes(self) -> str:
        return self._secret(self._flash_name, "", 0)

    def flashes(self, cookies: Mapping[str, str]) -> list[str]:
        """Return the messages; none when the signature is wrong or they have expired."""
        value = cookies.get(self._flash_name)
        if not value:
            return []
        try:
            raw = base64.urlsafe_b64decode(value)
        except (binascii.Error, ValueError):
            return []
        signature, payload = raw[:16], raw[16:]
        if not hmac.compare_digest(signature, self._signature(payload)):
            return []
        made, *texts = msgspec.json.decode(payload, type=list[int | str])
        if not isinstance(made, int) or not 0 <= self._seconds() - made <= FLASH_SECONDS:
            return []
        return [str(text) for text in texts]

    def _signature(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, "sha256")[:16]

    def _secret(self, name: str, value: str, max_age: int) -> str:
        if value and not _TOKEN.match(value):
            raise ValueError("A token has characters that a cookie can't hold.")
        return f"{name}={value}; Max-Age={max_age}{self._attributes}; HttpOnly"


def derive_key(secret: bytes, purpose: str) -> bytes:
    """Return a key for one purpose, so that a signature for another purpose does not pass."""
    return hashlib.blake2b(secret, person=purpose.encode()[:16].ljust(16, b"\0"), digest_size=32).digest()
