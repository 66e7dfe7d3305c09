"""Full-text search: the tokens of a text, and the syntax of queries.

PostgreSQL's own parser makes one token of a Japanese sentence, and a syntax error of an unlucky query. So words
are found here, for both sides alike; PostgreSQL gets letters and digits between spaces, and stores, ranks and matches
them under its ``simple`` configuration.

    document   'Café 東京都 https://example.org/x'  →  'café 東京 京都 都 example org cafe 東京 …'
    query      'café "東京都" -tea par'             →  'café' & ('東京' <-> '京都') & !'tea' & 'par':*

Words are case-folded (NFKC). A text with accents is indexed twice, with and without: an accent in a query insists,
its absence doesn't. Scripts without spaces become overlapping pairs of characters, and the last character of a run
stands alone as well, so that a query of one character finds it by prefix wherever it is.

A link stands in a document by its host alone. A post is also indexed under a word for each whole address, so that an
address in a query finds the posts that link to it.

A query, in full::

    query    = *( [ "-" ] ( word / phrase / address ) / operator )
    phrase   = DQUOTE words DQUOTE                         the words side by side
    operator = "from:" name / "language:" code / "before:" date / "after:" date
"""

import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

import regex

from microblog.domain import normalisation
from microblog.domain.errors import InvalidInput
from microblog.domain.hosts import host, shown_host
from microblog.domain.ids import parse_id
from microblog.domain.language import language_code
from microblog.domain.links import MAX_LINK, Link, address_token
from microblog.domain.scripts import SPACELESS
from microblog.domain.text import Parsed, parse

MAX_QUERY: Final = 500
"""Characters of a query that are read. The rest is ignored."""

MAX_TERMS: Final = 20
"""Words and phrases of a query that are searched. The rest is ignored."""

MAX_TOKEN: Final = 100
"""Characters of a word that are indexed and searched. PostgreSQL refuses words above 2 KB."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A parsed query.

    ``tsquery`` is for ``to_tsquery('simple', …)`` and never a syntax error; empty when there are no words to look for.
    ``author`` is a name or ``name@domain``. ``after`` and ``before`` are days, both exclusive.
    ``words`` are the plain words, for people and hashtags.
    """

    tsquery: str
    words: str = ""
    author: str | None = None
    language: str | None = None
    after: date | None = None
    before: date | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the query has no criteria."""
        return not (self.tsquery or self.author or self.language or self.after or self.before)


@dataclass(frozen=True, slots=True)
class SitePage:
    """A page of this site: an account, or a post by it."""

    name: str
    post_id: int | None = None


_ASCII_WORD = re.compile(r"[a-z0-9]+")
_WORD = regex.compile(
    rf"[{SPACELESS}][{SPACELESS}\p{{M}}]*|[[\p{{L}}\p{{Nd}}]--[{SPACELESS}]]"
    rf"(?:[[\p{{L}}\p{{Nd}}]--[{SPACELESS}]]|\p{{M}})*",
    regex.V1,
)
_SPACELESS = re.compile(f"[{SPACELESS}]")
_LETTER_OF_RUN = regex.compile(r"[\p{L}\p{Nd}]\p{M}*")
# Points and accents that people omit when they type. In other scripts, readers treat marks as letters.
_ACCENTS = regex.compile(r"([\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}])\p{Mn}+")
_BARE = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d"})
_TERM = regex.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')
_OPERATOR = re.compile(r"(from|language|lang|before|after):(.+)", re.IGNORECASE)
_SITE_PAGE = re.compile(r"/@(?P<name>[A-Za-z0-9_]{1,30})(?:/(?P<id>[0-9]{1,19}))?(?:[/?#]|\Z)")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂「」『』", '"') | {"\u3000": " ", "\x00": " "})


def document(source: str | Parsed) -> str:
    """Return the tokens of a text, between spaces, for ``to_tsvector('simple', …)``. A link counts as its host."""
    parsed = source if isinstance(source, Parsed) else parse(source)
    parts: list[str] = []
    position = 0
    for entity in parsed.entities:
        if isinstance(entity, Link):
            parts += [parsed.text[position : entity.start], shown_host(entity.host)]
            position = entity.end
    parts.append(parsed.text[position:])
    tokens = " ".join(_tokens(" ".join(parts)))
    bare = _without_accents(tokens)
    return tokens if bare == tokens else f"{tokens} {bare}"


def indexed(parsed: Parsed, summary: str = "") -> str:
    """Return the tokens that a post is indexed under: those of its warning and text, and one for each address."""
    tokens = document(f"{summary}\n{parsed.text}" if summary else parsed)
    return " ".join([tokens, *(address_token(link.url) for link in parsed.links)]).lstrip()


def parse_query(source: str) -> SearchQuery:
    """Parse a typed query. Never fails: a malformed operator is a word."""
    text = (
        source[:MAX_LINK] if "://" in source[:MAX_QUERY] and _link(source[:MAX_LINK]) else source[:MAX_QUERY]
    )
    text = text.translate(_QUOTES)
    wanted: list[str] = []
    unwanted: list[str] = []
    words: list[str] = []
    author: str | None = None
    language: str | None = None
    after: date | None = None
    before: date | None = None
    for found in list(_TERM.finditer(text))[: 4 * MAX_TERMS]:
        if (word := found["word"]) and not found["minus"] and (operator := _OPERATOR.fullmatch(word)):
            name, value = operator[1].lower(), operator[2]
            if name == "from" and (address := _address(value)):
                author = address
                continue
            if name in ("language", "lang") and (code := _language(value)):
                language = code
                continue
            if name == "after" and (day := _day(value)):
                after = day
                continue
            if name == "before" and (day := _day(value)):
                before = day
                continue
        if len(wanted) + len(unwanted) == MAX_TERMS:
            break
        written = word if word is not None else found["phrase"]
        # Only the word under the typist's hands may be unfinished.
        unfinished = word is not None and found.end() == len(text) and not found["minus"]
        link = _link(written) if "://" in written else None
        term = _term(written, unfinished) if link is None else _link_term(link)
        if not term:
            continue
        if found["minus"]:
            unwanted.append(f"!{term}")
        else:
            wanted.append(term)
            words.append(written)
    # "Everything but" has no index to start from, unless an operator gives one.
    terms = wanted + unwanted if wanted or author else []
    return SearchQuery(" & ".join(terms), " ".join(words), author, language, after, before)


def page_at(source: str, netloc: str) -> SitePage | None:
    """Return the page of this site that a text is the address of, with or without a scheme, or None.

    ``netloc`` is the site's host, with its port where there is one.
    """
    written = source[:MAX_LINK].strip()
    if "://" not in written:
        written = f"https://{written}"
    entities = parse(written).entities
    if len(entities) != 1 or not isinstance(link := entities[0], Link) or len(written) > link.end:
        return None
    there, slash, path = link.url.partition("://")[2].partition("/")
    found = _SITE_PAGE.match(unquote(slash + path)) if there.lower() == netloc.lower() else None
    if found is None:
        return None
    post_id = parse_id(found["id"]) if found["id"] else None
    return None if found["id"] and post_id is None else SitePage(found["name"], post_id)


def query(source: str) -> str:
    """Return the words of a typed query for ``to_tsquery('simple', …)``, or an empty text."""
    return parse_query(source).tsquery


def _tokens(text: str) -> list[str]:
    """Return the tokens that a text is indexed under, in order."""
    if text.isascii():
        return [word[:MAX_TOKEN] for word in _ASCII_WORD.findall(text.lower())]
    tokens: list[str] = []
    for word in _WORD.findall(normalisation.fold(text)):
        if not _SPACELESS.match(word):
            tokens.append(word[:MAX_TOKEN])
            continue
        letters = _letters(word)
        tokens += [first + second for first, second in pairwise(letters)]
        tokens += letters[-1:]
    return tokens


def _letters(run: str) -> list[str]:
    if run.isalnum():
        return list(run)
    # A letter with its marks; what has more of them than writing has is cut.
    return [letter[:8] for letter in _LETTER_OF_RUN.findall(run)]


def _term(written: str, unfinished: bool) -> str:
    """Return a word or phrase as part of a tsquery, or an empty text if nothing in it is indexed."""
    words = _WORD.findall(normalisation.fold(written))
    tokens: list[str] = []
    for number, word in enumerate(words):
        if not _SPACELESS.match(word):
            tokens.append(f"'{word[:MAX_TOKEN]}'")
            continue
        letters = _letters(word)
        pairs = [f"'{first}{second}'" for first, second in pairwise(letters)]
        if number < len(words) - 1:
            # The run ends here in the document too, with its last letter alone.
            tokens += pairs + [f"'{letter}'" for letter in letters[-1:]]
        elif pairs:
            tokens += pairs
        else:
            tokens += [f"'{letter}':*" for letter in letters]
    if not tokens:
        return ""
    if unfinished and not tokens[-1].endswith(":*") and not _SPACELESS.match(words[-1]):
        tokens[-1] += ":*"
    return tokens[0] if len(tokens) == 1 else f"({' <-> '.join(tokens)})"


def _without_accents(tokens: str) -> str:
    if tokens.isascii():
        return tokens
    bare = _ACCENTS.sub(r"\1", normalisation.normal_form("NFD", tokens))
    return normalisation.normal_form("NFC", bare).translate(_BARE)


def _link(written: str) -> Link | None:
    """Return the link that makes up the whole text, or None."""
    entities = parse(written).entities
    if len(entities) != 1 or not isinstance(link := entities[0], Link):
        return None
    return link if (link.start, link.end) == (0, len(written.strip())) else None


def _link_term(link: Link) -> str:
    """Return the term for posts that link to an address, or to any page of a site for the address of the site."""
    if link.url.partition("://")[2].partition("/")[2]:
        return f"'{address_token(link.url)}'"
    return _term(shown_host(link.host), unfinished=False)


def _address(value: str) -> str | None:
    name, _, domain = value.removeprefix("@").lower().partition("@")
    if not re.fullmatch(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?", name):
        return None
    if not domain:
        return name
    try:
        return f"{name}@{host(domain)}"
    except InvalidInput:
        return None


def _language(value: str) -> str | None:
    try:
        return language_code(value)
    except InvalidInput:
        return None


def _day(value: str) -> date | None:
    if not _DAY.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
