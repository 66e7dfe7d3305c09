"""Secrets that people and programs carry: 256 random bits in URL-safe base 64; the database has their SHA-256.

A fast hash does: there is nothing to guess in 256 bits (unlike in a password).
"""

from __future__ import annotations

import hashlib
import secrets

_LONGEST = 200


def new_secret() -> tuple[str, bytes]:
    """A secret to hand out, and its hash to keep."""
    token = secrets.token_urlsafe(32)
    return token, digest(token)


def digest(token: str) -> bytes:
    """The hash under which a secret is kept; of one that can't be ours, too."""
    return hashlib.sha256(token[:_LONGEST].encode("utf-8", "surrogatepass")).digest()
