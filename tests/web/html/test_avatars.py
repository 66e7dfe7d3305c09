"""Pictures for those who have none: their colours are told apart, and white is read on each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from microblog.web import static
from microblog.web.html.avatars import COLOURS


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, glossary)."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", COLOURS)
def test_white_has_the_contrast_of_text(colour: str) -> None:
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5


def test_the_style_sheet_has_the_same_colours() -> None:
    sheet = (Path(static.STATIC_DIR) / "site.css").read_text(encoding="utf-8")
    found = {
        int(number): colour
        for number, colour in re.findall(r"\.c(\d+) \{ background: (#[0-9a-f]{6}); \}", sheet)
    }
    assert found == dict(enumerate(COLOURS))
