"""Entities, and what stands around them in real writing: punctuation of any script, emoji, words, spaces."""

from __future__ import annotations

import sys
import unicodedata
from typing import Final

from hypothesis import strategies as st

#: Assigned in the oldest version of Unicode that Python, the regex package and a browser share, by category.
_BY_CATEGORY: Final[dict[str, list[str]]] = {}
for _point in range(sys.maxunicode + 1):
    _BY_CATEGORY.setdefault(unicodedata.category(chr(_point)), []).append(chr(_point))


def of(*categories: str) -> list[str]:
    """The characters of Unicode categories."""
    return [character for each in categories for character in _BY_CATEGORY[each]]


PUNCTUATION: Final = of("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po")
SYMBOLS: Final = of("Sm", "Sc", "Sk", "So")
EMOJI: Final = [
    *(
        "👍",
        "👍🏽",
        "❤️",
        "☕️",
        "ℹ️",
        "™️",
        "©️",
        "🅰️",
        "㊗️",
        "▶️",
        "↔️",
        "🇫🇷",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "🏳️‍🌈",
        "👩‍👩‍👧‍👦",
        "❤️‍🔥",
        "🧑🏽‍🚀",
    ),
    *(f"{digit}\ufe0f\u20e3" for digit in "0123456789#*"),
    *("1\u20e3", "👨\u200d💻", "🎉🎉"),
]
WORDS: Final = [
    *("word", "ß", "é", "e\u0301\u0330", "привет", "γειά", "שלום", "مرحبا", "می\u200cخواهم", "नमस्ते", "தமிழ்"),
    *("สวัสดี", "日本語", "한국어", "ქართული", "አማርኛ", "Հայերեն", "ພາສາລາວ", "1", "٢", "_", "İ", "ŉ"),
]
SPACES: Final = [" ", "\n", "\u3000", "\xa0", "\t", "\u2009", "\n\n"]

MENTIONS: Final = ["@bob", "@a_b_1", "@bob@example.org", "@bob@bücher.example", "@Bob.X@foo-bar.example"]
HASHTAGS: Final = [
    "#tea",
    "#日本語",
    "#Straße",
    "#İstanbul",
    "#a_1",
    "＃tea",
    "#東京・大阪",
    "#می\u200cخواهم",
]
LINKS: Final = [
    "https://example.org",
    "http://example.org/",
    "https://example.org/a",
    "https://example.org/a_(b)",
    "https://example.org/[x]?q=1&r=2#top",
    "https://example.org:8080/x",
    "https://bücher.example/ä",
    "https://пример.рф/путь",
    "https://foo_bar.example.com/",
    "https://foo-.example.com/",
    "https://192.168.0.1/x",
    "http://localhost:8000",
    "HTTPS://Example.ORG/Path",
]
ENTITIES: Final = MENTIONS + HASHTAGS + LINKS

_around = st.lists(
    st.one_of(*map(st.sampled_from, (PUNCTUATION, SYMBOLS, EMOJI, WORDS, SPACES))), max_size=3
).map("".join)


def surrounded(entities: list[str] = ENTITIES) -> st.SearchStrategy[str]:
    """An entity between up to three characters, emoji or words on each side."""
    return st.tuples(_around, st.sampled_from(entities), _around).map("".join)


_FRAGMENTS: Final = [
    *(
        "@",
        "#",
        "＃",
        "https://",
        "http://",
        "://",
        ".",
        "-",
        "_",
        "/",
        ":",
        "?",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "'",
    ),
    *(
        "xn--",
        "example",
        "org",
        "com",
        "bob",
        "80",
        "1",
        "\u0301",
        "\ufe0f",
        "\u20e3",
        "\u200d",
        "\u200c",
        "&",
        "=",
        "|",
    ),
    *(
        "🎉",
        "を",
        "。",
        "é",
        "ي",
        "क",
        "\\",
        "<",
        "\u202e",
        "\u00ad",
        "localhost",
        "1.2.3.4",
        "@bob@",
        "a" * 31,
    ),
]


def pieces() -> st.SearchStrategy[str]:
    """Parts of entities in any order."""
    return st.lists(
        st.one_of(st.sampled_from(_FRAGMENTS), _around, st.sampled_from(ENTITIES)), max_size=14
    ).map("".join)
