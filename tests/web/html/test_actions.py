"""Favourite, boost, bookmark."""

from __future__ import annotations

import pytest

from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from microblog.web.html.actions import ACTIONS
from tests.web.html.html_site import HtmlSite

PAIRS = [("favourite", "favourited"), ("boost", "boosted"), ("bookmark", "bookmarked")]


@pytest.mark.parametrize(("verb", "state"), PAIRS)
async def test_action_is_idempotent_and_can_be_undone(html_site: HtmlSite, verb: str, state: str) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    for path, expected in [(verb, True), (verb, True), (f"un{verb}", False), (f"un{verb}", False)]:
        answer = await bob.send(f"/posts/{post.id}/{path}", {"next": "/public"})
        assert (answer.status, answer.headers["location"]) == (303, f"/public#p{post.id}")
        seen = await html_site.microblog.posts.by_id(bob.viewer, post.id)
        assert getattr(seen, state) is expected
    assert (seen.favourites_count, seen.boosts_count) == (0, 0)


async def test_action_without_next_redirects_to_the_post(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    for sent in ({}, {"next": "//evil.example"}):
        answer = await ann.send(f"/posts/{post.id}/favourite", sent)
        assert answer.headers["location"] == f"{post.path}#p{post.id}"


@pytest.mark.parametrize(("verb", "_"), PAIRS)
async def test_script_gets_the_changed_post(html_site: HtmlSite, verb: str, _: str) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    for path, pressed in ((verb, "true"), (f"un{verb}", "false")):
        page = await ann.send(f"/posts/{post.id}/{path}", headers={"X-Fragment": "post"})
        assert page.status == 200
        (button,) = page.html.xpath(f"//*[@data-actions='{post.id}']//button[@data-act='{verb}']")
        assert button.get("aria-pressed") == pressed
        assert not page.html.xpath("//h1")


@pytest.mark.parametrize("action", ACTIONS)
async def test_invisible_post_gets_the_answer_of_a_nonexistent_one(html_site: HtmlSite, action: str) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    hidden = await html_site.microblog.posts.publish(
        ann.viewer, Draft("Secret", visibility=Visibility.DIRECT)
    )
    headers = {"X-Fragment": "post"}  # a plain line, without a token that differs each time
    theirs = await bob.send(f"/posts/{hidden.id}/{action}", headers=headers)
    absent = await bob.send(f"/posts/{hidden.id + 1}/{action}", headers=headers)
    absurd = await bob.send(f"/posts/{'9' * 40}/{action}", headers=headers)
    assert theirs.status == absent.status == absurd.status == 404
    assert theirs.body == absent.body == absurd.body


async def test_private_post_cannot_be_boosted_by_others(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    await html_site.microblog.follows.follow(bob.viewer, ann.viewer.id)
    post = await html_site.microblog.posts.publish(
        ann.viewer, Draft("For followers", visibility=Visibility.FOLLOWERS)
    )
    answer = await bob.send(f"/posts/{post.id}/boost")
    assert 400 <= answer.status < 500
    assert (await html_site.microblog.posts.by_id(ann.viewer, post.id)).boosts_count == 0


async def test_forged_form_does_nothing(html_site: HtmlSite) -> None:
    ann, eve = await html_site.person("ann"), await html_site.person("eve")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    foreign = await eve.browser.csrf_from("/settings")
    for form in ({"csrf_token": foreign}, {"csrf_token": ""}, {"csrf_token": "nonsense"}):
        page = await ann.browser.post(f"/posts/{post.id}/favourite", form=form)
        assert page.status == 403
    token = await ann.browser.csrf_from("/settings")
    page = await ann.browser.post(
        f"/posts/{post.id}/favourite", form={"csrf_token": token}, headers={"Origin": "https://evil.example"}
    )
    assert page.status == 403
    assert (await html_site.microblog.posts.by_id(None, post.id)).favourites_count == 0
