"""Tests of where words begin and end in a text in normal form, by Unicode properties.

`static/composer.js` has the same rules for the character counter of the composer. A test compares the two.
"""

import re
from typing import Final

import regex

from microblog.domain.scripts import SPACELESS

KEYCAP: Final = "\ufe0f?\u20e3"
"""The sequence that turns a digit into an emoji, which is not part of a word."""

_WORD = regex.compile(r"[[\p{L}\p{N}_]--\p{Extended_Pictographic}]", regex.V1)
_KEYCAP = regex.compile(rf".{KEYCAP}")
_EMOJI = regex.compile(r"\p{Emoji}")
_MARK = regex.compile(r"\p{M}")
_SPACELESS = re.compile(f"[{SPACELESS}]")
_IN_ADDRESS: Final = frozenset("@/=&#＃")


def is_spaceless(character: str) -> bool:
    """Return whether a character belongs to a script without spaces between words."""
    return _SPACELESS.match(character) is not None


def starts_inside_word(text: str, start: int) -> bool:
    """Return whether a mention or hashtag at ``start`` would continue a word, an e-mail address or a path."""
    if start == 0 or text[start - 1] in " \n(":
        return False
    base = _base(text, start)
    if base is None:
        return False
    if not _WORD.match(text, base):
        if base + 1 < start:
            return False
        if text[base] in "+-" and base > 0:
            before = _base(text, base)
            return before is not None and _is_word(text, before, base)
        return text[base] in _IN_ADDRESS
    return _is_word(text, base, start)


def link_starts_inside_word(text: str, start: int) -> bool:
    """Return whether a link at ``start`` would continue an ASCII word or an address. Other letters may precede it."""
    if start == 0:
        return False
    before = text[start - 1]
    if before in _IN_ADDRESS:
        return True
    return before.isascii() and (before.isalnum() or before == "_")


def word_continues(text: str, end: int) -> bool:
    """Return whether a word of ASCII letters continues at ``end``. A word of a script without spaces may follow it."""
    if end == len(text) or text[end] in " \n.,:":
        return False
    if _MARK.match(text, end):
        return True
    return (
        _WORD.match(text, end) is not None
        and not is_spaceless(text[end])
        and not ("\u20e3" in text[end : end + 3] and _KEYCAP.match(text, end))
    )


def _base(text: str, end: int) -> int | None:
    """Return the position of the last character before ``end`` that is not a mark, or None."""
    position = end - 1
    while position >= 0 and text[position] > "\u02ff" and _MARK.match(text, position):
        position -= 1
    return position if position >= 0 else None


def _is_word(text: str, base: int, end: int) -> bool:
    """Return whether the character at ``base``, with its marks up to ``end``, is part of a word and no keycap emoji."""
    if _WORD.match(text, base) is None:
        return False
    marks = text[base + 1 : end]
    return not marks or not ("\u20e3" in marks or ("\ufe0f" in marks and _EMOJI.match(text, base)))
