"""Plain text in paragraphs, as the settings hold it."""

from __future__ import annotations

import re

_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")


def paragraphs(text: str) -> list[str]:
    """Split ``text`` at blank lines.  Line breaks inside a paragraph become spaces."""
    return [" ".join(part.split()) for part in _BLANK_LINES.split(text) if part.strip()]
