"""Somebody's page."""

from __future__ import annotations

import pytest

from microblog.domain.posts import Draft
from tests.web.html.html_site import HtmlSite
from tests.web.html.test_public import texts


async def test_profile_shows_name_bio_and_fields(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    await html_site.microblog.profiles.update(
        ann.viewer,
        display_name="Ann of the HtmlSite",
        bio="Bakes. #bread",
        fields=[("Web", "https://ann.example")],
        locked=True,
        discoverable=True,
        bot=False,
    )
    page = await html_site.stranger().get("/@ann")
    assert page.html.xpath("string(//h1)") == "Ann of the HtmlSite"
    assert page.html.xpath("string(//div[contains(@class, 'bio')])").strip() == "Bakes. #bread"
    assert page.html.xpath("//dl[@class='facts']//a/@href") == ["https://ann.example"]
    assert page.html.xpath("//title/text()") == ["Ann of the HtmlSite (@ann) · Microblog"]
    assert page.html.xpath("//meta[@property='og:type']/@content") == ["profile"]
    assert page.html.xpath("//link[@rel='alternate']/@href") == ["/@ann.atom", "/@ann.rss", "/@ann.json"]


async def test_posts_and_replies_have_a_tab_each(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    await html_site.microblog.posts.publish(bob.viewer, Draft("Good morning", reply_to_id=post.id))
    await html_site.microblog.posts.publish(bob.viewer, Draft("My own"))
    assert texts(await html_site.stranger().get("/@bob")) == ["My own"]
    assert texts(await html_site.stranger().get("/@bob/with-replies")) == ["My own", "Good morning"]


async def test_other_spellings_of_a_name_redirect(html_site: HtmlSite) -> None:
    await html_site.person("ann")
    for path, to in (("/@Ann", "/@ann"), ("/@ANN/with-replies", "/@ann/with-replies")):
        answer = await html_site.stranger().get(path)
        assert (answer.status, answer.headers["location"]) == (301, to)


@pytest.mark.parametrize(
    "path", ["/@nobody", "/@nobody/followers", "/@a b", "/@" + "x" * 300, "/@ann@example.org"]
)
async def test_nonexistent_account_is_not_found(html_site: HtmlSite, path: str) -> None:
    page = await html_site.stranger().get(path.replace(" ", "%20"))
    assert page.status in (400, 404)
    assert page.html.xpath("//main//a[@href='/search']")


async def test_buttons_fit_the_relationship(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    follows = html_site.microblog.follows

    async def verbs() -> list[str]:
        page = await bob.get("/@ann")
        return [
            each.rpartition("/")[2]
            for each in page.html.xpath("//button[starts-with(@formaction, '/@ann/')]/@formaction")
        ]

    assert await verbs() == ["follow", "mute", "block"]
    await follows.follow(bob.viewer, ann.viewer.id)
    assert await verbs() == ["unfollow", "mute", "block", "endorse"]
    await follows.mute(bob.viewer, ann.viewer.id)
    assert await verbs() == ["unfollow", "unmute", "block", "endorse"]
    await follows.block(bob.viewer, ann.viewer.id)
    assert "unblock" in await verbs()
    own = await ann.get("/@ann")
    assert not own.html.xpath("//button[starts-with(@formaction, '/@ann/')]")
    assert own.html.xpath("//main//a[@href='/settings']")


async def test_followers_are_listed(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    await html_site.microblog.follows.follow(bob.viewer, ann.viewer.id)
    for path, expected in (
        ("/@ann/followers", ["/@bob"]),
        ("/@ann/following", []),
        ("/@bob/following", ["/@ann"]),
    ):
        page = await html_site.stranger().get(path)
        assert page.html.xpath("//ul[@class='people']//a/@href") == expected
        assert bool(page.html.xpath("//div[@class='nothing']")) == (not expected)


async def test_each_account_has_an_avatar(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    picture = await html_site.stranger().get(f"/avatars/{ann.viewer.id}.svg")
    assert (picture.status, picture.headers["content-type"]) == (200, "image/svg+xml")
    assert ">A</text>" in picture.text
    assert "max-age=86400" in picture.headers["cache-control"]
    assert (await html_site.stranger().get("/avatars/1.svg")).status == 404
