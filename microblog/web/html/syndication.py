"""Feeds of posts in three formats.

================ ============================== =========================================
``atom``         Atom 1.0, RFC 4287             ``application/atom+xml``
``rss``          RSS 2.0, rssboard.org          ``application/rss+xml``
``json``         JSON Feed 1.1, jsonfeed.org    ``application/feed+json``
================ ============================== =========================================

A feed has public posts only, no boosts.  All addresses are absolute.  A post with a content warning has the warning as
its title and folds its text behind it.  A sensitive post without a warning is titled "Sensitive content".
Characters that XML 1.0 cannot hold (section 2.2: most control characters) are removed, so that no post breaks a feed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from types import MappingProxyType
from typing import Any, Final
from xml.etree import ElementTree as ET

import msgspec

from microblog.domain import render
from microblog.domain.posts import Post
from microblog.domain.text import one_line
from microblog.domain.visibility import Visibility

#: the length of an entry's title in graphemes
TITLE_LENGTH: Final = 80
#: the maximum number of entries in a feed
LENGTH: Final = 20

_ATOM: Final = "http://www.w3.org/2005/Atom"
_DUBLIN_CORE: Final = "http://purl.org/dc/elements/1.1/"
_XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
for _prefix, _uri in (("dc", _DUBLIN_CORE), ("atom", _ATOM)):
    ET.register_namespace(_prefix, _uri)

_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One post, ready for each format: texts are plain, ``content`` is HTML with absolute addresses."""

    url: str
    title: str
    content: str
    summary: str | None  #: the content warning
    published: datetime
    updated: datetime
    author: str
    author_url: str
    author_avatar: str
    language: str | None
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed in no particular format. ``page`` and ``address`` are the absolute URLs of its page and of itself."""

    title: str
    description: str
    page: str
    address: str
    icon: str | None
    updated: datetime
    entries: tuple[Entry, ...]

    @classmethod
    def of(
        cls,
        posts: list[Post],
        *,
        base: str,
        title: str,
        description: str,
        path: str,
        own_path: str,
        icon: str | None = None,
        since: datetime,
    ) -> Feed:
        """Build a feed of those of ``posts`` (newest first) that are public and no boosts, at most ``LENGTH``.

        ``base`` is the site's public URL, ``path`` the page's, ``own_path`` the feed's; ``icon`` is a path too.
        ``since`` is the time of a feed without entries (RFC 4287 requires one).
        """
        shown = [post for post in posts if post.visibility is Visibility.PUBLIC and post.boost_of is None]
        entries = tuple(_entry(post, base) for post in shown[:LENGTH])
        return cls(
            title=title,
            description=description,
            page=base + path,
            address=base + own_path,
            icon=None if icon is None else base + icon,
            updated=max((entry.updated for entry in entries), default=since),
            entries=entries,
        )


def _entry(post: Post, base: str) -> Entry:
    content = render.absolute(post.html, base)
    if post.summary:
        title = one_line(f"CW: {post.summary}", TITLE_LENGTH)
        content = f"<details><summary>{escape(post.summary)}</summary>{content}</details>"
    elif post.sensitive:
        title = "Sensitive content"
        content = f"<details><summary>Sensitive content</summary>{content}</details>"
    else:
        title = one_line(post.text, TITLE_LENGTH)
    return Entry(
        url=base + post.path,
        title=title,
        content=content,
        summary=post.summary or None,
        published=post.created_at,
        updated=post.edited_at or post.created_at,
        author=f"{post.author.shown_name} (@{post.author.address})",
        author_url=base + post.author.path,
        author_avatar=f"{base}/avatars/{post.author.id}.svg",
        language=post.language,
        tags=post.tags,
    )


def atom(feed: Feed) -> bytes:
    """Write a feed as Atom 1.0 (RFC 4287). The id of an entry is its permanent address (section 4.2.6)."""
    root = ET.Element("feed", {"xmlns": _ATOM})
    _add(root, "id", feed.page)
    _add(root, "title", feed.title)
    if feed.description:
        _add(root, "subtitle", feed.description)
    _add(root, "updated", _rfc3339(feed.updated))
    _add(root, "link", rel="self", type="application/atom+xml", href=feed.address)
    _add(root, "link", rel="alternate", type="text/html", href=feed.page)
    if feed.icon:
        _add(root, "icon", feed.icon)
    _add(root, "generator", "Microblog")
    for entry in feed.entries:
        node = ET.SubElement(root, "entry")
        if entry.language:
            node.set(_XML_LANG, entry.language)
        _add(node, "id", entry.url)
        _add(node, "title", entry.title)
        author = ET.SubElement(node, "author")
        _add(author, "name", entry.author)
        _add(author, "uri", entry.author_url)
        _add(node, "published", _rfc3339(entry.published))
        _add(node, "updated", _rfc3339(entry.updated))
        _add(node, "link", rel="alternate", type="text/html", href=entry.url)
        for tag in entry.tags:
            _add(node, "category", term=tag)
        if entry.summary:
            _add(node, "summary", entry.summary)
        _add(node, "content", entry.content, type="html")
    return _document(root)


def rss(feed: Feed) -> bytes:
    """Write a feed as RSS 2.0 by the RSS Advisory Board, with its recommended ``atom:link rel="self"``."""
    root = ET.Element("rss", {"version": "2.0"})
    channel = ET.SubElement(root, "channel")
    _add(channel, "title", feed.title)
    _add(channel, "link", feed.page)
    _add(channel, "description", feed.description or feed.title)
    _add(channel, f"{{{_ATOM}}}link", rel="self", type="application/rss+xml", href=feed.address)
    _add(channel, "lastBuildDate", _rfc822(feed.updated))
    _add(channel, "generator", "Microblog")
    if feed.icon:
        image = ET.SubElement(channel, "image")
        _add(image, "url", feed.icon)
        _add(image, "title", feed.title)
        _add(image, "link", feed.page)
    for entry in feed.entries:
        item = ET.SubElement(channel, "item")
        _add(item, "title", entry.title)
        _add(item, "link", entry.url)
        _add(item, "guid", entry.url, isPermaLink="true")
        _add(item, "pubDate", _rfc822(entry.published))
        # RSS's own <author> is a mail address, which is private here.
        _add(item, f"{{{_DUBLIN_CORE}}}creator", entry.author)
        if entry.language:
            _add(item, f"{{{_DUBLIN_CORE}}}language", entry.language)
        for tag in entry.tags:
            _add(item, "category", tag)
        _add(item, "description", entry.content)
    return _document(root)


def json_feed(feed: Feed) -> bytes:
    """Write a feed as JSON Feed 1.1."""
    document: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.page,
        "feed_url": feed.address,
    }
    if feed.description:
        document["description"] = feed.description
    if feed.icon:
        document["icon"] = feed.icon
    document["items"] = [_json_item(entry) for entry in feed.entries]
    return msgspec.json.encode(document)


def _json_item(entry: Entry) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": entry.url,
        "url": entry.url,
        "title": entry.title,
        "content_html": entry.content,
        "date_published": _rfc3339(entry.published),
        "date_modified": _rfc3339(entry.updated),
        "authors": [{"name": entry.author, "url": entry.author_url, "avatar": entry.author_avatar}],
    }
    if entry.summary:
        item["summary"] = entry.summary
    if entry.tags:
        item["tags"] = list(entry.tags)
    if entry.language:
        item["language"] = entry.language
    return item


#: the writer and the media type for each file extension
FORMATS: Final[Mapping[str, tuple[Callable[[Feed], bytes], str]]] = MappingProxyType(
    {
        "atom": (atom, "application/atom+xml; charset=utf-8"),
        "rss": (rss, "application/rss+xml; charset=utf-8"),
        "json": (json_feed, "application/feed+json; charset=utf-8"),
    }
)


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> None:
    node = ET.SubElement(parent, name, {key: _NOT_XML.sub("", value) for key, value in attributes.items()})
    if text is not None:
        node.text = _NOT_XML.sub("", text)


def _document(root: ET.Element) -> bytes:
    body: bytes = ET.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + body


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rfc822(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0))
