"""Reading a post: normal form, mentions, hashtags, links, and its length.

`parse` is the one place where the project decides what in a text is more than text. It takes time linear in
the text whatever the text is: one scan finds triggers (``@``, ``#``, ``http://``), and each trigger looks
a bounded way ahead.

    mention  =  "@" name [ "@" host ]       name: letters a-z, digits, "_"; before a host also "." and "-" inside
    hashtag  =  "#" tag                     tag: letters, marks and digits of any script, "_", not digits alone
    link     =  ( "http" / "https" ) "://" host [ ":" port ] [ path ] [ query ] [ fragment ]

No other scheme is ever a link, nor is an address with user and password in it (it hides its host).
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar
from urllib.parse import quote

import regex

from microblog.domain import counting, normal
from microblog.domain.errors import InvalidInput
from microblog.domain.hosts import host as canonical_host
from microblog.domain.scripts import BIDI_CONTROLS, SPACELESS

T = TypeVar("T")

LINK_LENGTH: Final = 23
"""Characters that a link counts, however long it is; clients of the Mastodon protocol rely on it."""

MAX_LINK: Final = 2048
"""Characters of the longest text that is taken for a link."""

MAX_DOMAIN: Final = 253
"""Characters of a host as written; the canonical form is checked again."""

MAX_TAG: Final = 100
"""Characters of the longest hashtag, as written and as key."""

MAX_RAW: Final = 40_000
"""Characters of a text as typed, before links count as `LINK_LENGTH`. Nothing beyond it is read."""

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
    """``#name`` at ``text[start:end]``; ``key`` is what equal tags share, ``name`` as its author wrote it."""

    start: int
    end: int
    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Link:
    """A web address at ``text[start:end]``.

    ``url`` is pure ASCII and safe in an attribute; ``host`` is its canonical host. ``authority_end`` is where
    in the text the host and port end.
    """

    start: int
    end: int
    url: str
    host: str
    authority_end: int


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
        """Whether nothing in it can be seen."""
        return is_blank(self.text)


def _first_of(pairs: Iterable[tuple[str, T]]) -> tuple[T, ...]:
    firsts: dict[str, T] = {}
    for key, entity in pairs:
        firsts.setdefault(key, entity)
    return tuple(firsts.values())


# --- normal form -----------------------------------------------------------------------------------------

# C0 but for tab and newline, DEL, C1, lone surrogates (no UTF-8 exists for them), byte-order marks, interlinear
# annotation, and the two overrides, which reverse what comes after them and have no use in a post.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufff9-\ufffb\u202d\u202e]+"
)
_LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]")
_BLANK_LINES = re.compile("\n{3,}")
_CLEAN_ASCII = re.compile(r"[ -~\n]*")
_NOT_IN_LINE = re.compile(f"[{BIDI_CONTROLS}]+")
_INVISIBLE = regex.compile(r"[\s\p{C}\p{DI}\p{M}\u2800]*")


def normalise(source: str) -> str:
    """Return the form in which texts are stored: NFC, lines ended by LF, nothing that can't be seen or sent.

    Control characters, lone surrogates and directional overrides go; so do spaces at line ends, blank lines
    beyond one, and marks stacked higher than `normal.MAX_MARKS`. Idempotent. Reads `MAX_RAW` characters.
    """
    return _normalise(source[:MAX_RAW])


def _normalise(text: str) -> str:
    if not _CLEAN_ASCII.fullmatch(text):
        text = _LINE_ENDS.sub("\n", text)
        text = _UNWANTED.sub("", text)
        text = normal.normal("NFC", text)
    text = text.strip()
    if "\n" in text:
        if " \n" in text or "\t\n" in text:
            text = "\n".join([line.rstrip(" \t") for line in text.split("\n")])
        if "\n\n\n" in text:
            text = _BLANK_LINES.sub("\n\n", text)
    return text


def is_blank(text: str) -> bool:
    """Whether nothing in a text can be seen: spaces, invisible characters and marks on nothing."""
    return _INVISIBLE.fullmatch(text) is not None


# --- entities --------------------------------------------------------------------------------------------

_TRIGGER = re.compile("[@#＃]|[hH][tT][tT][pP][sS]?://")
_ASCII_TAG = re.compile(r"[A-Za-z0-9_]+")
_TAG = regex.compile(r"[\p{L}\p{N}_][\p{L}\p{M}\p{N}_]*+(?:[·・\u200c\u200d]++[\p{L}\p{M}\p{N}_]++)*+")
_NOT_IN_KEY = regex.compile(r"[^\p{L}\p{M}\p{N}_·・]|\p{DI}")
_LETTER = regex.compile(r"\p{L}")
_LOCAL_NAME = re.compile(r"[A-Za-z0-9_]{1,31}")
_REMOTE = re.compile(r"([A-Za-z0-9_.-]{1,64})@([\w.\-\u0300-\u036f]{1,253})")
_URL = re.compile(
    '[^\\s<>"`\\\\\x00-\x1f\x7f-\x9f\xad\u180e\u200b\u2060-\u2065\ufeff\ufff9-\ufffb'
    "「」『』（）【】〈〉《》、。，！？：；“”‘’«»…" + BIDI_CONTROLS + "]{1," + str(MAX_LINK + 1) + "}"
)
_AUTHORITY_END = re.compile("[/?#]")
_PORT = re.compile(":([0-9]{1,5})$")
# A top level is never Latin letters followed by letters of a script without spaces: those are the next words.
_HOST_THEN_WORDS = re.compile(rf"((?:[^.]+\.)+[A-Za-z]{{2,}})(?=[{SPACELESS}])[^.]*$")
_SPACELESS = re.compile(f"[{SPACELESS}]")
_TRAILING = frozenset("?!.,:;*_~'")
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~-._|"


def parse(source: str) -> Parsed:
    """Normalise a text and find its mentions, hashtags and links. Never fails, whatever the text."""
    text = normalise(source)
    if "@" not in text and "#" not in text and "://" not in text and "＃" not in text:
        return Parsed(text)
    entities: list[Entity] = []
    position = 0
    while found := _TRIGGER.search(text, position):
        start = found.start()
        trigger = text[start]
        entity: Entity | None
        if trigger == "@":
            entity = _mention(text, start)
        elif trigger in "#＃":
            entity = _hashtag(text, start)
        else:
            entity, skip = _link(text, start, found.end())
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
    """How long a post is, in characters as its reader counts them.

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
    """Return what equal hashtags share (``First``, ``FIRST``, ``ＦＩＲＳＴ``: ``first``), or None if it is no hashtag.

    NFKC case folding (Unicode 3.13, D146) less what is invisible. Idempotent.
    """
    return _hashtag_key(name) if len(name) <= _MAX_RAW_TAG else None


@lru_cache(maxsize=2048)
def _hashtag_key(name: str) -> str | None:
    if name.isascii():
        key = name.lower()
        if not _ASCII_TAG.fullmatch(key) or not _LETTER.search(key):
            return None
    else:
        if not _TAG.fullmatch(normal.normal("NFC", name)):
            return None
        key = name
        for _ in range(3):
            folded = _NOT_IN_KEY.sub("", normal.folded(key)).strip("·・")
            if folded == key:
                break
            key = folded
        if not _LETTER.search(key) or not _TAG.fullmatch(key):
            return None
    return key if len(key) <= MAX_TAG else None


def one_line(source: str, limit: int) -> str:
    """A text on one line of at most `limit` characters: for titles, subjects and notices.

    Nothing in it can end a line, start a control sequence or reorder what stands around it.
    """
    # Whatever is sent as a name is read only as far as a line can reach, however it is padded and decorated.
    text = _NOT_IN_LINE.sub("", _normalise(source[: 20_000 + 40 * limit]))
    return counting.shorten(" ".join(text.split()), limit)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_" or unicodedata.category(character)[0] == "M"


def _is_inside(text: str, start: int) -> bool:
    """Whether what starts here goes on from before: a word, an e-mail address, a path."""
    if start == 0:
        return False
    before = text[start - 1]
    if before in " \n(":
        return False
    if before in "+-" and start > 1:
        return _is_word(text[start - 2])
    return before in "@/=&#＃" or _is_word(before)


def _goes_on(text: str, end: int) -> bool:
    """Whether a name of ASCII letters goes on past its end. Words of scripts without spaces may follow it."""
    if end == len(text):
        return False
    after = text[end]
    if after in " \n.,:":
        return False
    return _is_word(after) and not _SPACELESS.match(after)


def _mention(text: str, start: int) -> Mention | None:
    if _is_inside(text, start):
        return None
    if remote := _REMOTE.match(text, start + 1):
        name = remote[1]
        written = remote[2]
        if cut := _HOST_THEN_WORDS.match(written):
            written = cut[1]
        domain = written.rstrip(".-")
        if "." in domain and name[0] not in ".-" and name[-1] not in ".-" and len(remote[2]) < MAX_DOMAIN:
            try:
                canonical = canonical_host(domain)
            except InvalidInput:
                return None
            return Mention(start, remote.start(2) + len(domain), name.lower(), canonical)
        return None
    local = _LOCAL_NAME.match(text, start + 1)
    if local is None or len(local[0]) > 30 or _goes_on(text, local.end()):
        return None
    return Mention(start, local.end(), local[0].lower())


def _hashtag(text: str, start: int) -> Hashtag | None:
    if _is_inside(text, start):
        return None
    found = _ASCII_TAG.match(text, start + 1, start + MAX_TAG + 2)
    end = found.end() if found else start + 1
    if end < len(text) and not text[end].isascii():
        general = _TAG.match(text, start + 1, start + MAX_TAG + 2)
        if general is None:
            return None
        end = general.end()
    name = text[start + 1 : end]
    if not name or len(name) > MAX_TAG:
        return None
    key = hashtag_key(name)
    return None if key is None else Hashtag(start, end, key, name)


def _link(text: str, start: int, authority: int) -> tuple[Link | None, int]:
    """The link whose scheme is ``text[start:authority]``, and where to go on if it is none."""
    if _is_inside(text, start) and not _SPACELESS.match(text[start - 1]):
        return None, authority
    found = _URL.match(text, authority)
    if found is None or found.end() - start > MAX_LINK:
        return None, authority if found is None else found.end()
    end = _trim(text, authority, found.end())
    authority_end = end
    if slash := _AUTHORITY_END.search(text, authority, end):
        authority_end = slash.start()
    written = text[authority:authority_end]
    if "@" in written:
        # The name before the "@" only pretends to be the host. Nothing of it becomes a link or a mention.
        return None, found.end()
    if not written.isascii() and (cut := _HOST_THEN_WORDS.match(written)):
        end = authority_end = authority + cut.end(1)
        written = cut[1]
    port = ""
    if ":" in written:
        numbered = _PORT.search(written)
        if numbered is None or not 0 < int(numbered[1]) < 65536:
            return None, authority
        port = numbered[0]
        written = written[: numbered.start()]
    if ("." not in written and written.lower() != "localhost") or len(written) > MAX_DOMAIN:
        return None, authority
    try:
        host = canonical_host(written)
    except InvalidInput:
        return None, authority
    scheme = text[start:authority].lower()
    rest = quote(text[authority_end:end], safe=_URL_SAFE) if authority_end < end else ""
    return Link(start, end, f"{scheme}{host}{port}{rest}", host, authority_end), end


def _trim(text: str, start: int, end: int) -> int:
    """Where an address ends: before closing punctuation, and brackets that it doesn't open (GFM 0.29, 6.9)."""
    opened = closed = squares = squared = -1
    while end > start:
        last = text[end - 1]
        if last in _TRAILING:
            end -= 1
            continue
        if last not in "()[]":
            break
        if opened < 0:
            opened, closed = text.count("(", start, end), text.count(")", start, end)
            squares, squared = text.count("[", start, end), text.count("]", start, end)
        if last == "(":
            opened -= 1
        elif last == "[":
            squares -= 1
        elif last == ")" and closed > opened:
            closed -= 1
        elif last == "]" and squared > squares:
            squared -= 1
        else:
            break
        end -= 1
    return end
