"""Searching."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from lxml import etree

from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from tests.web.html.html_site import HtmlSite
from tests.web.html.test_public import texts


async def test_accounts_tags_and_posts_are_found(html_site: HtmlSite) -> None:
    baker = await html_site.person("baker")
    await html_site.microblog.posts.publish(baker.viewer, Draft("Fresh bread #baking"))
    page = await html_site.stranger().get("/search?q=bak")
    assert page.html.xpath("//ul[@class='people']//a/@href") == ["/@baker"]
    assert page.html.xpath("//ul[@class='tagcloud']//a/@href") == ["/tags/baking"]
    assert texts(await html_site.stranger().get("/search?q=bread")) == ["Fresh bread #baking"]


async def test_query_stays_in_the_field(html_site: HtmlSite) -> None:
    query = "\"><script>alert(1)</script> it's"
    page = await html_site.stranger().get(f"/search?q={quote(query)}")
    assert page.status == 200
    assert page.html.xpath("//input[@name='q']/@value") == [query]
    assert page.html.xpath("//div[@class='nothing']")
    assert not page.html.xpath("//script[not(@src)]")


@pytest.mark.parametrize("query", ["", " ", "'", "&|!", "%%%", "\\", ":*", '"', "-", "a" * 5000, "ก", "雪"])
async def test_no_query_breaks_the_search(html_site: HtmlSite, query: str) -> None:
    assert (await html_site.stranger().get(f"/search?q={quote(query)}")).status == 200


async def test_further_pages_keep_the_query(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    for number in range(25):
        await html_site.microblog.posts.publish(ann.viewer, Draft(f"Bread & butter {number}"))
    stranger = html_site.stranger()
    first = await stranger.get("/search?q=bread%20butter")
    (older,) = first.html.xpath("//a[@rel='next']/@href")
    assert "q=bread%20butter" in older
    assert len(texts(await stranger.get(f"/search{older}"))) == 5


async def test_opensearch_description_is_served(html_site: HtmlSite) -> None:
    page = await html_site.stranger().get("/opensearch.xml")
    root = etree.fromstring(page.content)
    (url,) = root.iter("{http://a9.com/-/spec/opensearch/1.1/}Url")
    assert url.get("template") == "http://localhost:8000/search?q={searchTerms}"


async def test_address_of_this_site_opens_the_post_or_the_profile(html_site: HtmlSite) -> None:
    ann, eve = await html_site.person("ann"), await html_site.person("eve")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    hidden = await html_site.microblog.posts.publish(
        ann.viewer, Draft("Secret", visibility=Visibility.DIRECT)
    )
    site = html_site.microblog.config.public_url
    for typed, there in (
        (f"{site}{post.path}", post.path),
        (f" {site}{post.path}/#p{post.id} ", post.path),
        (f"{site}/@Ann", "/@ann"),
        (f"{site.replace('http:', 'https:')}/%40ann?page=2", "/@ann"),
        (f"{site.removeprefix('http://').upper()}/@ann", "/@ann"),
        (f"{site}{hidden.path}", hidden.path),
    ):
        answer = await ann.get(f"/search?q={quote(typed)}")
        assert (answer.status, answer.headers.get("location")) == (303, there), typed
    for typed in (f"{site}{hidden.path}", f"{site}/@ann/1", f"{site}/@nobody", "https://other.example/@ann"):
        page = await eve.get(f"/search?q={quote(typed)}")
        assert page.status == 200
        assert page.html.xpath("//div[@class='nothing']"), typed


async def test_address_elsewhere_finds_the_posts_that_link_to_it(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    for text in (
        "See https://example.org/story?id=1&x=2#top, good",
        "Also http://example.org/story/",
        "Another https://example.org/other",
        "Only words: example org story",
    ):
        await html_site.microblog.posts.publish(
            ann.viewer, Draft(text, summary="CW" if "Also" in text else "")
        )
    for typed, found in (
        ("https://example.org/story?id=1&x=2", ["See"]),
        ("http://example.org/story?id=1&x=2#other", ["See"]),
        ("https://example.org/story", ["Also"]),
        ("https://example.org/other from:ann", ["Another"]),
        ("https://example.org/", ["Only", "Another", "Also", "See"]),
        ("https://example.org/" + "x" * 1500, []),
    ):
        page = await html_site.stranger().get(f"/search?q={quote(typed)}")
        assert [each.split()[0] for each in texts(page)] == found, typed
