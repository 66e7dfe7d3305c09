"""Feeds: well-formed whatever is posted, valid by their specifications, honest about warnings."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.posts import Post
from microblog.domain.visibility import Visibility
from microblog.web.html.syndication import FORMATS, LENGTH, Feed, atom, json_feed, rss
from tests.factories import make_account, make_post

ATOM = "{http://www.w3.org/2005/Atom}"
BASE = "https://social.example"
BEGAN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

ANN = make_account(65536, "ann", display_name="Ann & <Co>", created_at=BEGAN, posts_count=1)
POST = make_post(
    70000,
    ANN,
    "Hello @bob #first",
    html='<p>Hello <a href="/@bob">@bob</a> <a href="/tags/first">#first</a></p>',
    created_at=BEGAN,
    tags=("first",),
)


def feed(*posts: Post) -> Feed:
    return Feed.of(
        list(posts),
        base=BASE,
        title="Ann & <Co>",
        description="What Ann writes",
        path="/@ann",
        own_path="/@ann.atom",
        icon="/avatars/65536.svg",
        since=BEGAN,
    )


def entries(written: bytes) -> list[ET.Element]:
    return ET.fromstring(written).findall(f"{ATOM}entry")


def text(node: ET.Element, name: str) -> str:
    found = node.find(name)
    assert found is not None, name
    return found.text or ""


def test_atom_has_the_elements_of_rfc_4287() -> None:
    root = ET.fromstring(atom(feed(POST)))
    assert root.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated"):  # section 4.1.1: exactly one of each
        assert len(root.findall(ATOM + name)) == 1
    links = {node.get("rel"): node.get("href") for node in root.findall(f"{ATOM}link")}
    assert links == {"self": f"{BASE}/@ann.atom", "alternate": f"{BASE}/@ann"}
    (entry,) = root.findall(f"{ATOM}entry")
    for name in ("id", "title", "updated", "published", "author", "content"):  # section 4.1.2
        assert len(entry.findall(ATOM + name)) == 1
    assert text(entry, f"{ATOM}id") == f"{BASE}/@ann/70000"
    assert text(entry, f"{ATOM}published") == "2026-01-02T03:04:05Z"
    assert text(entry, f"{ATOM}author/{ATOM}name") == "Ann & <Co> (@ann)"
    assert [node.get("term") for node in entry.findall(f"{ATOM}category")] == ["first"]
    assert entry.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"


def test_rss_has_the_elements_of_rss_2_0() -> None:
    root = ET.fromstring(rss(feed(POST)))
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    (channel,) = root
    for name in ("title", "link", "description"):
        assert text(channel, name)
    item = channel.find("item")
    assert item is not None
    assert text(item, "guid") == text(item, "link") == f"{BASE}/@ann/70000"
    assert text(item, "pubDate") == "Fri, 02 Jan 2026 03:04:05 +0000"
    assert channel.find(f"{ATOM}link") is not None


def test_json_feed_has_the_members_of_version_1_1() -> None:
    document = json.loads(json_feed(feed(POST)))
    assert document["version"] == "https://jsonfeed.org/version/1.1"
    assert document["title"] == "Ann & <Co>"
    (item,) = document["items"]
    assert item["id"] == item["url"] == f"{BASE}/@ann/70000"
    assert item["date_published"] == "2026-01-02T03:04:05Z"
    assert item["tags"] == ["first"]
    assert item["authors"][0]["url"] == f"{BASE}/@ann"


def test_links_within_posts_are_absolute() -> None:
    for write, _ in FORMATS.values():
        written = write(feed(POST)).decode()
        assert 'href="/' not in written.replace("\\", "").replace("&quot;", '"')
        assert f"{BASE}/tags/first" in written


@pytest.mark.parametrize("visibility", [v for v in Visibility if v is not Visibility.PUBLIC])
def test_feed_has_public_posts_only(visibility: Visibility) -> None:
    assert feed(replace(POST, visibility=visibility)).entries == ()


def test_feed_has_no_boosts() -> None:
    assert feed(replace(POST, text="", html="", boost_of=POST)).entries == ()


def test_a_content_warning_is_the_title_and_the_text_is_folded_behind_it() -> None:
    for write, _ in FORMATS.values():
        written = write(feed(replace(POST, summary="Spoilers <here>", text="He dies", html="<p>He dies</p>")))
        (title, content) = _title_and_content(written)
        assert title == "CW: Spoilers <here>"
        assert content == "<details><summary>Spoilers &lt;here&gt;</summary><p>He dies</p></details>"


def test_a_sensitive_post_does_not_show_its_text_in_the_title() -> None:
    for write, _ in FORMATS.values():
        title, content = _title_and_content(write(feed(replace(POST, sensitive=True))))
        assert title == "Sensitive content"
        assert content.startswith("<details>")


def test_a_long_post_has_a_short_title_on_one_line() -> None:
    (entry,) = feed(replace(POST, text="One\nline, " + "and more " * 60)).entries
    assert entry.title.startswith("One line,")
    assert len(entry.title) <= 81
    assert "\n" not in entry.title


def test_feed_date_is_the_newest_change_or_the_beginning() -> None:
    edited = replace(POST, edited_at=datetime(2026, 5, 5, tzinfo=UTC))
    assert feed(POST, edited).updated == edited.edited_at
    assert feed().updated == BEGAN


def test_feed_has_a_maximum_length() -> None:
    assert len(feed(*[POST] * 100).entries) == LENGTH


@given(st.text(st.characters(codec=None), max_size=60))
def test_no_text_breaks_a_feed(hostile: str) -> None:
    """Control characters, half of a surrogate pair, ``]]>``: what XML can't hold is left out."""
    post = replace(POST, text=hostile, html=f"<p>{hostile}</p>", summary=hostile, tags=(hostile,))
    whole = replace(feed(post), title=hostile, description=hostile)
    assert len(entries(atom(whole))) == 1
    assert len(ET.fromstring(rss(whole)).findall("channel/item")) == 1


@pytest.mark.parametrize("hostile", ["]]>", "\x00\x0b\x1b[31m", "</title><script>", "&nbsp;", "\ufffe\uffff"])
def test_characters_that_xml_forbids_do_not_break_a_feed(hostile: str) -> None:
    written = atom(feed(replace(POST, summary=hostile)))
    (entry,) = entries(written)
    assert text(entry, f"{ATOM}summary") == "".join(c for c in hostile if c >= " " and c < "\ufffe")


def _title_and_content(written: bytes) -> tuple[str, str]:
    if written.startswith(b"{"):
        item: Any = json.loads(written)["items"][0]
        return item["title"], item["content_html"]
    root = ET.fromstring(written)
    entry = root.find(f"{ATOM}entry")
    if entry is not None:
        return text(entry, f"{ATOM}title"), text(entry, f"{ATOM}content")
    item = root.find("channel/item")
    assert item is not None
    return text(item, "title"), text(item, "description")
