"""Following, blocking, muting, and answering those who ask to follow."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.domain.accounts import Relationship
from microblog.domain.errors import NotFound
from microblog.web.html.relations import VERBS
from tests.factories import create_viewer
from tests.web.html.html_site import HtmlSite, Person, flashes


async def standing(html_site: HtmlSite, one: Person, other: Person) -> Relationship:
    (found,) = await html_site.microblog.follows.relationships(one.viewer, [other.viewer.id])
    return found


@pytest.mark.parametrize(
    ("verb", "inverse", "state"),
    [("follow", "unfollow", "following"), ("block", "unblock", "blocking"), ("mute", "unmute", "muting")],
)
async def test_verb_is_idempotent_and_can_be_undone(
    html_site: HtmlSite, verb: str, inverse: str, state: str
) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    for path, expected in [(verb, True), (verb, True), (inverse, False), (inverse, False)]:
        answer = await ann.send(f"/@bob/{path}")
        assert (answer.status, answer.headers["location"]) == (303, "/@bob")
        assert getattr(await standing(html_site, ann, bob), state) is expected


async def test_next_page_shows_the_result(html_site: HtmlSite) -> None:
    ann, _ = await html_site.person("ann"), await html_site.person("bob")
    page = await ann.send("/@bob/follow", {"next": "/settings"}, follow=True)
    assert flashes(page) == ["You follow @bob."]


async def test_locked_account_decides_about_follow_requests(html_site: HtmlSite) -> None:
    ann, bob, eve = [await html_site.person(name) for name in ("ann", "bob", "eve")]
    await bob.send("/settings", {"display_name": "Bob", "bio": "", "locked": "on"})
    for person in (ann, eve):
        page = await person.send("/@bob/follow", {"next": "/settings"}, follow=True)
        assert flashes(page) == ["You asked to follow @bob. They decide."]
    page = await bob.get("/follow-requests")
    assert page.html.xpath("//form/@action")
    assert "@ann" in page.text
    assert "@eve" in page.text
    await bob.send("/@ann/accept", {"next": "/follow-requests"})
    await bob.send("/@eve/reject", {"next": "/follow-requests"})
    assert (await standing(html_site, ann, bob)).following
    assert not (await standing(html_site, eve, bob)).following
    page = await bob.get("/follow-requests")
    assert "/@ann/accept" not in page.html.xpath("//main//form/@action")
    await bob.send("/@ann/remove")
    assert not (await standing(html_site, ann, bob)).following


@pytest.mark.parametrize(
    ("verb", "inverse", "there"), [("block", "unblock", "blocks"), ("mute", "unmute", "mutes")]
)
async def test_relations_to_a_suspended_account_can_be_ended(
    html_site: HtmlSite, verb: str, inverse: str, there: str
) -> None:
    await html_site.person("olga")
    ann, bob, eve = [await html_site.person(name) for name in ("ann", "bob", "eve")]
    await ann.send(f"/@bob/{verb}")
    await html_site.microblog.moderation.suspend("bob")
    page = await ann.get(f"/settings/{there}")
    assert f"/@bob/{inverse}" in page.html.xpath("//main//form/@action")
    assert "suspended" in page.html.xpath("string(//main)")
    # Nobody else learns that there is, or was, such a person.
    assert (
        (await eve.send(f"/@bob/{inverse}")).status == (await eve.send(f"/@nobody/{inverse}")).status == 404
    )
    answer = await ann.send(f"/@bob/{inverse}")
    assert (answer.status, answer.headers["location"]) == (303, f"/settings/{there}")
    assert not (await standing(html_site, ann, bob)).blocking
    assert not (await standing(html_site, ann, bob)).muting
    assert (await ann.send(f"/@bob/{inverse}")).status == 404
    assert (await ann.send(f"/@bob/{verb}")).status == 404


@pytest.mark.parametrize("verb", ["follow", "unfollow", "block", "unblock", "mute", "unmute"])
async def test_account_waiting_for_approval_is_not_found_by_id(html_site: HtmlSite, verb: str) -> None:
    ann = await html_site.person("ann")
    waiting = await create_viewer(html_site.microblog.db, "waiting", state="pending")
    with pytest.raises(NotFound):
        await getattr(html_site.microblog.follows, verb)(ann.viewer, waiting.id)
    assert await html_site.microblog.follows.relationships(ann.viewer, [waiting.id]) == []


async def test_user_cannot_accept_their_own_request(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    await bob.send("/settings", {"display_name": "", "bio": "", "locked": "on"})
    await ann.send("/@bob/follow")
    await ann.send("/@bob/accept")
    assert not (await standing(html_site, ann, bob)).following


@pytest.mark.parametrize(
    ("seconds", "status"), [("", 303), ("3600", 303), ("7", 422), ("-1", 422), ("x" * 99, 422)]
)
async def test_mute_accepts_the_offered_durations_only(
    html_site: HtmlSite, seconds: str, status: int
) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    answer = await ann.send("/@bob/mute", {"seconds": seconds})
    assert answer.status == status
    assert (await standing(html_site, ann, bob)).muting is (status == 303)


@pytest.mark.parametrize("verb", VERBS)
async def test_nonexistent_account_is_not_found(html_site: HtmlSite, verb: str) -> None:
    ann = await html_site.person("ann")
    assert (await ann.send(f"/@nobody/{verb}")).status == 404


@pytest.mark.parametrize("verb", ["follow", "block", "mute"])
async def test_user_cannot_relate_to_themselves(html_site: HtmlSite, verb: str) -> None:
    ann = await html_site.person("ann")
    answer: Any = await ann.send(f"/@ann/{verb}")
    assert 400 <= answer.status < 500


async def test_blocks_and_mutes_are_listed_and_can_be_removed(html_site: HtmlSite) -> None:
    ann, _, _ = [await html_site.person(name) for name in ("ann", "bob", "eve")]
    await ann.send("/@bob/block")
    await ann.send("/@eve/mute")
    blocks, mutes = await ann.get("/settings/blocks"), await ann.get("/settings/mutes")
    assert "/@bob/unblock" in blocks.html.xpath("//main//form/@action")
    assert "/@eve/unmute" in mutes.html.xpath("//main//form/@action")
    await ann.send("/@bob/unblock", {"next": "/settings/blocks"})
    assert "/@bob/unblock" not in (await ann.get("/settings/blocks")).html.xpath("//main//form/@action")
