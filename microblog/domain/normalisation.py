"""Unicode normalisation in linear time, whatever the text is.

CPython sorts each run of combining marks by insertion, so a long run of mixed marks takes quadratic time (48 KB: 2 s).
This module cuts such runs before it normalises. Nothing else in the project calls `unicodedata.normalize`.
"""

import unicodedata
from typing import Final, Literal

import regex

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

MAX_MARKS: Final = 10
"""Combining marks that one letter keeps. Stream-safe text (UAX #15, 13) allows 30; real writing needs 5."""

MAX_EXACT: Final = 3000
"""Characters that `exact` accepts: a password of 1000, which normalisation can triple."""

_TOWER = regex.compile(rf"(\p{{M}}{{{MAX_MARKS}}})\p{{M}}++")
# The half-width voicing marks are letters that compatibility forms turn into combining marks.
_COMPATIBLE_TOWER = regex.compile(rf"([\p{{M}}\uff9e\uff9f]{{{MAX_MARKS}}})[\p{{M}}\uff9e\uff9f]++")


def normal_form(form: Form, text: str) -> str:
    """Return a text in a Unicode normal form, with at most `MAX_MARKS` marks on each letter. Idempotent."""
    if text.isascii():
        return text
    tower = _COMPATIBLE_TOWER if form in ("NFKC", "NFKD") else _TOWER
    # Decomposition can turn one mark into two, so the cut is repeated afterwards.
    return tower.sub(r"\1", unicodedata.normalize(form, tower.sub(r"\1", text)))


# Case folding turns the Turkish capital İ into an "i" with a combining dot, and does not map the dotless ı.
_DOTTED_I = regex.compile(r"i(\p{M}*?)\u0307")
_INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
_DIGIT = regex.compile(r"[\p{Nd}--[0-9]]", regex.V1)


def fold(text: str) -> str:
    """Return the key under which hashtags, search and filters treat words as equal. Idempotent.

    It is Unicode's NFKC case folding without invisible characters (Unicode 3.13, D147), with ASCII digits, and with
    one "i" for ``I``, ``i``, ``İ`` and ``ı``, because the language of a tag or query is unknown.
    """
    if text.isascii():
        return text.lower()
    lowered = normal_form("NFKC", text).casefold().replace("\u0131", "i")
    lowered = _INVISIBLE.sub("", _DOTTED_I.sub(r"i\1", lowered))
    # `regex` and `unicodedata` may have different versions of Unicode, and so know different digits.
    return normal_form(
        "NFKC", _DIGIT.sub(lambda found: str(unicodedata.decimal(found[0], found[0])), lowered)
    )


def exact(text: str) -> str:
    """Return the NFC form of a short text with all its marks, for passwords, of which nothing may be cut.

    Raises ValueError for a text above `MAX_EXACT` characters.
    """
    if len(text) > MAX_EXACT:
        raise ValueError(f"A text of {len(text)} characters is too long to normalise exactly.")
    return unicodedata.normalize("NFC", text)
