"""Patterns for the SQL operator LIKE."""

from __future__ import annotations


def beginning_with(text: str) -> str:
    """Return the pattern that matches the prefix ``text`` literally. NUL, which PostgreSQL refuses, is dropped."""
    escaped = text.replace("\x00", "").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"
