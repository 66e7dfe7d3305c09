"""A hashtag's page."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from microblog.domain.posts import Draft
from tests.web.html.html_site import HtmlSite
from tests.web.html.test_public import texts


async def test_page_shows_posts_with_a_tag_in_any_script(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    await html_site.microblog.posts.publish(ann.viewer, Draft("Snow #雪 and #First"))
    await html_site.microblog.posts.publish(ann.viewer, Draft("No tag"))
    for tag in ("first", "雪"):
        page = await html_site.stranger().get(f"/tags/{quote(tag)}")
        assert texts(page) == ["Snow #雪 and #First"]
        assert page.html.xpath("//h1/text()") == [f"#{tag}"]
        assert page.html.xpath("//link[@rel='canonical']/@href") == [
            f"http://localhost:8000/tags/{quote(tag)}"
        ]


@pytest.mark.parametrize("written", ["First", "FIRST", "ｆｉｒｓｔ"])
async def test_other_spellings_of_a_tag_redirect(html_site: HtmlSite, written: str) -> None:
    answer = await html_site.stranger().get(f"/tags/{quote(written)}")
    assert (answer.status, answer.headers["location"]) == (301, "/tags/first")


@pytest.mark.parametrize("written", ["123", "a-b", "<b>", "x" * 101])
async def test_invalid_tag_is_not_found(html_site: HtmlSite, written: str) -> None:
    assert (await html_site.stranger().get(f"/tags/{quote(written)}")).status == 404


async def test_an_unused_tag_offers_to_write_about_it(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    page = await ann.get("/tags/unheard")
    assert page.html.xpath("//div[@class='nothing']//a/@href") == ["/compose?text=%23unheard%20"]
    composer = await ann.get("/compose?text=%23unheard%20")
    assert composer.html.xpath("//textarea[@name='text']")[0].value.strip() == "#unheard"
