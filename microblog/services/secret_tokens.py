"""Secrets of sessions, tokens and links: 256 random bits in URL-safe base64; the database stores their SHA-256.

A fast hash is enough: unlike a password, 256 random bits can't be guessed.
"""

from __future__ import annotations

import hashlib
import secrets

_LONGEST = 200


def new_secret() -> tuple[str, bytes]:
    """Return a new secret and its hash."""
    token = secrets.token_urlsafe(32)
    return token, digest(token)


def digest(token: str) -> bytes:
    """Return the hash of a secret. Any text has one, also one that no secret of this site can be."""
    return hashlib.sha256(token[:_LONGEST].encode("utf-8", "surrogatepass")).digest()
