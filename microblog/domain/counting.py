"""Text length as readers count it: in grapheme clusters (UAX #29) of bounded size."""

import re
from collections.abc import Iterator
from typing import Final

import regex

CLUSTER_LIMIT: Final = 16
"""The most code points that count as one character.

The longest clusters of ordinary text have about ten (a kissing couple with two skin tones). Without the
limit a single "character" could be a megabyte of stacked accents or joined emoji.
"""

_CLUSTER = regex.compile(r"\X")
# \X looks back to the start of a run of regional indicators, so a long run takes quadratic time. An even number of
# them from its start is always a boundary (GB12, GB13): long runs are cut there.
_FLAGS = regex.compile(r"\p{Regional_Indicator}{2}(?=\p{Regional_Indicator})")

# Characters that never join with a neighbour of the same class: Grapheme_Cluster_Break is Other, and they
# are neither pictographs nor Indic consonants. All else goes through the full algorithm.
_PLAIN = (
    "\n -~\xa0-\xa8\xaa-\xac\xaf-\u02ff"  # Latin; © and ® are pictographs, soft hyphen is a control
    "\u0370-\u0482\u048a-\u0559\u0561-\u0586"  # Greek, Cyrillic, Armenian
    "\u05d0-\u05ea\u0620-\u064a\u0671-\u06d3"  # Hebrew and Arabic letters
    "\u10a0-\u10ff\u1e00-\u1fff"  # Georgian; more Latin and Greek
    "\u2010-\u2027\u2030-\u203b\u20a0-\u20bf"  # punctuation, currency
    "\u3001-\u3020\u3041-\u3096\u309b-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff9d"  # CJK
)
_COMPLEX_RUN = re.compile(f"(?:[{_PLAIN}]?[^{_PLAIN}]+)+[{_PLAIN}]?")
_ANY_COMPLEX = re.compile(f"[^{_PLAIN}]")


def clusters(text: str) -> list[str]:
    """Return the grapheme clusters of a text, in order. Joined, they are the text."""
    return [cluster for part in _parts(text) for cluster in _CLUSTER.findall(part)]


def _parts(text: str) -> Iterator[str]:
    """Split a text between flags, so that no part has more than two of them in a row."""
    position = 0
    for flag in _FLAGS.finditer(text):
        yield text[position : flag.end()]
        position = flag.end()
    yield text[position:]


def graphemes(text: str) -> int:
    """Return the number of characters that a reader sees. A cluster counts once per started `CLUSTER_LIMIT`."""
    if text.isascii() and "\r" not in text:
        return len(text)
    if not _ANY_COMPLEX.search(text):
        return len(text)
    count = len(text)
    for run in _COMPLEX_RUN.finditer(text):
        chunk = run.group()
        found = clusters(chunk)
        count += len(found) - len(chunk)
        if len(chunk) > CLUSTER_LIMIT:
            count += sum((len(cluster) - 1) // CLUSTER_LIMIT for cluster in found)
    return count


def shorten(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text. A text that is cut ends with an ellipsis."""
    if limit < 1:
        return ""
    if len(text) <= limit or (len(text) <= limit * CLUSTER_LIMIT and graphemes(text) <= limit):
        return text
    parts: list[str] = []
    room = limit - 1
    # Each cluster needs at most the limit, so the rest of a huge text is never read.
    for cluster in clusters(text[: (limit + 1) * CLUSTER_LIMIT]):
        room -= 1 + (len(cluster) - 1) // CLUSTER_LIMIT
        if room < 0:
            break
        parts.append(cluster)
    return "".join(parts).rstrip() + "…"
