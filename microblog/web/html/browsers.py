"""Which browser a ``User-Agent`` header names (RFC 9110, section 10.1.5), in words: for lists that people read.

Browsers name each other in their headers, so the most particular name comes first.  What isn't known is left as it is.
"""

from __future__ import annotations

from typing import Final

from microblog.domain.text import one_line

_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi", "Vivaldi"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("OpenBSD", "OpenBSD"),
    ("FreeBSD", "FreeBSD"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """``Firefox on Linux``; the header itself, shortened, when no browser is known in it; empty for none."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    if browser is None:
        return one_line(user_agent, 60)
    return browser if system is None else f"{browser} on {system}"
