"""The security headers of every answer.

They forbid inline scripts and styles, content from other sites, and framing. A page that needs another policy sets
``Content-Security-Policy`` itself, as OAuth's consent page does because its form ends at another site. The dispatcher
sets another ``Cross-Origin-Opener-Policy`` for pages that may stay connected to their opener.
"""

from __future__ import annotations

from typing import Final

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)

_FIXED: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HSTS: Final = "max-age=31536000"


def header_lines(*, https: bool) -> bytes:
    """Return the fixed headers as lines with their CRLF; with ``https``, ``Strict-Transport-Security`` as well."""
    headers = {**_FIXED, **({"Strict-Transport-Security": _HSTS} if https else {})}
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")


CSP_LINE: Final = f"Content-Security-Policy: {CSP}\r\n".encode("ascii")
OPENER_POLICY: Final = "Cross-Origin-Opener-Policy"
OPENER_LINE: Final = f"{OPENER_POLICY}: same-origin\r\n".encode("ascii")
