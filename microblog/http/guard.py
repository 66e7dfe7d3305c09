"""Checks of a request's head, and the refusals that answer a request before it has a route.

Twisted's parser is strict about most of RFC 9112; these checks are the rest. A refusal always closes the connection:
after a message whose end is uncertain, the bytes that follow cannot be trusted (section 11.2, request smuggling).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from twisted.web.http_headers import Headers

METHODS: Final = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"})
MAX_HEADER_LINE: Final = 8192  #: bytes of one header, or of the request line
MAX_HEADERS: Final = 100
MAX_BODY: Final = 1_000_000  #: bytes of a body
MAX_HEAD: Final = 32 * 1024  #: bytes of the request line and all headers together

#: Paths of programs: no redirects to canonical addresses, errors as JSON, open to scripts of other sites.
PROGRAM_PATHS: Final = ("/api/", "/oauth/", "/.well-known/", "/nodeinfo/")

#: Every control character but the tab (RFC 9110, section 5.5).
CONTROLS: Final = bytes([*range(9), *range(10, 32), 127])
_HOST = re.compile(rb"(?:[A-Za-z0-9._~-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The status and the text of an answer that closes the connection."""

    status: int
    reason: str
    text: str


MALFORMED: Final = Refusal(400, "Bad Request", "This is not a well-formed HTTP/1.1 request.")
FOLDED: Final = Refusal(400, "Bad Request", "A header that goes on in a second line is not accepted.")
BAD_HEADER: Final = Refusal(400, "Bad Request", "A header has control characters or no proper name.")
BAD_TARGET: Final = Refusal(
    400, "Bad Request", "The address asked for has characters that have to be escaped."
)
BAD_HOST: Final = Refusal(400, "Bad Request", "There has to be exactly one Host header, with a host in it.")
BAD_LENGTH: Final = Refusal(400, "Bad Request", "The length of the body is in doubt.")
SLOW: Final = Refusal(408, "Request Timeout", "The request took too long to arrive.")
BODY_TOO_LARGE: Final = Refusal(413, "Content Too Large", "The body is larger than this site accepts.")
TARGET_TOO_LONG: Final = Refusal(414, "URI Too Long", "The address asked for is too long.")
HEAD_TOO_LARGE: Final = Refusal(
    431, "Request Header Fields Too Large", "The headers are too many or too long."
)
UNKNOWN_METHOD: Final = Refusal(501, "Not Implemented", "This site does not know that method.")
TOO_MANY: Final = Refusal(503, "Service Unavailable", "Too many connections. Try again in a moment.")


def check_head(method: bytes, target: bytes, version: bytes, headers: Headers) -> Refusal | None:
    """Return the refusal that a request's head deserves, or None when it is acceptable.

    Twisted has already checked that lengths don't contradict each other and that names and values are well-formed.
    """
    if method not in METHODS:
        return UNKNOWN_METHOD
    if not target.isascii() or b"\x7f" in target or b"#" in target:
        return BAD_TARGET
    if target[:1] != b"/" and not (target == b"*" and method == b"OPTIONS"):
        return BAD_TARGET
    hosts = headers.getRawHeaders(b"Host")
    if hosts is None:
        if version != b"HTTP/1.0":
            return BAD_HOST
    elif len(hosts) != 1 or not _HOST.match(hosts[0]):
        return BAD_HOST
    encodings = headers.getRawHeaders(b"Transfer-Encoding")
    if encodings is not None and (
        version == b"HTTP/1.0"
        or len(encodings) != 1
        or encodings[0].lower() != b"chunked"
        or headers.hasHeader(b"Content-Length")
    ):
        return BAD_LENGTH
    return None


def split_absolute(target: bytes) -> tuple[bytes, bytes] | None:
    """Split ``http://host/path`` into ``(host, path)``; return None for any other form.

    A server has to accept this form, and its host replaces the header's (RFC 9112, section 3.2.2).
    """
    scheme, separator, rest = target.partition(b"://")
    if not separator or scheme.lower() not in (b"http", b"https"):
        return None
    for index, byte in enumerate(rest):
        if byte in b"/?":
            path = rest[index:]
            return rest[:index], path if path.startswith(b"/") else b"/" + path
    return rest, b"/"


def decode_path(path: bytes) -> str | None:
    """Return the path as text, or None when it has a broken escape or a control character, or is not UTF-8."""
    if b"%" not in path:
        return path.decode("ascii")
    if _BAD_ESCAPE.search(path):
        return None
    raw = unquote_to_bytes(path)
    if len(raw.translate(None, CONTROLS)) != len(raw) or b"\t" in raw:
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def refusal_bytes(refusal: Refusal, extra: bytes = b"") -> bytes:
    """Return the whole answer.  ``extra``: further header lines, each with its CRLF."""
    body = refusal.text.encode() + b"\n"
    return (
        (
            f"HTTP/1.1 {refusal.status} {refusal.reason}\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n"
        ).encode()
        + extra
        + b"\r\n"
        + body
    )
