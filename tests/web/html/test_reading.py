"""What one chooses to read, in the browser: lists, hashtags, filters, conversations, pins, policy, explore."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.domain.posts import Draft, Post
from microblog.domain.visibility import Visibility
from tests.web.html.html_site import HtmlSite, Person, errors, flashes, value


async def post(html_site: HtmlSite, who: Person, text: str, **more: Any) -> Post:
    return await html_site.microblog.posts.publish(who.viewer, Draft(text, **more))


def texts(page: Any) -> list[str]:
    """The posts of a page, those behind a warning too."""
    return [
        str(each.text_content()).strip()
        for each in page.html.xpath("//main//article//*[@class='text e-content']")
    ]


async def two(html_site: HtmlSite) -> tuple[Person, Person]:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    await html_site.microblog.follows.follow(ann.viewer, bob.viewer.id)
    return ann, bob


async def test_list_is_created_filled_read_and_deleted(html_site: HtmlSite) -> None:
    ann, bob = await two(html_site)
    assert "apart from the others" in (await ann.get("/lists")).text
    answer = await ann.send("/lists", {"title": "Friends"})
    edit = answer.headers["location"]
    path = edit.removesuffix("/edit")
    page = await ann.send(f"{path}/add", {"name": "@bob"}, follow=True)
    assert "@bob" in page.text
    await post(html_site, bob, "by bob")
    await post(html_site, ann, "by ann")
    page = await ann.get(path)
    assert texts(page) == ["by bob"]
    assert page.html.xpath("//p[@class='news']/@data-live") == [path.replace("/lists/", "list:")]
    page = await ann.send(f"{path}/add", {"name": "nobody"})
    assert page.status == 422
    assert errors(page)
    assert value(page, "name") == "nobody"
    page = await ann.send(edit, {"title": "", "replies_policy": "list"})
    assert (page.status, errors(page)) == (422, ["Give the list a title."])
    await ann.send(edit, {"title": "Loud ones", "replies_policy": "none", "exclusive": "on"})
    assert "Loud ones" in (await ann.get("/lists")).text
    assert texts(await ann.get("/home")) == ["by ann"]
    for hidden in (path, edit):
        assert (await bob.get(hidden)).status == 404
    for verb in ("edit", "add", "remove", "delete"):
        assert (await bob.send(f"{path}/{verb}", {"name": "ann", "account": "1"})).status == 404
    await ann.send(f"{path}/remove", {"account": str(bob.viewer.id)})
    assert "Nobody yet." in (await ann.get(edit)).text
    await ann.send(f"{path}/delete")
    assert (await ann.get(path)).status == 404


async def test_a_hashtag_is_followed_on_its_page(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    await post(html_site, bob, "about #Tea")
    page = await ann.send("/tags/Tea/follow", follow=True)
    assert flashes(page) == ["You follow #Tea: public posts with it come home."]
    assert page.html.xpath("//form[@action='/tags/tea/unfollow']")
    assert texts(await ann.get("/home")) == ["about #Tea"]
    page = await ann.get("/followed-tags")
    assert "1 post this week" in page.text
    await ann.send("/tags/tea/unfollow", {"next": "/followed-tags"})
    assert texts(await ann.get("/home")) == []
    page = await bob.send("/featured-tags", {"name": "no tag!"})
    assert page.status == 422
    assert errors(page)
    await bob.send("/featured-tags", {"name": "#Tea"})
    page = await html_site.stranger().get("/@bob")
    assert page.html.xpath("//ul[@class='tagcloud']//a/@href") == ["/tags/tea"]
    (delete,) = (await bob.get("/followed-tags")).html.xpath("//form[contains(@action,'/delete')]/@action")
    assert (await ann.send(delete)).status == 404
    await bob.send(delete)
    assert not (await html_site.stranger().get("/@bob")).html.xpath("//ul[@class='tagcloud']")


FILTER = {
    "title": "Films",
    "keywords": "spoiler\nthe end",
    "whole_word": "on",
    "action": "warn",
    "expires_in": "",
}


async def test_two_filters_with_one_title_are_named_once(html_site: HtmlSite) -> None:
    ann, bob = await two(html_site)
    await post(html_site, bob, "a spoiler here")
    for keyword in ("spoiler", "here"):
        await ann.send("/settings/filters/new", {**FILTER, "keywords": keyword, "public": "on"})
    page = await ann.get("/public")
    assert page.html.xpath("//details[@class='cw']/summary/text()") == ["Filtered: Films"]


async def test_filters_fold_and_hide_posts(html_site: HtmlSite) -> None:
    ann, bob = await two(html_site)
    await post(html_site, bob, "a spoiler here")
    await post(html_site, bob, "harmless")
    await ann.send("/settings/filters/new", {**FILTER, "home": "on", "public": "on"})
    for path in ("/home", "/public"):
        page = await ann.get(path)
        assert texts(page) == ["harmless", "a spoiler here"]
        assert page.html.xpath("//details[@class='cw']/summary/text()") == ["Filtered: Films"]
    assert not (await ann.get("/@bob")).html.xpath("//details[@class='cw']")
    assert not (await bob.get("/public")).html.xpath("//details[@class='cw']")
    (edit,) = (await ann.get("/settings/filters")).html.xpath("//ul[@class='rows']//p/a/@href")
    page = await ann.get(edit)
    assert value(page, "keywords") == "spoiler\nthe end"
    await ann.send(
        edit, {**FILTER, "keywords": "spoiler", "action": "hide", "public": "on", "expires_in": "3600"}
    )
    assert texts(await ann.get("/public")) == ["harmless"]
    assert texts(await ann.get("/search?q=spoiler")) == []
    assert texts(await ann.get("/home")) == ["harmless", "a spoiler here"]
    assert (await bob.get(edit)).status == 404
    assert (await bob.send(edit, FILTER)).status == 404
    assert (await bob.send(f"{edit}/delete")).status == 404
    await ann.send(f"{edit}/delete")
    assert texts(await ann.get("/public")) == ["harmless", "a spoiler here"]


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"title": ""}, "title"),
        ({"home": ""}, "Choose where"),
        ({"expires_in": "7"}, "times that a filter"),
        ({"keywords": "x" * 600}, "512"),
    ],
)
async def test_refused_filter_keeps_the_typed_values(
    html_site: HtmlSite, wrong: dict[str, str], what: str
) -> None:
    ann = await html_site.person("ann")
    page = await ann.send("/settings/filters/new", {**FILTER, "home": "on", **wrong})
    assert page.status == 422
    assert any(what in each for each in errors(page))
    assert value(page, "keywords") == {**FILTER, **wrong}["keywords"]


async def test_direct_posts_are_conversations(html_site: HtmlSite) -> None:
    ann, bob = await two(html_site)
    eve = await html_site.person("eve")
    said = await post(html_site, bob, "@ann psst", visibility=Visibility.DIRECT)
    page = await ann.get("/conversations")
    assert page.html.xpath("//div[@class='notice unread']")
    assert "psst" in page.text
    assert "psst" not in (await eve.get("/conversations")).text
    await ann.get(said.path)
    page = await ann.get("/conversations")
    assert not page.html.xpath("//div[@class='notice unread']")
    (action,) = page.html.xpath("//main//form/@action")
    base = action.removesuffix("/unread")
    for verb in ("read", "unread", "delete"):
        assert (await eve.send(f"{base}/{verb}")).status == 404
    await ann.send(action)
    assert (await ann.get("/conversations")).html.xpath("//div[@class='notice unread']")
    await ann.send(f"{base}/read")
    await ann.send(f"{base}/delete")
    assert "psst" not in (await ann.get("/conversations")).text
    assert "psst" in (await bob.get("/conversations")).text


async def test_profile_shows_pinned_posts_endorsements_and_the_viewers_note(html_site: HtmlSite) -> None:
    ann, bob = await two(html_site)
    first = await post(html_site, ann, "first")
    await post(html_site, ann, "second")
    await ann.send(f"/posts/{first.id}/pin")
    page = await html_site.stranger().get("/@ann")
    assert texts(page) == ["first", "second", "first"]
    assert "Pinned" in page.html.xpath("//h2/text()")
    assert (await bob.send(f"/posts/{first.id}/pin")).status == 422
    await ann.send(f"/posts/{first.id}/unpin")
    assert texts(await html_site.stranger().get("/@ann")) == ["second", "first"]
    await ann.send("/@bob/endorse")
    assert "/@bob" in (await html_site.stranger().get("/@ann")).html.xpath(
        "//main//p[@class='quiet']/a/@href"
    )
    await ann.send("/@bob/unendorse")
    await ann.send("/@bob/note", {"comment": "from the <choir>"})
    assert value(await ann.get("/@bob"), "comment") == "from the <choir>"
    assert "choir" not in (await bob.get("/@bob")).text


async def test_notifications_are_grouped_and_a_thread_can_be_muted(html_site: HtmlSite) -> None:
    ann, bob = await two(html_site)
    eve = await html_site.person("eve")
    liked = await post(html_site, ann, "liked")
    for each in (bob, eve):
        await each.send(f"/posts/{liked.id}/favourite")
    page = await ann.get("/notifications")
    (notice,) = page.html.xpath("//div[contains(@class,'notice')]")
    assert [str(each) for each in notice.xpath("./p//a[@class='author']/bdi/text()")] == ["eve", "bob"]
    assert "favourited your post" in notice.text_content()
    assert (await html_site.microblog.notification_groups.unread(ann.viewer)) == 0
    await ann.send(f"/posts/{liked.id}/mute")
    await post(html_site, bob, "@ann well", reply_to_id=liked.id)
    assert len((await ann.get("/notifications")).html.xpath("//div[contains(@class,'notice')]")) == 1
    await ann.send(f"/posts/{liked.id}/unmute")


async def test_filtered_notifications_become_requests(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    rules = dict.fromkeys(("for_not_followers", "for_new_accounts", "for_private_mentions"), "accept")
    assert (await ann.send("/settings/notifications", {**rules, "for_not_following": "maybe"})).status == 422
    await ann.send("/settings/notifications", {**rules, "for_not_following": "filter"})
    await post(html_site, bob, "@ann let me in")
    page = await ann.get("/notifications")
    assert "let me in" not in page.text
    assert "Notifications by 1 person wait" in page.text
    page = await ann.get("/notifications/requests")
    assert "let me in" in page.text
    assert "let me in" not in (await bob.get("/notifications/requests")).text
    await ann.send(f"/notifications/requests/{bob.viewer.id}/accept")
    assert "let me in" in (await ann.get("/notifications")).text
    await html_site.microblog.notification_policy.set(ann.viewer)


async def test_explore_and_directory_are_public(html_site: HtmlSite) -> None:
    ann, bob = await two(html_site)
    eve = await html_site.person("eve")
    assert "Nothing stands out" in (await html_site.stranger().get("/explore")).text
    loved = await post(html_site, bob, "about #tea")
    await post(html_site, eve, "more #tea")
    for each in (ann, eve):
        await each.send(f"/posts/{loved.id}/boost")
    await html_site.microblog.trends.compute()
    page = await html_site.stranger().get("/explore")
    assert texts(page) == ["about #tea"]
    assert "/tags/tea" in page.html.xpath("//ul[@class='tagcloud']//a/@href")
    await html_site.microblog.follows.follow(bob.viewer, eve.viewer.id)
    page = await ann.get("/explore")
    assert page.html.xpath("//form[@action='/@eve/follow']")
    await ann.send(f"/explore/dismiss/{eve.viewer.id}")
    assert not (await ann.get("/explore")).html.xpath("//form[@action='/@eve/follow']")
    page = await html_site.stranger().get("/directory?order=new")
    assert page.html.xpath("//ul[@class='people']//a[@class='author']/@href") == ["/@eve", "/@bob", "/@ann"]
    assert "nobody further" in (await html_site.stranger().get("/directory?offset=40")).text
