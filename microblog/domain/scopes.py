"""The scopes of the Mastodon protocol, which say what an access token may do.

    read    read:accounts  read:statuses  …        read what the owner can read
    write   write:accounts  write:statuses  …      change what the owner can change
    follow                                         the older scope for follows, blocks and mutes
    push                                           push subscriptions
    profile                                        the identity of the owner only; part of read:accounts
    offline_access                                 a refresh token beside a short-lived access token (RFC 6749, 1.5)

A parent covers its children. A token never covers more than its app requested (RFC 6749, section 3.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Final

from microblog.domain.errors import InvalidInput
from microblog.domain.text import one_line

_PARTS: Final = {
    "read": "accounts blocks bookmarks favourites filters follows lists mutes notifications search statuses",
    "write": "accounts blocks bookmarks conversations favourites filters follows lists media mutes notifications "
    "reports statuses",
}

#: Every scope, parents before their children.
SCOPES: Final[tuple[str, ...]] = (
    "profile",
    *(
        scope
        for parent, parts in _PARTS.items()
        for scope in (parent, *(f"{parent}:{part}" for part in parts.split()))
    ),
    "follow",
    "push",
    "offline_access",
)

#: The scope of an app that requests none, as in Mastodon.
DEFAULT: Final = "read"

_FOLLOW: Final = frozenset(
    f"{verb}:{noun}" for verb in ("read", "write") for noun in ("follows", "blocks", "mutes")
)


def covers(granted: Set[str], wanted: str) -> bool:
    """Return whether a token with the scopes ``granted`` covers the scope ``wanted``."""
    if wanted in granted or wanted.partition(":")[0] in granted:
        return True
    if wanted in _FOLLOW:
        return "follow" in granted
    return wanted == "profile" and bool(granted & {"read", "read:accounts"})


def narrowed(wanted: Iterable[str], most: Set[str]) -> tuple[str, ...] | None:
    """Return ``wanted`` in the order of :data:`SCOPES`, or None if ``most`` does not cover one of them."""
    chosen = set(wanted)
    if not all(covers(most, scope) for scope in chosen):
        return None
    return tuple(scope for scope in SCOPES if scope in chosen)


def parse(written: str, field: str = "scope") -> tuple[str, ...]:
    """Parse scopes separated by spaces (``read write:statuses``), and return each once in the order of :data:`SCOPES`.

    Raises InvalidInput for an unknown scope.
    """
    chosen = set(written.replace("+", " ").split())
    for scope in chosen:
        if scope not in SCOPES:
            raise InvalidInput(
                f"There is no scope “{one_line(scope, 40)}”. There are read, write, follow and their parts, "
                "such as read:statuses.",
                field,
            )
    return tuple(scope for scope in SCOPES if scope in chosen)
