"""Pictures for those who have none: their colours are told apart, and white is read on each."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from microblog.domain.avatars import COLOURS as NUMBER
from microblog.domain.avatars import colour, initial
from microblog.web import static
from microblog.web.html.avatars import COLOURS
from tests.factories import make_account


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, glossary)."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", COLOURS)
def test_white_text_has_enough_contrast_on_each_colour(colour: str) -> None:
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5


def test_style_sheet_has_the_same_colours() -> None:
    sheet = (Path(static.STATIC_DIR) / "site.css").read_text(encoding="utf-8")
    found = {
        int(number): colour
        for number, colour in re.findall(r"\.c(\d+) \{ background: (#[0-9a-f]{6}); \}", sheet)
    }
    assert found == dict(enumerate(COLOURS))


def test_each_colour_number_has_a_colour() -> None:
    assert len(set(COLOURS)) == NUMBER == len(COLOURS)
    assert {colour(make_account(number << 16, "ann")) for number in range(1000)} == set(range(NUMBER))


def test_accounts_created_in_a_row_have_different_colours() -> None:
    first = 1_800_000_000_000
    assert len({colour(make_account((first + number) << 16, "ann")) for number in range(12)}) == 12


@pytest.mark.parametrize(
    ("display_name", "letter"),
    [
        ("", "Y"),
        ("雪", "雪"),
        ("éclair", "É"),
        ("e\u0301clair", "E\u0301"),
        ("ß", "ß"),
        ("“Quoted”", "Q"),
        ("👩‍👩‍👧 family", "F"),
        ("🌊", "🌊"),
        ("🇵🇹", "🇵🇹"),
        ("क्षमा", "क्ष"),
        ("_under", "U"),
        ("7 seas", "7"),
        ("سميرة", "س"),
    ],
)
def test_letter_is_the_first_of_the_shown_name(display_name: str, letter: str) -> None:
    account = replace(make_account(1, "_yuki"), display_name=display_name)
    assert initial(account) == letter
