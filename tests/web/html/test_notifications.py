"""Notifications, bookmarks and favourites: what is one's own."""

from __future__ import annotations

import pytest

from microblog.domain.posts import Draft
from tests.web.html.html_site import HtmlSite
from tests.web.html.test_public import texts


@pytest.mark.parametrize("path", ["/home", "/notifications", "/bookmarks", "/favourites"])
async def test_anonymous_visitors_are_sent_to_log_in_and_back(html_site: HtmlSite, path: str) -> None:
    answer = await html_site.stranger().get(path)
    assert (answer.status, answer.headers["location"]) == (303, f"/login?next={path}")


@pytest.mark.parametrize("path", ["/home", "/notifications", "/bookmarks", "/favourites"])
async def test_an_empty_page_says_what_to_do(html_site: HtmlSite, path: str) -> None:
    ann = await html_site.person("ann")
    page = await ann.get(path)
    assert page.status == 200
    assert page.html.xpath("//div[@class='nothing']//a")
    assert page.html.xpath("//meta[@name='robots']/@content") == ["noindex"]
    assert page.headers["cache-control"] == "no-store"


async def test_notifications_are_read_once_shown(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    await html_site.microblog.posts.favourite(bob.viewer, post.id)
    await html_site.microblog.follows.follow(bob.viewer, ann.viewer.id)
    await html_site.microblog.posts.publish(bob.viewer, Draft("@ann Good morning", reply_to_id=post.id))
    before = await ann.get("/public")
    assert before.html.xpath("//*[@id='unread']/@data-count") == ["3"]
    page = await ann.get("/notifications")
    lines = [
        " ".join(each.text_content().split())
        for each in page.html.xpath("//div[starts-with(@class, 'notice')]/p[1]/span[2]")
    ]
    assert lines == ["New: bob replied to you", "New: bob follows you now", "New: bob favourited your post"]
    again = await ann.get("/notifications")
    assert not again.html.xpath("//div[contains(@class, 'unread')]")
    assert again.html.xpath("//*[@id='unread']/@hidden")


async def test_notifications_are_visible_to_their_recipient_only(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    await html_site.microblog.posts.bookmark(bob.viewer, post.id)
    await html_site.microblog.posts.favourite(bob.viewer, post.id)
    for path in ("/bookmarks", "/favourites"):
        assert texts(await bob.get(path)) == ["Hello"]
        assert texts(await ann.get(path)) == []
    assert not (await bob.get("/notifications")).html.xpath("//div[starts-with(@class, 'notice')]")
