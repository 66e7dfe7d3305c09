"""Ranges of characters by kind of writing, shared by text, hosts and search.

Each string is the body of a character class, to be put between brackets in a pattern. Ranges with the standard ``re``
are several times faster than a look-up of Unicode properties, and whole blocks are stable between Unicode versions.
"""

from typing import Final

SPACELESS: Final = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Myanmar
    "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff"  # Hangul: spaces, but particles cling to words
    "\u1780-\u17ff"  # Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b"  # radicals, iteration marks
    "\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Kana
    "\u3100-\u318f\u31a0-\u31bf\uffa1-\uffdc"  # Bopomofo, compatibility jamo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
"""Scripts that put no spaces between words, or join particles to them, so that words have no visible boundaries."""

BIDI_CONTROLS: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Marks, embeddings, overrides and isolates of the bidirectional algorithm (UAX #9, 2)."""
