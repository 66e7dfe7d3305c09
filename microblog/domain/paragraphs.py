"""Paragraphs of plain text, as settings contain it."""

from __future__ import annotations

import re

_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")


def split_paragraphs(text: str) -> list[str]:
    """Split ``text`` at blank lines. Line breaks inside a paragraph become spaces."""
    return [" ".join(part.split()) for part in _BLANK_LINES.split(text) if part.strip()]
