"""Searching."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from lxml import etree

from microblog.domain.posts import Draft
from tests.web.html.people import Village
from tests.web.html.test_public import texts


async def test_people_tags_and_posts_are_found(village: Village) -> None:
    baker = await village.person("baker")
    await village.microblog.posts.publish(baker.viewer, Draft("Fresh bread #baking"))
    page = await village.stranger().get("/search?q=bak")
    assert page.html.xpath("//ul[@class='people']//a/@href") == ["/@baker"]
    assert page.html.xpath("//ul[@class='tagcloud']//a/@href") == ["/tags/baking"]
    assert texts(await village.stranger().get("/search?q=bread")) == ["Fresh bread #baking"]


async def test_the_question_stays_in_the_field(village: Village) -> None:
    query = "\"><script>alert(1)</script> it's"
    page = await village.stranger().get(f"/search?q={quote(query)}")
    assert page.status == 200
    assert page.html.xpath("//input[@name='q']/@value") == [query]
    assert page.html.xpath("//div[@class='nothing']")
    assert not page.html.xpath("//script[not(@src)]")


@pytest.mark.parametrize("query", ["", " ", "'", "&|!", "%%%", "\\", ":*", '"', "-", "a" * 5000, "ก", "雪"])
async def test_nothing_that_is_asked_breaks_it(village: Village, query: str) -> None:
    assert (await village.stranger().get(f"/search?q={quote(query)}")).status == 200


async def test_further_pages_keep_the_question(village: Village) -> None:
    ann = await village.person("ann")
    for number in range(25):
        await village.microblog.posts.publish(ann.viewer, Draft(f"Bread & butter {number}"))
    stranger = village.stranger()
    first = await stranger.get("/search?q=bread%20butter")
    (older,) = first.html.xpath("//a[@rel='next']/@href")
    assert "q=bread%20butter" in older
    assert len(texts(await stranger.get(f"/search{older}"))) == 5


async def test_a_browser_learns_how_to_search_here(village: Village) -> None:
    page = await village.stranger().get("/opensearch.xml")
    root = etree.fromstring(page.content)
    (url,) = root.iter("{http://a9.com/-/spec/opensearch/1.1/}Url")
    assert url.get("template") == "http://localhost:8000/search?q={searchTerms}"
