"""What people choose about being found: stored, answered and honoured, each by itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.api.api_site import ApiSite, Program

PROFILE = "/api/v1/accounts/update_credentials"


async def found(program: Program, word: str) -> list[str]:
    answer = await program.json("GET", f"/api/v2/search?type=statuses&q={word}")
    return [each["id"] for each in answer["statuses"]]


@pytest.mark.parametrize("name", ["discoverable", "indexable", "noindex", "hide_collections"])
async def test_each_choice_is_stored_by_itself(api_site: ApiSite, name: str) -> None:
    ann = await api_site.program("ann")
    names = ("discoverable", "indexable", "noindex", "hide_collections")
    before = await ann.json("GET", "/api/v1/accounts/verify_credentials")
    changed = await ann.json("PATCH", PROFILE, json={name: not before[name]})
    shown = await api_site.stranger().json("GET", f"/api/v1/accounts/{ann.id}")
    for each in names:
        # Search engines are told to leave out those who don't want to be found at all.
        follows = name == "discoverable" and each == "noindex"
        assert (
            changed[each]
            == shown[each]
            == (before[each] if each != name and not follows else not before[each])
        )
    await ann.json("PATCH", PROFILE, json={"display_name": "Ann"})
    assert (await ann.json("GET", "/api/v1/accounts/verify_credentials"))[name] == changed[name]
    page = await api_site.stranger().get("/@ann")
    assert ("noindex" in page.text) == (name in ("discoverable", "noindex"))


async def test_posts_of_an_account_that_is_not_indexable_are_found_by_those_who_interacted(
    api_site: ApiSite,
) -> None:
    ann, bob = await api_site.program("ann"), await api_site.program("bob")
    post = await ann.publish("the comet is bright @bob")
    plain = await ann.publish("another comet")
    assert set(await found(await api_site.program("carol"), "comet")) == {post["id"], plain["id"]}
    await ann.json("PATCH", PROFILE, json={"indexable": False})
    assert await found(await api_site.program("dave"), "comet") == []
    assert set(await found(ann, "comet")) == {post["id"], plain["id"]}
    assert await found(bob, "comet") == [post["id"]]
    for number, verb in enumerate(("favourite", "reblog", "bookmark")):
        reader = await api_site.program(f"reader{number}")
        await reader.json("POST", f"/api/v1/statuses/{plain['id']}/{verb}")
        assert await found(reader, "comet") == [plain["id"]], verb
        await reader.json("POST", f"/api/v1/statuses/{plain['id']}/un{verb}")
        assert await found(reader, "comet") == [], verb


async def test_pages_search_by_the_same_rule(api_site: ApiSite) -> None:
    ann = await api_site.program("ann")
    await ann.publish("the comet is bright")
    bob = await api_site.browser((await api_site.program("bob")).viewer)
    assert "the comet is bright" in (await bob.get("/search?q=comet")).text
    await ann.json("PATCH", PROFILE, json={"indexable": False})
    assert "the comet is bright" not in (await bob.get("/search?q=comet")).text
    assert "the comet is bright" not in (await api_site.stranger().get("/search?q=comet")).text


async def test_hidden_lists_are_empty_for_others(api_site: ApiSite) -> None:
    ann, bob = await api_site.program("ann"), await api_site.program("bob")
    await ann.json("POST", f"/api/v1/accounts/{bob.id}/follow")
    await bob.json("POST", f"/api/v1/accounts/{ann.id}/follow")
    await ann.json("PATCH", PROFILE, json={"hide_collections": True})
    for which in ("followers", "following"):
        path = f"/api/v1/accounts/{ann.id}/{which}"
        assert [each["id"] for each in await ann.json("GET", path)] == [bob.id]
        for other in (bob, api_site.stranger()):
            assert await other.json("GET", path) == []
        page = await api_site.stranger().get(f"/@ann/{which}")
        assert "@bob" not in page.html.text_content()
        assert "has chosen to hide this list" in page.text


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (["example.org", "https://Blog.Example.com/", "example.org"], ["example.org", "blog.example.com"]),
        (["bücher.example"], ["xn--bcher-kva.example"]),
        ([], []),
        ([""], []),
    ],
)
async def test_attribution_domains_are_stored_as_hosts(
    api_site: ApiSite, sent: list[str], stored: list[str]
) -> None:
    ann = await api_site.program("ann")
    await ann.json("PATCH", PROFILE, json={"attribution_domains": ["before.example"]})
    answer = await ann.json("PATCH", PROFILE, json={"attribution_domains": sent})
    assert answer["source"]["attribution_domains"] == stored
    again: Any = await ann.json("GET", "/api/v1/accounts/verify_credentials")
    assert again["source"]["attribution_domains"] == stored


@pytest.mark.parametrize(
    "wrong", [["not a host"], [f"{number}.example" for number in range(101)], ["a" * 5000]]
)
async def test_attribution_domain_that_is_none_is_refused(api_site: ApiSite, wrong: list[str]) -> None:
    ann = await api_site.program("ann")
    answer = await ann.json("PATCH", PROFILE, json={"attribution_domains": wrong}, status=422)
    assert list(answer["details"]) == ["attribution_domains"]


async def test_policy_for_limited_accounts_is_stored(api_site: ApiSite) -> None:
    ann = await api_site.program("ann")
    await ann.json("PATCH", "/api/v2/notifications/policy", json={"for_limited_accounts": "drop"})
    await ann.json("PATCH", "/api/v2/notifications/policy", json={"for_not_following": "filter"})
    answer = await ann.json("GET", "/api/v2/notifications/policy")
    assert (answer["for_limited_accounts"], answer["for_not_following"]) == ("drop", "filter")


async def test_settings_page_changes_the_choices(api_site: ApiSite) -> None:
    ann = await api_site.program("ann")
    browser = await api_site.browser(ann.viewer)
    await browser.get("/settings")
    await browser.post("/settings", form={"display_name": "Ann", "noindex": "on", "hide_collections": "on"})
    shown = await ann.json("GET", "/api/v1/accounts/verify_credentials")
    assert [shown[each] for each in ("indexable", "noindex", "hide_collections")] == [False, True, True]
