"""What programs meet at the edges: a post has all of its fields wherever it comes from, and errors are JSON."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.api.api_site import ApiSite, Program
from tests.web.api.test_matrix import ENDPOINTS


async def _filtered(api_site: ApiSite) -> tuple[Program, Program, dict[str, Any]]:
    """Ann, whose filter for threads meets the post; its author, who is told of nothing by it; the post."""
    ann, bob = await api_site.program("ann"), await api_site.program("bob")
    await ann.json(
        "POST",
        "/api/v2/filters",
        json={"title": "pets", "context": ["thread"], "keywords_attributes": [{"keyword": "cats"}]},
    )
    return ann, bob, await bob.publish("@ann about cats", visibility="direct")


def _titles(post: dict[str, Any]) -> list[str]:
    return [each["filter"]["title"] for each in post["filtered"]]


@pytest.mark.parametrize("verb", ["favourite", "bookmark", "unfavourite", "unbookmark", "mute", "unmute"])
async def test_what_is_answered_to_a_reaction_says_what_filters_say(api_site: ApiSite, verb: str) -> None:
    ann, _, post = await _filtered(api_site)
    answer = await ann.json("POST", f"/api/v1/statuses/{post['id']}/{verb}")
    assert _titles(answer) == ["pets"]
    # Programs hide by where they show it, so each result says where it applies.
    assert answer["filtered"][0]["filter"]["context"] == ["thread"]


async def test_a_boost_says_so_of_what_it_boosts(api_site: ApiSite) -> None:
    ann, bob, _ = await _filtered(api_site)
    post = await bob.publish("cats for all")
    for verb in ("reblog", "unreblog"):
        answer = await ann.json("POST", f"/api/v1/statuses/{post['id']}/{verb}")
        assert _titles(answer["reblog"] or answer) == ["pets"]


async def test_so_do_single_posts_and_what_one_keeps(api_site: ApiSite) -> None:
    ann, bob, post = await _filtered(api_site)
    path = f"/api/v1/statuses/{post['id']}"
    for verb in ("favourite", "bookmark"):
        await ann.json("POST", f"{path}/{verb}")
    assert _titles(await ann.json("GET", path)) == ["pets"]
    for listing in ("/api/v1/bookmarks", "/api/v1/favourites", f"/api/v1/statuses?id[]={post['id']}"):
        assert [_titles(each) for each in await ann.json("GET", listing)] == [["pets"]], listing
    (talk,) = await ann.json("GET", "/api/v1/conversations")
    assert _titles(talk["last_status"]) == ["pets"]
    read = await ann.json("POST", f"/api/v1/conversations/{talk['id']}/read")
    assert _titles(read["last_status"]) == ["pets"]
    assert _titles(await bob.json("GET", path)) == []


async def test_groups_of_notifications_heed_filters_for_notifications(api_site: ApiSite) -> None:
    ann, bob, _ = await _filtered(api_site)
    await ann.json(
        "POST",
        "/api/v2/filters",
        json={"title": "loud", "context": ["notifications"], "keywords_attributes": [{"keyword": "dogs"}]},
    )
    await bob.publish("@ann about dogs and cats")
    groups = await ann.json("GET", "/api/v2/notifications")
    assert [_titles(each) for each in groups["statuses"] if "dogs" in each["content"]] == [["loud"]]


async def test_a_stranger_has_no_filters(api_site: ApiSite) -> None:
    _, bob, _ = await _filtered(api_site)
    post = await bob.publish("cats for all")
    assert (await api_site.stranger().json("GET", f"/api/v1/statuses/{post['id']}"))["filtered"] == []


@pytest.mark.parametrize("path", ["/api/v1/statuses/%00", "/api/v1/accounts/%0a", "/oauth/%ff", "/api/%zz"])
async def test_an_address_that_is_no_text_is_an_error_in_json(api_site: ApiSite, path: str) -> None:
    answer = await api_site.stranger().request("GET", path)
    assert (answer.status, answer.headers["content-type"]) == (400, "application/json; charset=utf-8")
    assert "no text" in answer.json()["error"]
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_people_read_it_as_text(api_site: ApiSite) -> None:
    answer = await api_site.stranger().request("GET", "/tags/%00")
    assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")


async def test_all_preferences_that_programs_look_for_are_there(api_site: ApiSite) -> None:
    ann = await api_site.program("ann")
    assert await ann.json("GET", "/api/v1/preferences") == {
        "posting:default:visibility": "public",
        "posting:default:sensitive": False,
        "posting:default:language": None,
        "reading:expand:media": "default",
        "reading:expand:spoilers": False,
        "reading:autoplay:gifs": False,
    }


async def test_posts_of_nobody_are_not_searched(api_site: ApiSite) -> None:
    """As in Mastodon, where the account is looked up first."""
    ann = await api_site.program("ann")
    await ann.json("GET", "/api/v2/search?q=cats&type=statuses&account_id=269", status=404)


NOTHING = ["undefined", "null", "NaN", "%5Bobject+Object%5D", "abc", "-1", str(2**63), "1e9"]


@pytest.mark.parametrize("value", NOTHING)
async def test_listing_ignores_cursors_and_limits_that_are_none(api_site: ApiSite, value: str) -> None:
    """Every paged listing of the API, with each of its numbers."""
    ann = await api_site.program("ann")
    post = await ann.publish("hello #tea")
    made = await ann.json("POST", "/api/v1/lists", json={"title": "friends"})
    for endpoint in ENDPOINTS:
        if not endpoint.paged:
            continue
        path = endpoint.route.path.replace("<tag>", "tea")
        path = path.replace(
            "<id>", made["id"] if "list" in path else post["id"] if "statuses/<" in path else ann.id
        )
        for name in ("limit", "max_id", "min_id", "since_id", "offset"):
            answer = await ann.get(f"{path}?{name}={value}")
            plain = await ann.get(path)
            assert answer.status == plain.status, f"{path} {name}: {answer.text}"
            if value not in ("-1", "1e9"):
                assert answer.json() == plain.json(), f"{path} {name}"


@pytest.mark.parametrize("value", ["undefined", "null", ""])
async def test_profile_ignores_a_scalar_where_a_nest_belongs(api_site: ApiSite, value: str) -> None:
    ann = await api_site.program("ann")
    path = "/api/v1/accounts/update_credentials"
    fields = [{"name": "Site", "value": "example.org"}]
    await ann.json("PATCH", path, json={"fields_attributes": fields, "source": {"privacy": "unlisted"}})
    sent = {"source": value, "locked": value, "display_name": "Ann"} | (
        {"fields_attributes": value} if value else {}
    )
    for options in (
        {"form": sent},
        {"json": sent},
        {"form": sent, "files": {"avatar": ("", "image/png", b"")}},
    ):
        answer = await ann.json("PATCH", path, **options)
        assert answer["display_name"] == "Ann"
        assert answer["source"]["privacy"] == "unlisted"
        assert [each["name"] for each in answer["source"]["fields"]] == ["Site"]
        assert answer["locked"] is False
