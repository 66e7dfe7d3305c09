"""Keyword search in the texts of posts, for filters.

Texts and keywords are normalised alike: case and width are folded (NFKC), and each run of white space (Unicode's
White_Space) becomes one space. Addresses are left out of the text: links with all their parts, and the domains of
mentions. A keyword that contains an address is searched in the whole text.

A keyword that stands for a whole word begins and ends where words do. A script that puts no spaces between words, or
glues particles to them, shows no such places, so there a keyword is found anywhere. Which scripts those are is read
from the line-breaking classes of Unicode (UAX #14): ideographs, Kana, Hangul, and the scripts of South East Asia.

Each text is prepared once, however many keywords there are. Looking for a keyword is then one search for a substring.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import regex

from microblog.domain.links import Link
from microblog.domain.normalisation import fold
from microblog.domain.text import Mention, normalise, parse

_GAP: Final = "\x00"  # stands for an address that was left out; `normalise` leaves none in a text
_EDGE: Final = "\x01"  # stands before and after each word; so does this
_CLASSES: Final = ("SA", "ID", "CJ", "H2", "H3", "JL", "JV", "JT", "AK", "AP", "AS")
# Their digits and signs have classes of their own.
_SCRIPTS: Final = (
    *("Hani", "Hira", "Kana", "Bopo", "Hang", "Yiii"),
    *("Thai", "Laoo", "Khmr", "Mymr", "Lana", "Java", "Bali"),
)
_WRITING: Final = "".join(
    [rf"\p{{lb={each}}}" for each in _CLASSES] + [rf"\p{{scx={each}}}" for each in _SCRIPTS]
)
_SPACELESS: Final = rf"[[{_WRITING}]&&[\p{{L}}\p{{M}}\p{{N}}]--\p{{scx=Latn}}]"
_WORD = regex.compile(
    rf"{_SPACELESS}|[[\p{{L}}\p{{M}}\p{{N}}\p{{Pc}}\u200c\u200d]--{_SPACELESS}]++", regex.V1
)


class PostText:
    """A text prepared for keywords. Costly forms are computed only when a keyword may match."""

    __slots__ = ("_address_free", "_marked", "_source", "whole")

    def __init__(self, source: str) -> None:
        self._source = source
        self.whole = _folded(source)
        self._address_free: tuple[str, str] | None = None
        self._marked: dict[bool, str] = {}

    def __len__(self) -> int:
        return len(self.whole)

    def has(self, needle: Needle) -> bool:
        """Return whether a keyword that the whole text contains matches at a permitted place."""
        where = self.whole if needle.is_address else self._without_addresses()[1]
        if needle.folded not in where:
            return False
        if needle.marked is None:
            return True
        marked = self._marked.get(needle.is_address)
        if marked is None:
            marked = self._marked[needle.is_address] = _marked(where)
        return needle.marked in marked

    def as_written(self, needle: Needle) -> str:
        """Return a matching keyword as the text spells it, if that is known."""
        shown, searched = self._without_addresses()
        if len(shown) == len(searched) and (start := searched.find(needle.folded)) >= 0:
            written = shown[start : start + len(needle.folded)]
            if _folded(written) == needle.folded:
                return written
        return needle.keyword

    def _without_addresses(self) -> tuple[str, str]:
        """Return the text without addresses, as shown and as folded."""
        if self._address_free is None:
            text = self._source
            if "://" in text or "@" in text:
                parsed = parse(text)
                text = parsed.text
                for entity in reversed(parsed.entities):
                    if isinstance(entity, Link):
                        text = text[: entity.start] + _GAP + text[entity.end :]
                    elif isinstance(entity, Mention) and entity.domain is not None:
                        text = text[: entity.start + 1 + len(entity.name)] + _GAP + text[entity.end :]
            shown = " ".join(text.split())
            self._address_free = shown, _folded(shown)
        return self._address_free


@dataclass(frozen=True, slots=True)
class Needle:
    """A keyword prepared for the search. ``marked`` is None if it may be part of a word."""

    keyword: str
    folded: str
    marked: str | None
    is_address: bool

    @classmethod
    def of(cls, keyword: str, whole_word: bool) -> Needle:
        prepared = _folded(normalise(" ".join(keyword.split())))
        is_address = ("://" in keyword or "@" in keyword) and any(
            isinstance(each, Link) or (isinstance(each, Mention) and each.domain is not None)
            for each in parse(keyword).entities
        )
        return cls(keyword, prepared, _marked(prepared) if whole_word else None, is_address)


def find_keywords(needles: Iterable[Needle], text: PostText) -> tuple[str, ...]:
    """Return the keywords that match, as the text spells them, each once."""
    whole = text.whole
    candidates = [each for each in needles if each.folded in whole]  # mostly none
    return tuple(dict.fromkeys(text.as_written(each) for each in candidates if text.has(each)))


def _folded(text: str) -> str:
    return " ".join(fold(text).split())


def _marked(text: str) -> str:
    return _WORD.sub(rf"{_EDGE}\g<0>{_EDGE}", text)
