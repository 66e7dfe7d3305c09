"""Boosts: as visible as asked for on every surface, and deleted by their own id."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.api.api_site import ApiSite, Program

ORDER = ["public", "unlisted", "private"]


async def shown_to(reader: Program, booster: Program, post_id: str, boost_id: str) -> set[str]:
    """The surfaces that show the boost to an account or to an anonymous client."""

    async def ids(path: str) -> list[str]:
        page = await reader.get(path)
        return [each["id"] for each in page.json()] if page.status == 200 else []

    found = set()
    if (await reader.get(f"/api/v1/statuses/{boost_id}")).status == 200:
        found.add("by id")
    if boost_id in await ids(f"/api/v1/statuses?id[]={boost_id}"):
        found.add("by ids")
    if boost_id in await ids(f"/api/v1/accounts/{booster.id}/statuses"):
        found.add("profile")
    if booster.id in await ids(f"/api/v1/statuses/{post_id}/reblogged_by"):
        found.add("boosters")
    if "boost me" in (await reader.get("/@bob")).text:
        found.add("page")
    return found


@pytest.mark.parametrize("asked", [None, *ORDER])
async def test_boost_is_as_visible_as_asked_for(api_site: ApiSite, asked: str | None) -> None:
    ann, bob, fay, eve = [await api_site.program(name) for name in ("ann", "bob", "fay", "eve")]
    await fay.json("POST", f"/api/v1/accounts/{bob.id}/follow")
    post = await ann.publish("boost me")
    sent = {} if asked is None else {"visibility": asked}
    boost = await bob.json("POST", f"/api/v1/statuses/{post['id']}/reblog", json=sent)
    assert (boost["visibility"], boost["reblog"]["visibility"]) == (asked or "public", "public")
    # Who boosted is public, so a boost for followers is in no list of boosters.
    everywhere = {"by id", "by ids", "profile", "page"} | ({"boosters"} if asked != "private" else set())
    for reader in (bob, fay):
        # A program sends no cookie, so the page shows it what everybody sees.
        assert await shown_to(reader, bob, post["id"], boost["id"]) >= everywhere - {"page"}
    browser = await api_site.browser(fay.viewer)
    assert "boost me" in (await browser.get("/@bob")).text
    assert boost["id"] in [each["id"] for each in await fay.json("GET", "/api/v1/timelines/home")]
    for reader in (eve, api_site.stranger()):
        shown = await shown_to(reader, bob, post["id"], boost["id"])
        assert shown == (set() if asked == "private" else everywhere)


@pytest.mark.parametrize("post_visibility", ORDER)
@pytest.mark.parametrize("asked", ORDER)
async def test_boost_is_never_wider_than_the_post(
    api_site: ApiSite, post_visibility: str, asked: str
) -> None:
    ann = await api_site.program("ann")
    post = await ann.publish("mine", visibility=post_visibility)
    path = f"/api/v1/statuses/{post['id']}/reblog"
    boost = await ann.json("POST", path, json={"visibility": asked})
    assert boost["visibility"] == max(asked, post_visibility, key=ORDER.index)


async def test_direct_boost_is_refused(api_site: ApiSite) -> None:
    ann = await api_site.program("ann")
    post = await ann.publish("mine")
    path = f"/api/v1/statuses/{post['id']}/reblog"
    refused = await ann.json("POST", path, json={"visibility": "direct"}, status=422)
    assert list(refused["details"]) == ["visibility"]
    assert (await ann.json("GET", f"/api/v1/statuses/{post['id']}"))["reblogged"] is False


async def test_delete_of_a_boost_takes_it_back_and_returns_it(api_site: ApiSite) -> None:
    ann, bob = await api_site.program("ann"), await api_site.program("bob")
    post = await ann.publish("boost me")
    boost = await bob.json("POST", f"/api/v1/statuses/{post['id']}/reblog")
    path = f"/api/v1/statuses/{boost['id']}"
    for other in (ann, await api_site.program("eve", role="moderator")):
        await other.json("DELETE", path, status=404)
    deleted: dict[str, Any] = await bob.json("DELETE", path)
    assert (deleted["id"], deleted["reblog"]["id"]) == (boost["id"], post["id"])
    await bob.json("GET", path, status=404)
    await bob.json("DELETE", path, status=404)
    left = await bob.json("GET", f"/api/v1/statuses/{post['id']}")
    assert (left["reblogged"], left["reblogs_count"]) == (False, 0)
    assert await ann.json("GET", "/api/v1/notifications") == []


async def test_deleting_a_boost_on_the_website_takes_it_back(api_site: ApiSite) -> None:
    ann, bob = await api_site.program("ann"), await api_site.program("bob")
    post = await ann.publish("boost me")
    boost = await bob.json("POST", f"/api/v1/statuses/{post['id']}/reblog")
    browser = await api_site.browser(bob.viewer)
    await browser.csrf_from("/settings")
    page = await browser.post(f"/posts/{boost['id']}/delete", form={})
    assert (page.status, page.headers["location"]) == (303, f"/@ann/{post['id']}")
    assert (await bob.json("GET", f"/api/v1/statuses/{post['id']}"))["reblogs_count"] == 0
