"""Host names: a canonical form to compare and store, and a form to show that can't deceive.

Everything in the project that compares, stores or fetches a host goes through `host`, so that
``EXAMPLE.com``, ``example.com.`` and ``ｅｘａｍｐｌｅ.com`` are the same host.
"""

import ipaddress
import re
import unicodedata
from functools import lru_cache
from typing import Final

import idna
import regex

from microblog.domain.errors import InvalidInput

MAX_LENGTH: Final = 253
"""Characters of a host name in ASCII form (RFC 1035, 2.3.4)."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_LINK_LABEL = r"[a-z0-9_-]{1,63}"
_LINK_HOST = re.compile(rf"(?:{_LINK_LABEL}\.)*{_LINK_LABEL}")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")

_SCRIPTS: Final = (
    "Arabic Armenian Bengali Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Hebrew Kannada Khmer Lao "
    "Latin Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan"
)
_ONE_SCRIPT = regex.compile(
    "|".join(rf"[\p{{{script}}}\p{{Common}}\p{{Inherited}}]+" for script in _SCRIPTS.split())
    + r"|[\p{Han}\p{Hiragana}\p{Katakana}\p{Common}\p{Inherited}]+"
    + r"|[\p{Han}\p{Hangul}\p{Common}\p{Inherited}]+|[\p{Han}\p{Bopomofo}\p{Common}\p{Inherited}]+"
)
# Letters that look like Latin ones. A label of only these, below a Latin top level, imitates a Latin name.
_LATIN_LOOKALIKE = re.compile("[0-9\\-асԁеһіјӏорԛѕԝхуүъьҽпгѵѡкαικνορτυωηχγεϲϳ]+")


def host(raw: str) -> str:
    """Return the canonical ASCII form of a host name or IPv4 address, in lower case.

    Follows UTS #46 (non-transitional, STD3 rules) to map and RFC 5891 (IDNA 2008) to validate.
    IPv6 literals, underscores and the odd number forms that browsers read as IPv4 are refused.

    Raises InvalidInput.
    """
    name = raw.strip()
    if not name or len(name) > MAX_LENGTH:
        raise InvalidInput("This is not a host name.", field="host")
    return _host(name)


# Names have at most `MAX_LENGTH` characters here, which bounds the memory of the cache.
@lru_cache(maxsize=4096)
def _host(name: str) -> str:
    name = name.lower()
    if not name.isascii() or "xn--" in name:
        try:
            name = idna.encode(name, uts46=True, std3_rules=True).decode("ascii").lower()
        except (UnicodeError, ValueError, IndexError):
            raise InvalidInput(
                "This host name has characters that no host name can have.", field="host"
            ) from None
    name = name.removesuffix(".")
    if len(name) > MAX_LENGTH or not _HOST.fullmatch(name):
        raise InvalidInput("This is not a host name.", field="host")
    if _NUMERIC.fullmatch(name.rpartition(".")[2]):
        try:
            ipaddress.IPv4Address(name)
        except ValueError:
            raise InvalidInput("This is not an IPv4 address.", field="host") from None
    return name


def link_host(raw: str) -> str:
    """Return the ASCII form of a host name in a link, as browsers make it (WHATWG URL, 3.5).

    Unlike `host`, it accepts what browsers open against the rules: underscores, hyphens anywhere, emoji.
    IPv6 literals and the odd number forms of IPv4 are refused all the same.

    Raises InvalidInput.
    """
    if not raw or len(raw) > MAX_LENGTH:
        raise InvalidInput("This is not a host name.", field="host")
    return _link_host(raw)


@lru_cache(maxsize=4096)
def _link_host(name: str) -> str:
    try:
        mapped = name.lower()
        if not mapped.isascii() or "xn--" in mapped:
            labels = idna.uts46_remap(mapped, std3_rules=False).split(".")
            honest = [_valid_label(label) for label in labels]
            if any(unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in "".join(honest)):
                for label in honest:
                    idna.check_bidi(label, check_ltr=True)
            mapped = ".".join(
                label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
                for label in honest
            )
    except (UnicodeError, ValueError, IndexError):
        raise InvalidInput(
            "This host name has characters that no host name can have.", field="host"
        ) from None
    if len(mapped) > MAX_LENGTH or not _LINK_HOST.fullmatch(mapped):
        raise InvalidInput("This is not a host name.", field="host")
    return host(mapped) if _NUMERIC.fullmatch(mapped.rpartition(".")[2]) else mapped


def _valid_label(label: str) -> str:
    """Return a label in Unicode, with punycode decoded, validated by UTS #46, 4.1. Raises ValueError."""
    if label.startswith("xn--"):
        decoded = label[4:].encode("ascii").decode("punycode")
        if decoded.isascii() or idna.uts46_remap(decoded, std3_rules=False) != decoded or "." in decoded:
            raise ValueError(label)
        label = decoded
    if label and unicodedata.category(label[0])[0] == "M":
        raise ValueError(label)
    for position, letter in enumerate(label):
        if letter in "\u200c\u200d" and not idna.valid_contextj(label, position):
            raise ValueError(label)
    return label


def shown_host(canonical: str) -> str:
    """Return the form of a canonical host to show to people.

    Labels are shown in their own letters when these come from one script (UTS #39, 5.2, stricter: no
    mixing with Latin), and stay punycode when they mix scripts or consist of look-alikes of Latin.
    """
    return _shown_host(canonical) if "xn--" in canonical and len(canonical) <= MAX_LENGTH else canonical


@lru_cache(maxsize=4096)
def _shown_host(canonical: str) -> str:
    labels = [_unicode_label(label) for label in canonical.split(".")]
    latin_top = labels[-1].isascii()
    shown = []
    for ascii_label, label in zip(canonical.split("."), labels, strict=True):
        honest = _ONE_SCRIPT.fullmatch(label) and not (latin_top and _LATIN_LOOKALIKE.fullmatch(label))
        shown.append(label if honest else ascii_label)
    return ".".join(shown)


def _unicode_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return idna.ulabel(label)
    except (UnicodeError, ValueError, IndexError):
        return label
