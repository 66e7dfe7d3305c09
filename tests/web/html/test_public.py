"""The front page and the public timeline."""

from __future__ import annotations

from typing import Any

from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from tests.waiting import until
from tests.web.html.html_site import HtmlSite


def texts(page: object) -> list[str]:
    return [
        each.text_content().strip() for each in page.html.xpath("//article//div[@class='text e-content']")
    ]  # type: ignore[attr-defined]


async def test_empty_site_tells_what_to_do(html_site: HtmlSite) -> None:
    page = await html_site.stranger().get("/")
    assert page.status == 200
    assert page.html.xpath("//h1/text()") == ["Microblog"]
    assert page.html.xpath("//div[@class='nothing']//a/@href") == ["/signup"]


async def test_anonymous_visitors_see_public_posts_only(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    for visibility in Visibility:
        await html_site.microblog.posts.publish(
            ann.viewer, Draft(f"This is {visibility}", visibility=visibility)
        )
    for path in ("/", "/public"):
        assert texts(await html_site.stranger().get(path)) == ["This is public"]
    assert texts(await ann.get("/home")) == [f"This is {each}" for each in reversed(Visibility)]


async def test_front_page_is_home_when_logged_in(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    page = await ann.get("/")
    assert page.html.xpath("//h1/text()") == ["Home"]
    assert page.html.xpath("//form[@id='compose']//textarea/@name") == ["text"]
    assert page.headers["cache-control"] == "no-store"


async def test_anonymous_pages_have_no_token_and_can_be_cached(html_site: HtmlSite, reactor_: Any) -> None:
    ann = await html_site.person("ann")
    await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    # The page says up to where it knows the log, so it is the same only while nothing happens.
    await until(reactor_, lambda: html_site.microblog.dispatcher.position > 0)
    page = await html_site.stranger().get("/public")
    assert page.csrf is None
    assert "set-cookie" not in page.headers
    assert page.headers["etag"]
    again = await html_site.stranger().get("/public", headers={"If-None-Match": page.headers["etag"]})
    assert again.status == 304


async def test_long_lists_page_by_links(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    for number in range(45):
        await html_site.microblog.posts.publish(ann.viewer, Draft(f"Post {number}"))
    stranger = html_site.stranger()
    first = await stranger.get("/public")
    assert texts(first) == [f"Post {number}" for number in range(44, 24, -1)]
    assert not first.html.xpath("//a[@rel='prev']")
    (older,) = first.html.xpath("//a[@rel='next']/@href")
    second = await stranger.get(f"/public{older}")
    assert texts(second) == [f"Post {number}" for number in range(24, 4, -1)]
    (newer,) = second.html.xpath("//a[@rel='prev']/@href")
    assert texts(await stranger.get(f"/public{newer}")) == texts(first)
    (older,) = second.html.xpath("//a[@rel='next']/@href")
    last = await stranger.get(f"/public{older}")
    assert texts(last) == [f"Post {number}" for number in range(4, -1, -1)]
    assert not last.html.xpath("//a[@rel='next']")


async def test_invalid_cursor_shows_the_newest_posts(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    for query in ("max_id=x", "min_id=-1", f"max_id={'9' * 30}"):
        assert texts(await html_site.stranger().get(f"/public?{query}")) == ["Hello"]


async def test_pages_link_to_their_feeds(html_site: HtmlSite) -> None:
    page = await html_site.stranger().get("/public")
    feeds = page.html.xpath("//link[@rel='alternate']/@href")
    assert feeds == ["/public.atom", "/public.rss", "/public.json"]
    for feed in feeds:
        assert (await html_site.stranger().get(feed)).status == 200


async def test_markup_in_a_post_is_escaped(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    hostile = "<script>alert(1)</script> <img src=x onerror=alert(1)> \"'> javascript:alert(1)"
    await html_site.microblog.posts.publish(ann.viewer, Draft(hostile, summary="<b onclick=x>warning</b>"))
    page = await html_site.stranger().get("/public")
    assert texts(page) == [hostile]
    assert page.html.xpath("string(//article//summary)").strip() == "<b onclick=x>warning</b>"
    assert not page.html.xpath(
        "//article//script | //article//img | //article//*[@onclick or @onerror or @style]"
    )


async def test_no_page_has_inline_scripts_or_styles(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    await html_site.microblog.posts.publish(ann.viewer, Draft("Hello #first"))
    for path in (
        "/",
        "/home",
        "/public",
        "/@ann",
        "/tags/first",
        "/search?q=hello",
        "/notifications",
        "/about",
        "/x",
    ):
        page = await ann.get(path)
        assert not page.html.xpath("//script[not(@src)] | //style | //*[@style]"), path
        policy = page.headers["content-security-policy"]
        assert "unsafe" not in policy


async def test_boost_names_the_booster_and_acts_on_the_boosted_post(html_site: HtmlSite) -> None:
    ann, bob, cem = (
        await html_site.person("ann"),
        await html_site.person("bob"),
        await html_site.person("cem"),
    )
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    await html_site.microblog.posts.boost(bob.viewer, post.id)
    await html_site.microblog.follows.follow(cem.viewer, bob.viewer.id)
    page = await cem.get("/home")
    (article,) = page.html.xpath("//article")
    assert " ".join(article.xpath("string(p[@class='context'])").split()) == "bob boosted"
    assert article.get("data-post") == str(post.id)
    assert article.xpath(".//button[@data-act='favourite']/@formaction") == [f"/posts/{post.id}/favourite"]


async def test_theme_is_stored_in_a_cookie(html_site: HtmlSite) -> None:
    stranger = html_site.stranger()
    answer = await stranger.post("/theme", form={"theme": "dark", "next": "/about"}, csrf=False)
    assert (answer.status, answer.headers["location"]) == (303, "/about")
    assert (await stranger.get("/about")).html.get("data-theme") == "dark"
    await stranger.post("/theme", form={"theme": "no such thing", "next": "//evil.example"}, csrf=False)
    assert (await stranger.get("/about")).html.get("data-theme") is None


async def test_pages_have_a_canonical_address(html_site: HtmlSite) -> None:
    page = await html_site.stranger().get("/public")
    assert page.html.xpath("//link[@rel='canonical']/@href") == ["http://localhost:8000/public"]
    assert page.html.xpath("//nav//a[@aria-current='page']/@href") == ["/public"]
    assert page.html.xpath("//meta[@property='og:title']/@content") == ["Public timeline"]
