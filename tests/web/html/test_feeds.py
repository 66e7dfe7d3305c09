"""Feeds, as a reader fetches them."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from tests.http.client import Page
from tests.web.html.html_site import HtmlSite

EXTENSIONS = {
    "atom": "application/atom+xml; charset=utf-8",
    "rss": "application/rss+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}
PATHS = ["/@ann.{}", "/@ann/feed.{}", "/tags/first.{}", "/public.{}"]


def addresses(page: Page) -> list[str]:
    """Of the entries, in order."""
    if page.headers["content-type"].startswith("application/feed+json"):
        return [item["url"] for item in page.json()["items"]]
    root = ET.fromstring(page.content)
    atom = root.findall("{http://www.w3.org/2005/Atom}entry/{http://www.w3.org/2005/Atom}id")
    return [str(node.text) for node in atom or root.findall("channel/item/guid")]


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("path", PATHS)
async def test_each_feed_comes_in_each_format(html_site: HtmlSite, path: str, extension: str) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello #first <b>& all</b>"))
    page = await html_site.stranger().get(path.format(extension))
    assert page.status == 200
    assert page.headers["content-type"] == EXTENSIONS[extension]
    assert addresses(page) == [f"http://localhost:8000{post.path}"]
    assert f"http://localhost:8000{path.format(extension)}" in page.text.replace("\\/", "/")


async def test_feed_holds_public_posts_for_each_viewer(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    publish = html_site.microblog.posts.publish
    for visibility in Visibility:
        await publish(ann.viewer, Draft(f"{visibility} #first @bob", visibility=visibility))
    theirs = await publish(bob.viewer, Draft("From Bob"))
    await html_site.microblog.posts.boost(ann.viewer, theirs.id)
    for path in ("/@ann.atom", "/tags/first.atom"):
        for browser in (html_site.stranger(), bob.browser, ann.browser):
            page = await browser.get(path)
            assert len(addresses(page)) == 1
            assert "public #first" in page.text
            assert "From Bob" not in page.text
            assert page.headers["cache-control"] == "public, max-age=60"


@pytest.mark.parametrize("path", ["/@nobody.atom", "/tags/%20.atom", "/tags/12.rss", "/@ann.xml"])
async def test_feed_of_a_nonexistent_account_is_not_found(html_site: HtmlSite, path: str) -> None:
    await html_site.person("ann")
    assert (await html_site.stranger().get(path)).status == 404


@pytest.mark.parametrize("extension", EXTENSIONS)
async def test_empty_feed_is_valid(html_site: HtmlSite, extension: str) -> None:
    page = await html_site.stranger().get(f"/public.{extension}")
    assert page.status == 200
    assert addresses(page) == []


@pytest.mark.parametrize("extension", EXTENSIONS)
async def test_unchanged_feed_is_not_sent_again(html_site: HtmlSite, extension: str) -> None:
    ann = await html_site.person("ann")
    await html_site.microblog.posts.publish(ann.viewer, Draft("First"))
    browser, path = html_site.stranger(), f"/@ann.{extension}"
    first = await browser.get(path)
    again = await browser.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    await html_site.microblog.posts.publish(ann.viewer, Draft("Second"))
    assert (await browser.get(path, headers={"If-None-Match": first.headers["etag"]})).status == 200


@pytest.mark.parametrize("extension", ["rss", "atom", "json"])
@pytest.mark.parametrize("change", ["second post", "edit", "deletion", "deletion of the only post"])
async def test_reader_learns_of_each_change_at_once(html_site: HtmlSite, extension: str, change: str) -> None:
    """Also within the second in which the feed was read, whichever condition the reader sends."""
    ann = await html_site.person("ann")
    posts = html_site.microblog.posts
    post = await posts.publish(ann.viewer, Draft("Regretted"))
    if change == "deletion":
        await posts.publish(ann.viewer, Draft("Another"))
    browser, path = html_site.stranger(), f"/@ann.{extension}"
    first = await browser.get(path)
    assert "last-modified" not in first.headers
    if change == "second post":
        await posts.publish(ann.viewer, Draft("Second"))
    elif change == "edit":
        await posts.edit(ann.viewer, post.id, Draft("Corrected"))
    else:
        await posts.delete(ann.viewer, post.id)
    for condition in (
        {"If-None-Match": first.headers["etag"]},
        {"If-Modified-Since": first.headers["date"]},
        {"If-Modified-Since": first.headers["date"], "If-None-Match": first.headers["etag"]},
    ):
        again = await browser.get(path, headers=condition)
        assert again.status == 200
        assert again.text != first.text


@pytest.mark.parametrize("nonsense", ["yesterday", "", "Thu, 99 Foo 2026 99:99:99 GMT", "\xff"])
async def test_invalid_date_is_ignored(html_site: HtmlSite, nonsense: str) -> None:
    page = await html_site.stranger().get("/public.rss", headers={"If-Modified-Since": nonsense})
    assert page.status == 200


async def test_scripts_of_other_sites_may_read_feeds(html_site: HtmlSite) -> None:
    page = await html_site.stranger().get("/public.json")
    assert page.headers["access-control-allow-origin"] == "*"
    value: Any = json.loads(page.content)
    assert value["version"] == "https://jsonfeed.org/version/1.1"


async def test_hashtag_in_any_script_has_a_feed(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    await html_site.microblog.posts.publish(ann.viewer, Draft("こんにちは #日本"))
    page = await html_site.stranger().get("/tags/%E6%97%A5%E6%9C%AC.atom")
    assert len(addresses(page)) == 1
    assert "http://localhost:8000/tags/%E6%97%A5%E6%9C%AC.atom" in page.text
