"""The text of a post: normal form, mentions, hashtags, links, and length.

`parse` is the one place where the project decides what in a text is more than text. It takes time linear in
the text whatever the text is: one scan finds triggers (``@``, ``#``, ``http://``), and each trigger looks
a bounded way ahead.

    mention  =  "@" name [ "@" host ]       name: letters a-z, digits, "_"; before a host also "." and "-" inside
    hashtag  =  "#" tag                     tag: letters, marks and digits of any script, "_", not digits alone
    link     =  see `microblog.domain.links`
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

import regex

from microblog.domain import counting, normalisation
from microblog.domain.links import Link, find_link, remote_host
from microblog.domain.scripts import BIDI_CONTROLS
from microblog.domain.word_boundaries import KEYCAP, starts_inside_word, word_continues

T = TypeVar("T")

LINK_LENGTH: Final = 23
"""Characters that every link counts as. Clients of the Mastodon protocol rely on it."""

MAX_TAG: Final = 100
"""Characters of the longest hashtag, as written and as key."""

MAX_RAW: Final = 30_000
"""Characters of a text as typed, before links count as `LINK_LENGTH`. The rest is ignored."""

MAX_ADDRESSES: Final = 1000
"""Possible mentions and links that are examined in a text: reading a host can take 50 µs."""

_MAX_RAW_TAG: Final = 4 * MAX_TAG  #: in decomposed form


@dataclass(frozen=True, slots=True)
class Mention:
    """``@name`` or ``@name@domain`` at ``text[start:end]``; both in canonical lower case."""

    start: int
    end: int
    name: str
    domain: str | None = None

    @property
    def address(self) -> str:
        """``name``, or ``name@domain``: the key under which a rendering looks the account up."""
        return self.name if self.domain is None else f"{self.name}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Hashtag:
    """``#name`` at ``text[start:end]``; equal hashtags share ``key``; ``name`` is as written."""

    start: int
    end: int
    key: str
    name: str


Entity = Mention | Hashtag | Link


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text in normal form with its entities in order of position; they never overlap."""

    text: str
    entities: tuple[Entity, ...] = ()

    @property
    def mentions(self) -> tuple[Mention, ...]:
        """The first mention of each account, in order."""
        return _first_of((e.address, e) for e in self.entities if isinstance(e, Mention))

    @property
    def hashtags(self) -> tuple[Hashtag, ...]:
        """The first hashtag of each key, in order."""
        return _first_of((e.key, e) for e in self.entities if isinstance(e, Hashtag))

    @property
    def links(self) -> tuple[Link, ...]:
        """The first link to each address, in order."""
        return _first_of((e.url, e) for e in self.entities if isinstance(e, Link))

    @property
    def is_blank(self) -> bool:
        """Whether nothing in the text is visible."""
        return is_blank(self.text)


def _first_of(pairs: Iterable[tuple[str, T]]) -> tuple[T, ...]:
    firsts: dict[str, T] = {}
    for key, entity in pairs:
        firsts.setdefault(key, entity)
    return tuple(firsts.values())


# --- normal form -----------------------------------------------------------------------------------------

# C0 but for tab and newline, DEL, C1, lone surrogates (no UTF-8 exists for them), byte-order marks, interlinear
# annotation, and the two overrides, which reverse what comes after them and have no use in a post.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufff9-\ufffb\u202d\u202e]+")
# Mandatory breaks of Unicode's line breaking (UAX 14): vertical tab and form feed are line ends as well.
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_LEADING_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")
_BLANK_LINES = re.compile("\n{3,}")
_CLEAN_ASCII = re.compile(r"[ -~\n]*")
_NOT_IN_LINE = re.compile(f"[{BIDI_CONTROLS}]+")
_INVISIBLE = regex.compile(r"[\s\p{C}\p{DI}\p{M}\u2800]*")


def normalise(source: str) -> str:
    """Return the form in which texts are stored: NFC, lines ended by LF, without control characters.

    Control characters, lone surrogates and directional overrides go; so do spaces at line ends, spaces before a
    single line, blank lines at both ends and beyond one, and marks stacked higher than `normalisation.MAX_MARKS`.
    Idempotent. Reads `MAX_RAW` characters.
    """
    return _normalise(source[:MAX_RAW])


def _normalise(text: str) -> str:
    if not _CLEAN_ASCII.fullmatch(text):
        text = _LINE_ENDS.sub("\n", text)
        text = _UNWANTED.sub("", text)
        text = normalisation.normal_form("NFC", text)
    text = text.rstrip()
    if "\n" not in text.lstrip():
        text = text.lstrip()
    else:
        # The first line keeps its indentation, which the lines below it may be aligned with.
        text = _LEADING_BLANK_LINES.sub("", text)
        if " \n" in text or "\t\n" in text:
            text = "\n".join([line.rstrip(" \t") for line in text.split("\n")])
        if "\n\n\n" in text:
            text = _BLANK_LINES.sub("\n\n", text)
    return text


def is_blank(text: str) -> bool:
    """Return whether a text has only spaces, invisible characters and marks without a letter."""
    return _INVISIBLE.fullmatch(text) is not None


# --- entities --------------------------------------------------------------------------------------------

_TRIGGER = re.compile("[@#＃]|[hH][tT][tT][pP][sS]?://")
_ASCII_TAG = re.compile(r"[A-Za-z0-9_]+")
_LETTERS: Final = rf"[[\p{{L}}\p{{M}}\p{{N}}_]--\p{{Extended_Pictographic}}](?!{KEYCAP})"
_TAG = regex.compile(rf"(?!\p{{M}})(?:{_LETTERS})++(?:[·・\u200c\u200d]++(?:{_LETTERS})++)*+", regex.V1)
_LINK_AFTER = re.compile(r"(?<=[^\x00-\x7f])[hH][tT][tT][pP][sS]?\Z")
_NOT_IN_KEY = regex.compile(r"[^\p{L}\p{M}\p{N}_·・]|\p{DI}")
_LETTER = regex.compile(r"\p{L}")
_LOCAL_NAME = regex.compile(rf"(?:[A-Za-z0-9_](?!{KEYCAP})){{1,31}}+")
_REMOTE = regex.compile(r"([A-Za-z0-9_.-]{1,64})@(?=[\p{L}\p{N}\p{M}_.-])")


def parse(source: str) -> Parsed:
    """Normalise a text and find its mentions, hashtags and links. Never fails, whatever the text."""
    text = normalise(source)
    if "@" not in text and "#" not in text and "://" not in text and "＃" not in text:
        return Parsed(text)
    entities: list[Entity] = []
    position = addresses = 0
    while found := _TRIGGER.search(text, position):
        start = found.start()
        trigger = text[start]
        entity: Entity | None
        if trigger not in "#＃":
            addresses += 1
            if addresses > MAX_ADDRESSES:
                break
        if trigger == "@":
            entity = _mention(text, start)
        elif trigger in "#＃":
            entity = _hashtag(text, start)
        else:
            entity, skip = find_link(text, start, found.end())
            if entity is None:
                position = skip
                continue
        if entity is None:
            position = start + 1
        else:
            entities.append(entity)
            position = entity.end
    return Parsed(text, tuple(entities))


def length(source: str | Parsed) -> int:
    """Return the length of a post, in characters as a reader counts them.

    A link counts `LINK_LENGTH` whatever its length, ``@name@domain`` as ``@name``; all else by grapheme
    clusters of the normal form.
    """
    parsed = source if isinstance(source, Parsed) else parse(source)
    count, position = 0, 0
    for entity in parsed.entities:
        if isinstance(entity, Link):
            count += counting.graphemes(parsed.text[position : entity.start]) + LINK_LENGTH
            position = entity.end
        elif isinstance(entity, Mention) and entity.domain is not None:
            count += counting.graphemes(parsed.text[position : entity.start]) + 1 + len(entity.name)
            position = entity.end
    return count + counting.graphemes(parsed.text[position:])


def hashtag_key(name: str) -> str | None:
    """Return the key of a hashtag (``First``, ``FIRST``, ``ＦＩＲＳＴ``: ``first``), or None if it is not one.

    Folded as search is (`normalisation.fold`). Idempotent.
    """
    return _hashtag_key(name) if len(name) <= _MAX_RAW_TAG else None


@lru_cache(maxsize=2048)
def _hashtag_key(name: str) -> str | None:
    if name.isascii():
        key = name.lower()
        if not _ASCII_TAG.fullmatch(key) or not _LETTER.search(key):
            return None
    else:
        if not _TAG.fullmatch(normalisation.normal_form("NFC", name)):
            return None
        key = name
        for _ in range(3):
            folded = _NOT_IN_KEY.sub("", normalisation.fold(key)).strip("·・")
            if folded == key:
                break
            key = folded
        if not _LETTER.search(key) or not _TAG.fullmatch(key):
            return None
    return key if len(key) <= MAX_TAG else None


def one_line(source: str, limit: int) -> str:
    """Return a text on one line of at most `limit` characters, for titles, subjects and notices.

    Nothing in it can end a line, start a control sequence or reorder what stands around it.
    """
    # Only what can end up in the line is read, so padding and marks cost nothing.
    text = _NOT_IN_LINE.sub("", _normalise(source[: 20_000 + 40 * limit]))
    return counting.shorten(" ".join(text.split()), limit)


def _mention(text: str, start: int) -> Mention | None:
    if starts_inside_word(text, start):
        return None
    if remote := _REMOTE.match(text, start + 1):
        name = remote[1]
        found = remote_host(text, remote.end())
        if found is None or name[0] in ".-" or name[-1] in ".-":
            return None
        return Mention(start, found[1], name.lower(), found[0])
    local = _LOCAL_NAME.match(text, start + 1)
    if local is None or len(local[0]) > 30 or word_continues(text, local.end()):
        return None
    return Mention(start, local.end(), local[0].lower())


def _hashtag(text: str, start: int) -> Hashtag | None:
    if starts_inside_word(text, start):
        return None
    found = _ASCII_TAG.match(text, start + 1, start + MAX_TAG + 2)
    end = found.end() if found else start + 1
    if end < len(text) and not text[end].isascii():
        general = _TAG.match(text, start + 1, start + MAX_TAG + 2)
        if general is None:
            return None
        end = general.end()
    name = text[start + 1 : end]
    if text.startswith("://", end) and (link := _LINK_AFTER.search(name)):
        # A link follows without a space, as it may after other than ASCII letters.
        name = name[: link.start()]
    if not name or len(name) > MAX_TAG:
        return None
    key = hashtag_key(name)
    return None if key is None else Hashtag(start, start + 1 + len(name), key, name)
