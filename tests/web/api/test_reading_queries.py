"""Listings of what one chooses to read cost the same number of statements, however long they are."""

from __future__ import annotations

import pytest

from tests.web.api.api_site import ApiSite, Program
from tests.web.api.test_queries import Counter

LISTINGS = [
    "/api/v1/lists",
    "/api/v1/lists/{list}/accounts",
    "/api/v1/timelines/list/{list}",
    "/api/v1/followed_tags",
    "/api/v1/featured_tags",
    "/api/v2/filters",
    "/api/v1/filters",
    "/api/v1/conversations",
    "/api/v1/endorsements",
    "/api/v2/notifications",
    "/api/v1/accounts/{ann}/statuses?pinned=true",
    "/api/v1/trends/tags",
    "/api/v1/trends/statuses",
    "/api/v1/directory",
    "/api/v2/suggestions",
]


async def fill(api_site: ApiSite, ann: Program, list_id: str, name: str) -> None:
    """One more of everything."""
    who, friend = await api_site.program(name), await api_site.program(f"{name}friend")
    await ann.json("POST", f"/api/v1/accounts/{who.id}/follow")
    await who.json("POST", f"/api/v1/accounts/{friend.id}/follow")
    await ann.json("POST", f"/api/v1/lists/{list_id}/accounts", json={"account_ids": [who.id]})
    await ann.json("POST", "/api/v1/lists", json={"title": name})
    await ann.json("POST", f"/api/v1/accounts/{who.id}/pin")
    await ann.json("POST", f"/api/v1/tags/{name}/follow")
    await ann.json("POST", "/api/v1/featured_tags", json={"name": name})
    await ann.json("POST", "/api/v1/filters", json={"phrase": name, "context": ["home", "public"]})
    await who.publish(f"@ann hello {name}", visibility="direct")
    theirs, own = await who.publish(f"#{name}"), await ann.publish(f"mine #{name}")
    await ann.json("POST", f"/api/v1/statuses/{own['id']}/pin")
    for each in (who, friend):
        await each.json("POST", f"/api/v1/statuses/{own['id']}/favourite")
    for each in (ann, friend):
        await each.json("POST", f"/api/v1/statuses/{theirs['id']}/favourite")


async def test_they_cost_the_same_whatever_their_length(
    api_site: ApiSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await api_site.program("ann")
    made = await ann.json("POST", "/api/v1/lists", json={"title": "first"})
    await fill(api_site, ann, made["id"], "one")
    assert await api_site.microblog.trends.compute() == (1, 2)
    counter = Counter(api_site, monkeypatch)
    paths = [path.format(list=made["id"], ann=ann.id) for path in LISTINGS]
    short = {path: await counter.of(ann, path) for path in paths}
    for name in ("two", "three", "four"):
        await fill(api_site, ann, made["id"], name)
    await api_site.microblog.trends.compute()
    for path in paths:
        assert await ann.json("GET", path), path
    assert {path: await counter.of(ann, path) for path in paths} == short
    assert max(short.values()) <= 5
