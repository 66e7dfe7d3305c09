"""One post, its thread, its history."""

from __future__ import annotations

import pytest

from microblog.domain.posts import Draft, Span
from microblog.domain.visibility import Visibility
from tests.web.html.html_site import HtmlSite
from tests.web.html.test_public import texts


async def test_thread_shows_ancestors_before_replies(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    publish = html_site.microblog.posts.publish
    first = await publish(ann.viewer, Draft("First"))
    second = await publish(bob.viewer, Draft("Second", reply_to_id=first.id))
    third = await publish(ann.viewer, Draft("Third", reply_to_id=second.id))
    await publish(bob.viewer, Draft("Fourth", reply_to_id=third.id))
    page = await html_site.stranger().get(second.path)
    assert texts(page) == ["First", "Second", "Third", "Fourth"]
    assert page.html.xpath("//article[contains(@class, 'focus')]/@id") == [f"p{second.id}"]
    assert [each.get("class").split()[-1] for each in page.html.xpath("//article")][2:] == ["d1", "d2"]
    assert page.html.xpath("//h1/text()") == ["Post by bob"]
    assert page.html.xpath("//title/text()") == ["bob: “Second” · Microblog"]


async def test_deep_replies_link_to_the_post_that_they_answer(
    html_site: HtmlSite,
) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    publish = html_site.microblog.posts.publish
    post = first = await publish(ann.viewer, Draft("Post 0"))
    for number in range(1, 8):
        viewer = bob.viewer if number % 2 else ann.viewer
        post = await publish(viewer, Draft(f"Post {number}", reply_to_id=post.id))
    page = await html_site.stranger().get(first.path)
    said = [
        each.xpath("string(.//p[@class='context'][contains(., 'in reply to')])")
        for each in page.html.xpath("//article")
    ]
    assert said == [""] * 6 + ["in reply to @bob", "in reply to @ann"]


async def test_anonymous_visitors_see_each_count_once(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    await html_site.microblog.posts.boost(bob.viewer, post.id)
    page = await html_site.stranger().get(post.path)
    assert page.html.xpath("//p[@class='sums']/a/text()") == ["Boosted by 1"]
    assert not page.html.xpath("//article[contains(@class, 'focus')]//*[contains(@class, 'counts')]")


async def test_anonymous_visitors_can_log_in_to_reply_and_come_back(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    page = await html_site.stranger().get(post.path)
    assert page.html.xpath("//p[@id='reply']/a/@href") == [f"/login?next=/%40ann/{post.id}"]
    assert not page.html.xpath("//textarea")


async def test_reply_starts_with_the_author_and_the_visibility_of_the_post(
    html_site: HtmlSite,
) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    post = await html_site.microblog.posts.publish(
        ann.viewer, Draft("Hello @bob", visibility=Visibility.FOLLOWERS)
    )
    page = await bob.get(post.path)
    (form,) = page.html.xpath("//form[@id='reply']")
    assert form.xpath(".//textarea")[0].value.removeprefix("\n") == "@ann "
    assert form.xpath(".//select[@name='visibility']/option[@selected]/@value") == ["followers"]
    assert form.xpath(".//input[@name='reply_to']/@value") == [str(post.id)]


@pytest.mark.parametrize("rest", ["", "/history", "/favourites", "/boosts"])
async def test_invisible_post_looks_nonexistent(html_site: HtmlSite, rest: str) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    hidden = await html_site.microblog.posts.publish(
        ann.viewer, Draft("Secret", visibility=Visibility.DIRECT)
    )
    for who in (html_site.stranger(), bob):
        forbidden = await who.get(f"/@ann/{hidden.id}{rest}")
        absent = await who.get(f"/@ann/{hidden.id + 1}{rest}")
        assert (forbidden.status, absent.status) == (404, 404)
        assert strip(forbidden.text, hidden.id) == strip(absent.text, hidden.id + 1)


def strip(markup: str, number: int) -> str:
    """Without what the asker said themselves, and without their masked tokens."""
    import re

    return re.sub(r'name="csrf_token" value="[^"]*"', "", markup.replace(str(number), "N"))


async def test_a_post_has_one_address(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    for path in (f"/@bob/{post.id}", f"/@ann/00{post.id}", f"/@Ann/{post.id}"):
        answer = await html_site.stranger().get(path)
        assert (answer.status, answer.headers["location"]) == (301, post.path)
    await html_site.microblog.posts.boost(bob.viewer, post.id)
    (boost,) = (await html_site.microblog.timelines.account(None, bob.viewer.id, Span())).items
    answer = await html_site.stranger().get(boost.path)
    assert (answer.status, answer.headers["location"]) == (301, post.path)


async def test_titles_and_previews_show_the_warning_instead_of_the_text(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("The butler did it", summary="Spoilers"))
    page = await html_site.stranger().get(post.path)
    head = page.text[: page.text.index("</head>")]
    assert "Spoilers" in head
    assert "butler" not in head
    assert not page.html.xpath("//article//details[@open]")


async def test_search_engines_may_index_public_posts_only(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    for visibility, expected in ((Visibility.PUBLIC, []), (Visibility.UNLISTED, ["noindex"])):
        post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello", visibility=visibility))
        page = await html_site.stranger().get(post.path)
        assert page.html.xpath("//meta[@name='robots']/@content") == expected


async def test_history_shows_earlier_versions(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("A typo, here"))
    await html_site.microblog.posts.edit(ann.viewer, post.id, Draft("A typo, there"))
    page = await html_site.stranger().get(post.path)
    assert page.html.xpath("//article//a[text()='edited']/@href") == [f"{post.path}/history"]
    history = await html_site.stranger().get(f"{post.path}/history")
    shown = [each.text_content().strip() for each in history.html.xpath("//section/div[@class='text']")]
    assert sorted(shown) == ["A typo, here", "A typo, there"]


async def test_favourites_and_boosts_are_listed(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    await html_site.microblog.posts.favourite(bob.viewer, post.id)
    for which, expected in (("favourites", ["/@bob"]), ("boosts", [])):
        page = await html_site.stranger().get(f"{post.path}/{which}")
        assert page.html.xpath("//ul[@class='people']//a/@href") == expected


async def test_posts_have_their_language_and_direction(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("صباح الخير", language="ar"))
    page = await html_site.stranger().get(post.path)
    (text,) = page.html.xpath("//article/div[@class='text e-content']")
    assert (text.get("lang"), text.get("dir")) == ("ar", "auto")
