"""A page whose posts are all hidden by filters says so, and its links lead on to those that are not."""

from __future__ import annotations

import pytest

from microblog.domain.filters import Context
from microblog.domain.posts import Draft
from microblog.services.filters import KeywordChange
from tests.web.html.html_site import HtmlSite, Person

LISTINGS = (
    "/home",
    "/public",
    "/tags/first",
    "/lists/{list}",
    "/@bob",
    "/@bob/with-replies",
    "/search?q=hello",
)


async def busy(html_site: HtmlSite) -> tuple[Person, int]:
    """Ann, who hides what bob says of rain, of which he has said 25 times after one other post; and her list."""
    microblog = html_site.microblog
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    await microblog.follows.follow(ann.viewer, bob.viewer.id)
    chosen = await microblog.lists.create(ann.viewer, "Friends")
    await microblog.lists.add(ann.viewer, chosen.id, [bob.viewer.id])
    for text in ("hello sun #first @ann", *["hello rain #first @ann"] * 25):
        await microblog.posts.publish(bob.viewer, Draft(text))
    await microblog.filters.create(
        ann.viewer,
        "Weather",
        [each.value for each in Context],
        action="hide",
        keywords=[KeywordChange(keyword="rain")],
    )
    return ann, chosen.id


@pytest.mark.parametrize("path", [*LISTINGS, "/notifications"])
async def test_page_emptied_by_filters_links_to_the_next(html_site: HtmlSite, path: str) -> None:
    ann, list_id = await busy(html_site)
    path = path.format(list=list_id)
    page = await ann.get(path)
    assert "rain" not in page.html.xpath("string(//main//article)")
    assert "hide everything on this page" in page.html.xpath("string(//main)")
    (older,) = page.html.xpath("//a[@rel='next']/@href")
    page = await ann.get(path.partition("?")[0] + older)
    assert "hello sun" in page.html.xpath("string(//main)")


@pytest.mark.parametrize("path", LISTINGS)
async def test_cursor_beyond_the_end_links_back(html_site: HtmlSite, path: str) -> None:
    ann, list_id = await busy(html_site)
    path = path.format(list=list_id)
    page = await ann.get(f"{path}{'&' if '?' in path else '?'}max_id=1")
    if not path.startswith("/search"):
        assert "There are no more posts." in page.text
        assert page.html.xpath("//main//div[@class='nothing']//a/@href") == [path]
    else:
        assert "Nothing was found" in page.text
