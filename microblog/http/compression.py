"""Gzip for response bodies."""

from __future__ import annotations

import zlib
from typing import Final

COMPRESS_FROM: Final = 1024  #: bytes below which compressing gains nothing
#: Bytes above which a body is sent as it is: compressing blocks the reactor for about 1 ms per 100 KB.
COMPRESS_TO: Final = 512 * 1024

_COMPRESSIBLE: Final = (
    "text/",
    "application/json",
    "application/activity+json",
    "application/atom+xml",
    "application/feed+json",
    "application/rss+xml",
    "image/svg+xml",
)


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Return whether a client takes gzip, by its ``Accept-Encoding`` (RFC 9110, section 12.5.3)."""
    if not accept_encoding or "gzip" not in accept_encoding:
        return False
    for part in accept_encoding.split(","):
        coding, _, quality = part.partition(";")
        if coding.strip() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def is_compressible(body: bytes, media_type: str) -> bool:
    """Return whether compressing a body is worth the time."""
    return COMPRESS_FROM < len(body) <= COMPRESS_TO and media_type.startswith(_COMPRESSIBLE)


def pack(body: bytes, media_type: str) -> bytes | None:
    """Return a body compressed by gzip, or None if compressing it is not worth the time."""
    return compress(body) if is_compressible(body, media_type) else None


def compress(body: bytes) -> bytes:
    """Return a body compressed at level 1: higher levels take two to five times as long and save a tenth."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()
