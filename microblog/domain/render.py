"""Rendering of posts as HTML and as plain text, and the sanitiser of the project.

What `html` makes is a fixed point of `sanitise`; a test holds the two together. It runs through it all the
same, as a second wall. A change of the one requires a change of the other.

Paragraphs carry no ``dir``: clients of the Mastodon protocol expect a bare ``<p>``. A page gives each paragraph the
direction of its own first letter with ``unicode-bidi: plaintext``. Links carry ``dir="ltr"``, which isolates
them: no character outside can reorder an address.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from typing import Final
from urllib.parse import quote

import nh3

from microblog.domain.hosts import shown_host
from microblog.domain.links import Link
from microblog.domain.text import Entity, Hashtag, Parsed

LINK_REL: Final = "nofollow noopener ugc"
SHOWN: Final = 30
"""Characters of a link that are shown. Its host is always shown in full."""


@dataclass(frozen=True, slots=True)
class MentionTarget:
    """The account that a mention resolved to: its name without domain, and its page.

    ``href`` is root-relative (``/@bob``) for ours, absolute for an account from elsewhere.
    """

    name: str
    href: str


def html(parsed: Parsed, mentions: Mapping[str, MentionTarget]) -> str:
    """Return the HTML of a text: paragraphs, line breaks, and links for what it holds.

    ``mentions`` maps `Mention.address` to the account; a mention that isn't in it stays text. Addresses within
    the site are root-relative: see `absolute`.
    """
    text = parsed.text
    if not text:
        return ""
    parts = ["<p>"]
    position = 0
    for entity in parsed.entities:
        rendered = _entity(text, entity, mentions)
        if rendered is None:
            continue
        if position < entity.start:
            parts.append(_lines(text[position : entity.start]))
        parts.append(rendered)
        position = entity.end
    parts.append(_lines(text[position:]))
    parts.append("</p>")
    return sanitise("".join(parts))


def field(parsed: Parsed, mentions: Mapping[str, MentionTarget]) -> str:
    """Return the HTML of a profile field, on one line. Its links say that they are about the account (``rel="me"``).

    `sanitise` gives no other HTML that relation, so that only profile fields claim it.
    """
    inline = html(parsed, mentions).removeprefix("<p>").removesuffix("</p>")
    return _EXTERNAL_LINK.sub(_with_me, inline)


def sanitise(source: str) -> str:
    """Return HTML of any origin, reduced to what a post may contain.

    Formatting without attributes, and links to http and https. Links that leave the site always carry
    `LINK_REL`. Scripts and styles go with their content; other tags go, and leave theirs.
    """
    return _EXTERNAL_LINK.sub(_with_rel, _CLEANER.clean(source))


def absolute(rendered: str, base: str) -> str:
    """Return sanitised HTML with absolute links. ``base`` has no trailing slash."""
    return rendered.replace('<a href="/', f'<a href="{_attribute(base)}/')


def plain(rendered: str) -> str:
    """Return sanitised HTML as plain text with its lines and blank lines, for mail, feeds and the push port."""
    text = _SOURCE_LINES.sub(" ", rendered) if "\n" in rendered else rendered
    if "<" in text:
        text = _ITEM.sub("\n- ", text)
        text = _LINE_BREAK.sub("\n", text)
        text = _PARAGRAPH_END.sub("\n\n", text)
        text = _TAG.sub("", text)
        text = _MANY_LINES.sub("\n\n", text)
    return unescape(text).strip("\n") if "&" in text else text.strip("\n")


_IN_SITE = re.compile(r"/(?![/\\])[^\\\t\n\r]*\Z")
_CLEANER = nh3.Cleaner(
    tags={
        *("p", "br", "a", "span"),
        # What posts from other servers bring along.
        *("b", "strong", "i", "em", "u", "s", "del", "code", "pre", "blockquote", "ul", "ol", "li"),
    },
    clean_content_tags={
        "script",
        "style",
        "title",
        "textarea",
        "noscript",
        "iframe",
        "template",
        "math",
        "svg",
    },
    # Without "*", the library allows lang and title on every tag.
    attributes={"*": set(), "a": {"href"}},
    tag_attribute_values={"a": {"rel": {"tag", LINK_REL}, "dir": {"ltr"}}},
    allowed_classes={
        "a": {"mention", "hashtag", "u-url"},
        "span": {"h-card", "invisible", "ellipsis"},
    },
    link_rel=None,
    url_schemes={"http", "https"},
    # "//host" is relative in form and leaves the site in fact.
    url_relative=lambda url: url if _IN_SITE.match(url) else None,
    strip_comments=True,
)
_EXTERNAL_LINK = re.compile(r'<a((?: [a-z]+="[^"]*")*)>')
_REL = re.compile(r' rel="[^"]*"')
_SOURCE_LINES = re.compile(r"[ \t]*+\n[ \t\n]*+")
_ITEM = re.compile(r"<li>")
_LINE_BREAK = re.compile(r"<br>|</li>")
_PARAGRAPH_END = re.compile(r"</(?:p|blockquote|pre|ul|ol)>")
# A raw "<" ends the search for the end of a tag, so that many of them cost no more than one.
_TAG = re.compile(r'<(?:[^<>"]++|"[^"]*+")*+>')
_MANY_LINES = re.compile(r"\n{3,}")


def _with_rel(found: re.Match[str]) -> str:
    attributes = found[1]
    if ' href="http' not in attributes.lower() or f' rel="{LINK_REL}"' in attributes:
        return found[0]
    return f'<a{_REL.sub("", attributes)} rel="{LINK_REL}">'


def _with_me(found: re.Match[str]) -> str:
    return found[0].replace(f' rel="{LINK_REL}"', f' rel="me {LINK_REL}"')


def _entity(text: str, entity: Entity, mentions: Mapping[str, MentionTarget]) -> str | None:
    if isinstance(entity, Link):
        return _link(text, entity)
    if isinstance(entity, Hashtag):
        return (
            f'<a href="/tags/{quote(entity.key, safe="")}" class="mention hashtag" rel="tag">'
            f"{text[entity.start]}<span>{_escape(entity.name)}</span></a>"
        )
    target = mentions.get(entity.address)
    if target is None:
        return None
    return (
        f'<span class="h-card"><a href="{_attribute(target.href)}" class="u-url mention">'
        f"@<span>{_escape(target.name)}</span></a></span>"
    )


def _link(text: str, link: Link) -> str:
    scheme, _, address = link.url.partition("://")
    authority = re.split("[/?#]", address, maxsplit=1)[0]
    shown = shown_host(link.host) + authority[len(link.host) :]
    visible = max(SHOWN, len(shown))
    shown += text[link.authority_end : link.end]
    start = f'<a href="{_attribute(link.url)}" dir="ltr" rel="{LINK_REL}"><span class="invisible">{scheme}://</span>'
    # One character more takes the place of the ellipsis.
    if len(shown) <= visible + 1:
        return f"{start}<span>{_escape(shown)}</span></a>"
    return (
        f'{start}<span class="ellipsis">{_escape(shown[:visible])}</span>'
        f'<span class="invisible">{_escape(shown[visible:])}</span></a>'
    )


def _lines(text: str) -> str:
    escaped = _escape(text)
    if "\n" in escaped:
        escaped = escaped.replace("\n\n", "</p><p>").replace("\n", "<br>")
    return escaped


def _escape(text: str) -> str:
    """Escape text as the HTML standard serialises it (13.3): non-breaking spaces, but not quotes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\xa0", "&nbsp;")


def _attribute(text: str) -> str:
    return _escape(text).replace('"', "&quot;")
