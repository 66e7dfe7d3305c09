"""What is not for somebody's eyes is not there: on no page, in no feed, by no button, and without a trace of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from microblog.domain.accounts import Account, Role
from microblog.domain.posts import Draft, Post
from microblog.domain.visibility import Visibility
from microblog.http.route import Route
from tests.http.client import Client, Page
from tests.web.html.html_site import HtmlSite, Person
from tests.web.page_routes import ROUTES

#: an id that nothing has, as long as those that something has
NOBODY = "111111111111111111"
SECRET = "walrus"


def comparable(page: Page, *own: str) -> tuple[int, dict[str, str], str]:
    """An answer without what differs each time: the form's token, the date, and the address that was asked for."""
    text = re.sub(r'name="csrf_token" value="[^"]*"', "", page.text)
    headers = {
        name: value for name, value in page.headers.items() if name not in ("date", "etag", "content-length")
    }
    for each in own:
        text = text.replace(each, "…")
        headers = {name: value.replace(each, "…") for name, value in headers.items()}
    return page.status, headers, text


async def ask(browser: Client, route: Route, path: str) -> Page:
    if route.method == "GET":
        return await browser.get(path, headers={"Accept-Encoding": "identity"})
    if browser.csrf is None:
        await browser.csrf_from("/login")
    return await browser.request(route.method, path, form={})


def of_posts() -> Iterator[Route]:
    for route in ROUTES:
        if route.path.startswith(("/posts/<int:id>", "/@<name>/<int:id>")):
            yield route


def with_a_name() -> Iterator[Route]:
    for route in ROUTES:
        if "<name>" in route.path and "<int:id>" not in route.path and not route.path.startswith("/admin"):
            yield route


@pytest.mark.parametrize("visibility", ["followers", "direct"])
async def test_each_route_treats_an_invisible_post_like_a_nonexistent_one(
    html_site: HtmlSite, visibility: str
) -> None:
    owner, bob, ann, eve, mod = [
        await html_site.person(name) for name in ("olga", "bob", "ann", "eve", "max")
    ]
    mod = await html_site.with_role(mod, Role.MODERATOR)
    assert (owner.viewer.role, mod.viewer.role) == (Role.OWNER, Role.MODERATOR)
    draft = Draft(f"@ann {SECRET}", visibility=Visibility(visibility))
    post = await html_site.microblog.posts.publish(bob.viewer, draft)
    await html_site.microblog.posts.edit(bob.viewer, post.id, Draft(f"@ann {SECRET} again"))
    await html_site.microblog.posts.favourite(ann.viewer, post.id)
    assert SECRET in (await ann.get(post.path)).text
    asked = 0
    for browser in (html_site.stranger(), eve.browser, mod.browser, owner.browser):
        for route in of_posts():
            path = route.path.replace("<name>", "bob")
            there = await ask(browser, route, path.replace("<int:id>", str(post.id)))
            never = await ask(browser, route, path.replace("<int:id>", NOBODY))
            assert comparable(there, str(post.id)) == comparable(never, NOBODY), route.path
            assert SECRET not in there.text
            asked += 1
    assert asked > 20
    assert (await html_site.microblog.posts.by_id(bob.viewer, post.id)).favourites_count == 1


def listings(author: Account, post: Post) -> list[str]:
    return [
        "/", "/public", "/home", "/notifications", "/bookmarks", "/favourites", f"/search?q={SECRET}",
        f"/search?q=from:{author.name}", "/tags/first", author.path, f"{author.path}/with-replies",
        f"{author.path}.atom", f"{author.path}.rss", f"{author.path}.json", "/public.atom", "/public.rss",
        "/public.json", "/tags/first.atom", "/tags/first.rss", "/tags/first.json", "/about/stats", "/about/stats.json",
        "/@cem", "/@cem/with-replies", post.path, f"{post.path}/history", f"{post.path}/favourites",
    ]  # fmt: skip


async def written(html_site: HtmlSite) -> tuple[Person, Person, Person, Post, Post]:
    """Bob wrote something that cem boosted and answered, and that ann follows, has been named in, and keeps."""
    bob, ann, cem = [await html_site.person(name) for name in ("bob", "ann", "cem")]
    posts, follows = html_site.microblog.posts, html_site.microblog.follows
    for followed in (bob, cem):
        await follows.follow(ann.viewer, followed.viewer.id)
    question = await posts.publish(cem.viewer, Draft("A question"))
    post = await posts.publish(bob.viewer, Draft(f"@ann {SECRET} #first", reply_to_id=question.id))
    await posts.boost(cem.viewer, post.id)
    await posts.favourite(ann.viewer, post.id)
    await posts.bookmark(ann.viewer, post.id)
    return bob, ann, cem, question, post


async def seen(browser: Client, paths: list[str]) -> list[str]:
    found = []
    for path in paths:
        page = await browser.get(path, follow=True)
        assert page.status in (200, 404), path
        # What was typed stands in the field of the search.
        text = re.sub(r'(value|content|href)="[^"]*"', "", page.text).replace(f"“{SECRET}”", "")
        if SECRET in re.sub(r"<title>.*?</title>", "", text):
            found.append(path)
    return found


async def test_post_is_visible_before_the_suspension(html_site: HtmlSite) -> None:
    bob, ann, _, question, post = await written(html_site)
    found = await seen(ann.browser, [*listings(bob.viewer.account, post), question.path])
    assert {
        "/home",
        "/notifications",
        "/bookmarks",
        "/favourites",
        "/tags/first",
        "/@cem",
        question.path,
    } <= set(found)
    assert f"/search?q={SECRET}" in found


async def test_suspended_account_is_on_no_page_until_the_suspension_ends(
    html_site: HtmlSite,
) -> None:
    mona = await html_site.person("mona")  # who came first owns the site, and can't be suspended
    bob, ann, _, question, post = await written(html_site)
    paths = [*listings(bob.viewer.account, post), question.path]
    before = await seen(ann.browser, paths)
    eve = await html_site.person("eve")
    await html_site.microblog.moderation.suspend("bob", by=mona.viewer)
    for browser in (html_site.stranger(), ann.browser, mona.browser):
        assert await seen(browser, paths) == []
    for route in with_a_name():
        # Ann follows them, and may let go of that.
        lets_go = route.path.rpartition("/")[2] in ("unfollow", "remove", "unblock", "unmute")
        for browser in (html_site.stranger(), eve.browser, *(() if lets_go else (ann.browser,))):
            there = await ask(browser, route, route.path.replace("<name>", "bob"))
            never = await ask(browser, route, route.path.replace("<name>", "bib"))
            assert comparable(there, "bob") == comparable(never, "bib"), route.path
    assert (await html_site.stranger().get(f"/avatars/{bob.viewer.id}.svg")).status == 404
    assert (await bob.get("/home")).status == 303  # their session has ended
    await html_site.microblog.moderation.unsuspend("bob", by=mona.viewer)
    assert await seen(ann.browser, paths) == before


async def test_account_waiting_for_approval_looks_nonexistent_to_all_but_moderators(
    html_site: HtmlSite,
) -> None:
    owner, eve = await html_site.person("olga"), await html_site.person("eve")
    html_site.set(registration="approval")
    account = await html_site.microblog.sign_up.register(
        "zoe", "zoe@example.org", "a long enough passphrase", reason="Hi"
    )
    for route in with_a_name():
        waiting = await ask(eve.browser, route, route.path.replace("<name>", "zoe"))
        nonexistent = await ask(eve.browser, route, route.path.replace("<name>", "zie"))
        assert comparable(waiting, "zoe") == comparable(nonexistent, "zie"), route.path
    assert (await owner.get("/@zoe")).status == 200
    assert (await html_site.stranger().get(f"/avatars/{account.id}.svg")).status == 404
    found = await html_site.stranger().get("/search?q=zoe")
    assert "/@zoe" not in found.text


async def test_blocked_viewer_sees_nothing_of_the_author(html_site: HtmlSite) -> None:
    bob, ann, cem, question, post = await written(html_site)
    paths = [*listings(bob.viewer.account, post), question.path]
    await html_site.microblog.follows.block(bob.viewer, ann.viewer.id)
    everyone = [
        path for path in paths if re.search(r"\.(atom|rss|json)$|stats", path)
    ]  # these are the same for all
    assert [path for path in await seen(ann.browser, paths) if path not in everyone] == []
    assert "/@bob" not in (await ann.get("/search?q=bob")).text
    assert SECRET in (await cem.get(post.path)).text
