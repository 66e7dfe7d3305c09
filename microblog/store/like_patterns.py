"""Patterns of LIKE."""

from __future__ import annotations


def beginning_with(text: str) -> str:
    """The pattern of what begins with ``text``, whatever signs it has. NUL, which PostgreSQL refuses, is dropped."""
    escaped = text.replace("\x00", "").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"
