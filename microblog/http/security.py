"""The headers that every answer carries, whatever made it.

No inline script or style, nothing from elsewhere, no framing.  A page that needs another policy (one that lets a
form end at another site, as OAuth's consent does) sets ``Content-Security-Policy`` itself.  So does a page on the way
to that consent with ``Cross-Origin-Opener-Policy`` (``popups.py``).
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
    """All but the two policies below, as lines with their CRLF.  With ``https``, browsers are told to come back that
    way only."""
    headers = {**_FIXED, **({"Strict-Transport-Security": _HSTS} if https else {})}
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")


CSP_LINE: Final = f"Content-Security-Policy: {CSP}\r\n".encode("ascii")
OPENER_POLICY: Final = "Cross-Origin-Opener-Policy"
OPENER_LINE: Final = f"{OPENER_POLICY}: same-origin\r\n".encode("ascii")
