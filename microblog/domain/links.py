"""Links in a text: where an address begins and ends.

    link  =  ( "http" / "https" ) "://" host [ ":" port ] [ path ] [ query ] [ fragment ]

No other scheme is ever a link, nor is an address with user and password in it (it hides its host). Hosts are those
that browsers open (WHATWG URL, 3.5). Unicode properties decide what ends an address: white space, quotation marks,
closing punctuation of any script, brackets that the address does not open.

`static/composer.js` has the same rules for the composer's counter; a test compares the two.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import regex

from microblog.domain.errors import InvalidInput
from microblog.domain.hosts import host as canonical_host
from microblog.domain.hosts import link_host
from microblog.domain.word_boundaries import KEYCAP, link_starts_inside_word

MAX_LINK: Final = 2048
"""Characters of the longest link."""

MAX_DOMAIN: Final = 253
"""Characters of a host as written. The canonical form is checked again."""


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


# What no address goes past: spaces, controls, invisible characters but joiners, what HTML and RFC 3986 (appendix C)
# delimit addresses with, and, outside ASCII, quotes, brackets and what ends a sentence or clause.
_STOP: Final = (
    r"\s\p{Cc}\p{Cs}[\p{Cf}--[\u200c\u200d]]<>\"`\\"
    r"[[\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Quotation_Mark}\p{Terminal_Punctuation}\u2025\u2026]--[\x00-\x7f]]"
)
_NO_EMOJI: Final = rf"(?![0-9#*]{KEYCAP})"
_AUTHORITY = regex.compile(rf"(?:{_NO_EMOJI}[^{_STOP}/?#]){{1,{MAX_LINK}}}+", regex.V1)
_REST = regex.compile(rf"(?:{_NO_EMOJI}[^{_STOP}]){{1,{MAX_LINK}}}+", regex.V1)

# A top level is letters of Latin, or of other scripts: where the one follows the other, the text goes on.
_LATIN_TOP: Final = (
    rf"(?:[xX][nN]--[A-Za-z0-9-]*[A-Za-z0-9]"
    rf"|\p{{Latin}}(?:[\p{{Latin}}\p{{M}}0-9](?!{KEYCAP})|[-_](?=[A-Za-z0-9](?!{KEYCAP})))*+)"
)
_OTHER_TOP: Final = rf"(?:[[\p{{L}}\p{{M}}]--\p{{Latin}}](?!{KEYCAP}))++"
_WORD: Final = r"[[\p{L}\p{N}\p{M}_-]--\p{Extended_Pictographic}]"
_IPV4: Final = rf"[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}(?!{KEYCAP}|{_WORD}|\.[\p{{L}}\p{{N}}])"


def _host_pattern(characters: str, alone: str = "") -> regex.Pattern[str]:
    label = rf"(?:[{characters}](?!{KEYCAP})){{1,63}}+"
    return regex.compile(rf"(?:{label}\.){{1,126}}(?:{_LATIN_TOP}|{_OTHER_TOP})|{_IPV4}{alone}", regex.V1)


#: Browsers open hosts with underscores and emoji in them. A top level has neither, so that the host ends before them.
_LINK_HOST = _host_pattern(
    r"\p{L}\p{N}\p{M}\p{So}\p{Sk}\u200c\u200d_-",
    alone=rf"|[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt](?!{_WORD}|\.[\p{{L}}\p{{N}}])",
)
_REMOTE_HOST = _host_pattern(r"\p{L}\p{N}\p{M}_-")
# What most addresses are, told apart by the faster engine. The space after them ends an address in any case.
_PLAIN_HOST = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.){1,126}[A-Za-z]{2,63}(?=[/ \n]|\Z)")
_PLAIN_REST = re.compile(rf"/[A-Za-z0-9/_.~%=&?+#-]{{0,{MAX_LINK - 1}}}(?=[ \n]|\Z)")
_PORT = regex.compile(r":([0-9]{1,5})(?![0-9A-Za-z])")
_BAD_PORT = regex.compile(r":[0-9A-Za-z]")
_MARK = regex.compile(r"[\p{M}\u200c\u200d]")
_PUNCTUATION = regex.compile(r"[?!.,:;*_~'|^]|[[\p{P}\p{S}\p{Extended_Pictographic}]--[\x00-\x7f]]", regex.V1)
_LAST_SLASH = regex.compile(r"/(?=\?|\Z)")  # of the path
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}
_URL_SAFE: Final = "!#$%&'()*+,/:;=?@[]~-._|"


def remote_host(text: str, start: int) -> tuple[str, int] | None:
    """Return the canonical host of a mention that begins at ``start`` and its end, or None if it is no host."""
    found = _REMOTE_HOST.match(text, start)
    if found is None or found.end() - start > MAX_DOMAIN:
        return None
    try:
        return canonical_host(found[0]), found.end()
    except InvalidInput:
        return None


def find_link(text: str, start: int, authority: int) -> tuple[Link | None, int]:
    """Return the link whose scheme is ``text[start:authority]``, or None, and the position to continue from."""
    if link_starts_inside_word(text, start):
        return None, authority
    found: re.Match[str] | regex.Match[str] | None = _PLAIN_HOST.match(text, authority)
    if found is not None:
        written_end = found.end()
    else:
        written = _AUTHORITY.match(text, authority)
        if written is None:
            return None, authority
        written_end = written.end()
        if "@" in written[0]:
            # The name before the "@" only pretends to be the host. Nothing of it becomes a link or a mention.
            rest = _REST.match(text, authority)
            return None, rest.end() if rest else authority
        found = _LINK_HOST.match(text, authority, written_end)
    if found is None or len(found[0]) > MAX_DOMAIN:
        return None, authority
    try:
        host = link_host(found[0])
    except InvalidInput:
        return None, authority
    end = found.end()
    port = ""
    if numbered := _PORT.match(text, end, written_end):
        if not 0 < int(numbered[1]) < 65536:
            return None, authority
        port = numbered[0]
        end = numbered.end()
    elif _BAD_PORT.match(text, end, written_end):
        return None, authority
    authority_end = end
    path = ""
    if end == written_end and text[end : end + 1] in ("/", "?", "#"):
        run: re.Match[str] | regex.Match[str] | None = _PLAIN_REST.match(text, end) or _REST.match(text, end)
        if run is not None:
            if run.end() - start > MAX_LINK:
                return None, run.end()
            end = _trimmed(text, end, run.end())
            path = quote(text[authority_end:end], safe=_URL_SAFE)
    scheme = text[start:authority].lower()
    return Link(start, end, f"{scheme}{host}{port}{path}", host, authority_end), end


def address_token(url: str) -> str:
    """Return the search token of an address, under which posts that link to it are indexed.

    It is a hash, so that words of the address do not find the post. ``http`` and ``https``, a fragment, and a slash
    where the path ends make no difference.
    """
    bare = url.partition("://")[2].partition("#")[0]
    bare = _LAST_SLASH.sub("", bare, count=1)
    return "link" + hashlib.md5(bare.encode(), usedforsecurity=False).hexdigest()


def _trimmed(text: str, start: int, end: int) -> int:
    """Return where an address ends: before punctuation, symbols and unmatched brackets (GFM 0.29, 6.9)."""
    counts: dict[str, int] = {}
    while end > start:
        base = end - 1
        while base > start and text[base] > "\u02ff" and _MARK.match(text, base):
            base -= 1
        last = text[base]
        if last in "()[]{}":
            counts = counts or {each: text.count(each, start, end) for each in "()[]{}"}
            opening = _BRACKETS.get(last)
            if opening is not None and counts[last] <= counts[opening]:
                break
            counts[last] -= 1
        elif not _PUNCTUATION.match(last):
            break
        end = base
    return end
