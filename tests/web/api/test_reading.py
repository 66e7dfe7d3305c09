"""What one chooses to read, for programs: lists, tags, filters, pins, conversations, groups, trends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.api.api_site import ApiSite, Program


async def three(api_site: ApiSite) -> tuple[Program, Program, Program]:
    ann, bob, eve = [await api_site.program(name) for name in ("ann", "bob", "eve")]
    for each in (bob, eve):
        await ann.json("POST", f"/api/v1/accounts/{each.id}/follow")
    return ann, bob, eve


async def test_a_list_from_beginning_to_end(api_site: ApiSite) -> None:
    ann, bob, eve = await three(api_site)
    made = await ann.json("POST", "/api/v1/lists", form={"title": "Friends", "replies_policy": "none"})
    assert made == {"id": made["id"], "title": "Friends", "replies_policy": "none", "exclusive": False}
    path = f"/api/v1/lists/{made['id']}"
    assert await ann.json("POST", f"{path}/accounts", form={"account_ids[]": bob.id}) == {}
    await bob.publish("by bob")
    await eve.publish("by eve")
    shown = await ann.json("GET", f"/api/v1/timelines/list/{made['id']}")
    assert [each["content"] for each in shown] == ["<p>by bob</p>"]
    assert [each["id"] for each in await ann.json("GET", f"{path}/accounts?limit=0")] == [bob.id]
    assert [each["id"] for each in await ann.json("GET", f"/api/v1/accounts/{bob.id}/lists")] == [made["id"]]
    changed = await ann.json("PUT", path, json={"title": "Loud", "exclusive": True})
    assert (changed["title"], changed["replies_policy"], changed["exclusive"]) == ("Loud", "none", True)
    assert await ann.json("DELETE", f"{path}/accounts?account_ids[]={bob.id}") == {}
    assert await ann.json("GET", f"{path}/accounts") == []
    await ann.json("POST", f"{path}/accounts", json={"account_ids": ["1"]}, status=404)
    await ann.json("POST", "/api/v1/lists", form={"title": ""}, status=422)
    for method, each in [("GET", path), ("PUT", path), ("DELETE", path), ("GET", f"{path}/accounts")]:
        await bob.json(method, each, status=404)
    await bob.json("GET", f"/api/v1/timelines/list/{made['id']}", status=404)
    assert await ann.json("DELETE", path) == {}
    assert await ann.json("GET", "/api/v1/lists") == []


async def test_tags_are_followed_and_featured(api_site: ApiSite) -> None:
    ann, bob, _ = await three(api_site)
    await bob.publish("all about #Tea")
    found = await ann.json("GET", "/api/v1/tags/tea")
    assert (found["name"], found["following"], len(found["history"])) == ("Tea", False, 7)
    assert (found["history"][0]["uses"], found["history"][0]["accounts"]) == ("1", "1")
    assert "following" not in await api_site.stranger().json("GET", "/api/v1/tags/tea")
    assert (await ann.json("POST", "/api/v1/tags/TEA/follow"))["following"]
    assert [each["name"] for each in await ann.json("GET", "/api/v1/followed_tags")] == ["Tea"]
    assert not (await ann.json("POST", "/api/v1/tags/tea/unfollow"))["following"]
    assert [e["name"] for e in await bob.json("GET", "/api/v1/featured_tags/suggestions")] == ["Tea"]
    made = await bob.json("POST", "/api/v1/featured_tags", form={"name": "#Tea"})
    assert (made["statuses_count"], made["name"]) == ("1", "Tea")
    assert made["url"].endswith("/@bob/tagged/tea")
    assert await api_site.stranger().json("GET", f"/api/v1/accounts/{bob.id}/featured_tags") == [made]
    await ann.json("DELETE", f"/api/v1/featured_tags/{made['id']}", status=404)
    assert await bob.json("DELETE", f"/api/v1/featured_tags/{made['id']}") == {}
    assert (await bob.json("POST", "/api/v1/tags/tea/feature"))["featuring"]
    assert not (await bob.json("POST", "/api/v1/tags/tea/unfeature"))["featuring"]
    await ann.json("GET", "/api/v1/tags/12", status=404)
    await ann.json("POST", "/api/v1/featured_tags", form={"name": ""}, status=422)


async def test_filters_in_both_versions(api_site: ApiSite) -> None:
    ann, bob, _ = await three(api_site)
    made = await ann.json(
        "POST",
        "/api/v2/filters",
        form={
            "title": "Films",
            "context[]": "home",
            "keywords_attributes[][keyword]": "spoiler",
            "keywords_attributes[][whole_word]": "false",
        },
    )
    assert (made["filter_action"], made["expires_at"], made["context"]) == ("warn", None, ["home"])
    (word,) = made["keywords"]
    post = await bob.publish("SPOILERS ahead")
    (shown,) = [each for each in await ann.json("GET", "/api/v1/timelines/home") if each["id"] == post["id"]]
    (why,) = shown["filtered"]
    assert why["filter"]["id"] == made["id"]
    assert "keywords" not in why["filter"]
    assert (why["keyword_matches"], why["status_matches"]) == (["SPOILER"], None)
    assert (await ann.json("GET", "/api/v1/timelines/public"))[0]["filtered"] == []
    path = f"/api/v2/filters/{made['id']}"
    changed = await ann.json(
        "PUT",
        path,
        json={
            "filter_action": "hide",
            "expires_in": 3600,
            "keywords_attributes": [{"id": word["id"], "_destroy": True}, {"keyword": "new"}],
        },
    )
    assert [each["keyword"] for each in changed["keywords"]] == ["new"]
    assert (changed["filter_action"], changed["expires_at"] is None) == ("hide", False)
    assert (await ann.json("PUT", path, json={"expires_in": None}))["expires_at"] is None
    entry = await ann.json("POST", f"{path}/statuses", form={"status_id": post["id"]})
    assert await ann.json("GET", f"{path}/statuses") == [entry]
    old = await ann.json("GET", "/api/v1/filters")
    assert [(each["phrase"], each["irreversible"]) for each in old] == [("new", True)]
    one = await ann.json(
        "POST", "/api/v1/filters", json={"phrase": "soup", "context": ["public"], "whole_word": True}
    )
    assert len(await ann.json("GET", "/api/v2/filters")) == 2
    for method, each in [
        ("GET", path),
        ("DELETE", path),
        ("POST", f"{path}/keywords"),
        ("DELETE", f"/api/v2/filters/statuses/{entry['id']}"),
        ("DELETE", f"/api/v1/filters/{one['id']}"),
    ]:
        await bob.json(method, each, form={"keyword": "x"}, status=404)
    assert await ann.json("DELETE", f"/api/v1/filters/{one['id']}") == {}
    assert await ann.json("DELETE", path) == {}
    assert await ann.json("GET", "/api/v2/filters") == []
    await ann.json("POST", "/api/v2/filters", json={"title": "x", "context": ["moon"]}, status=422)


async def test_pins_conversations_markers_and_muted_threads(api_site: ApiSite) -> None:
    ann, bob, eve = await three(api_site)
    post = await ann.publish("mine")
    assert (await ann.json("POST", f"/api/v1/statuses/{post['id']}/pin"))["pinned"]
    pinned = await bob.json("GET", f"/api/v1/accounts/{ann.id}/statuses?pinned=true")
    assert [each["id"] for each in pinned] == [post["id"]]
    await bob.json("POST", f"/api/v1/statuses/{post['id']}/pin", status=422)
    assert not (await ann.json("POST", f"/api/v1/statuses/{post['id']}/unpin"))["pinned"]
    assert (await ann.json("POST", f"/api/v1/statuses/{post['id']}/mute"))["muted"]
    await bob.publish("@ann hello", in_reply_to_id=post["id"])
    assert await ann.json("GET", "/api/v1/notifications?types[]=mention") == []
    assert not (await ann.json("POST", f"/api/v1/statuses/{post['id']}/unmute"))["muted"]

    await bob.publish("@ann psst", visibility="direct")
    (talk,) = await ann.json("GET", "/api/v1/conversations")
    assert (talk["unread"], [each["id"] for each in talk["accounts"]]) == (True, [bob.id])
    assert not (await ann.json("POST", f"/api/v1/conversations/{talk['id']}/read"))["unread"]
    await eve.json("POST", f"/api/v1/conversations/{talk['id']}/read", status=404)
    await eve.json("DELETE", f"/api/v1/conversations/{talk['id']}", status=404)
    assert await ann.json("DELETE", f"/api/v1/conversations/{talk['id']}") == {}

    assert await ann.json("GET", "/api/v1/markers?timeline[]=home") == {}
    set_ = await ann.json("POST", "/api/v1/markers", form={"home[last_read_id]": post["id"]})
    assert (set_["home"]["last_read_id"], set_["home"]["version"]) == (post["id"], 1)
    assert await ann.json("GET", "/api/v1/markers?timeline[]=home") == set_


async def test_endorsements_and_notes(api_site: ApiSite) -> None:
    ann, bob, _ = await three(api_site)
    assert (await ann.json("POST", f"/api/v1/accounts/{bob.id}/pin"))["endorsed"]
    assert [each["id"] for each in await ann.json("GET", "/api/v1/endorsements")] == [bob.id]
    assert [e["id"] for e in await bob.json("GET", f"/api/v1/accounts/{ann.id}/endorsements")] == [bob.id]
    assert not (await ann.json("POST", f"/api/v1/accounts/{bob.id}/unpin"))["endorsed"]
    await bob.json("POST", f"/api/v1/accounts/{ann.id}/pin", status=422)
    noted = await ann.json("POST", f"/api/v1/accounts/{bob.id}/note", form={"comment": "choir"})
    assert noted["note"] == "choir"
    (there,) = await ann.json("GET", f"/api/v1/accounts/relationships?id[]={bob.id}")
    assert there["note"] == "choir"
    (theirs,) = await bob.json("GET", f"/api/v1/accounts/relationships?id[]={ann.id}")
    assert theirs["note"] == ""


async def test_notifications_come_in_groups_with_a_policy(api_site: ApiSite) -> None:
    ann, bob, eve = await three(api_site)
    post = await ann.publish("liked")
    for each in (bob, eve):
        await each.json("POST", f"/api/v1/statuses/{post['id']}/favourite")
    await bob.publish("@ann hello")
    found = await ann.json("GET", "/api/v2/notifications")
    mention, liked = found["notification_groups"]
    assert (mention["type"], mention["notifications_count"]) == ("mention", 1)
    assert (liked["type"], liked["notifications_count"]) == ("favourite", 2)
    assert liked["sample_account_ids"] == [eve.id, bob.id]
    assert liked["status_id"] == post["id"]
    assert {each["id"] for each in found["accounts"]} == {bob.id, eve.id}
    page = await ann.request("GET", "/api/v2/notifications?limit=1")
    assert f"max_id={mention['page_min_id']}" in page.headers["link"]
    one = await ann.json("GET", f"/api/v2/notifications/{liked['group_key']}")
    assert one["notification_groups"] == [liked]
    people = await ann.json("GET", f"/api/v2/notifications/{liked['group_key']}/accounts")
    assert [each["id"] for each in people] == [eve.id, bob.id]
    assert (await ann.json("GET", "/api/v2/notifications/unread_count"))["count"] == 2
    await bob.json("GET", f"/api/v2/notifications/{liked['group_key']}", status=404)
    await bob.json("POST", f"/api/v2/notifications/{mention['group_key']}/dismiss", status=404)
    assert await ann.json("POST", f"/api/v2/notifications/{liked['group_key']}/dismiss") == {}
    left = await ann.json("GET", "/api/v2/notifications")
    assert [each["type"] for each in left["notification_groups"]] == ["mention"]

    policy = await ann.json("PATCH", "/api/v2/notifications/policy", form={"for_not_following": "filter"})
    assert (policy["for_not_following"], policy["for_new_accounts"]) == ("filter", "accept")
    zed = await api_site.program("zed")
    await zed.publish("@ann let me in")
    await bob.publish("@ann me again")
    assert len(await ann.json("GET", "/api/v1/notifications")) == 2
    policy = await ann.json("GET", "/api/v2/notifications/policy")
    assert policy["summary"] == {"pending_requests_count": 1, "pending_notifications_count": 1}
    (waits,) = await ann.json("GET", "/api/v1/notifications/requests")
    assert (waits["id"], waits["notifications_count"]) == (zed.id, "1")
    assert waits["last_status"]["content"].count("let me in") == 1
    await bob.json("GET", f"/api/v1/notifications/requests/{zed.id}", status=404)
    await ann.json("POST", f"/api/v1/notifications/requests/{zed.id}/accept")
    assert len(await ann.json("GET", "/api/v1/notifications")) == 3
    await zed.publish("@ann thank you")
    assert len(await ann.json("GET", "/api/v1/notifications")) == 4
    await ann.json("PATCH", "/api/v2/notifications/policy", form={"for_not_following": "drop"})
    yan = await api_site.program("yan")
    await yan.publish("@ann never seen")
    assert await ann.json("GET", "/api/v1/notifications/requests") == []
    assert (await ann.json("GET", "/api/v1/notifications/policy"))["filter_not_following"]


async def test_trends_directory_and_suggestions(api_site: ApiSite) -> None:
    ann, bob, eve = await three(api_site)
    post = await bob.publish("about #tea")
    await eve.publish("more #tea")
    await eve.publish("#alone")
    for each in (ann, eve):
        await each.json("POST", f"/api/v1/statuses/{post['id']}/favourite")
    assert await ann.json("GET", "/api/v1/trends/tags") == []
    assert await api_site.microblog.trends.compute() == (1, 1)
    (tag,) = await api_site.stranger().json("GET", "/api/v1/trends/tags")
    assert (tag["name"], tag["history"][0]["accounts"]) == ("tea", "2")
    (found,) = await ann.json("GET", "/api/v1/trends/statuses")
    assert found["id"] == post["id"]
    await ann.json("POST", f"/api/v1/accounts/{bob.id}/mute")
    assert await ann.json("GET", "/api/v1/trends/statuses") == []
    assert await ann.json("GET", "/api/v1/trends/links") == []

    newest = await api_site.stranger().json("GET", "/api/v1/directory?order=new")
    assert [each["username"] for each in newest] == ["eve", "bob", "ann"]
    active = await api_site.stranger().json("GET", "/api/v1/directory?order=active&limit=1")
    assert [each["username"] for each in active] == ["eve"]

    zed = await api_site.program("zed")
    await eve.json("POST", f"/api/v1/accounts/{zed.id}/follow")
    (offered,) = await ann.json("GET", "/api/v2/suggestions")
    assert (offered["account"]["id"], offered["sources"]) == (zed.id, ["friends_of_friends"])
    assert await ann.json("DELETE", f"/api/v1/suggestions/{zed.id}") == {}
    assert await ann.json("DELETE", f"/api/v1/suggestions/{zed.id}") == {}
    await ann.json("DELETE", "/api/v1/suggestions/1", status=404)
    assert await ann.json("GET", "/api/v1/suggestions") == []
    wanted = await ann.json("GET", "/api/v1/preferences")
    assert wanted["posting:default:visibility"] == "public"


PRIVATE: list[Any] = [
    "/api/v1/lists",
    "/api/v1/followed_tags",
    "/api/v1/featured_tags",
    "/api/v1/filters",
    "/api/v2/filters",
    "/api/v1/markers",
    "/api/v1/conversations",
    "/api/v1/endorsements",
    "/api/v2/notifications",
    "/api/v2/notifications/policy",
    "/api/v1/notifications/requests",
    "/api/v2/suggestions",
    "/api/v1/preferences",
]


@pytest.mark.parametrize("path", PRIVATE)
async def test_what_is_ones_own_takes_a_token(api_site: ApiSite, path: str) -> None:
    await api_site.stranger().json("GET", path, status=401)
    await (await api_site.program("ann", ["push"])).json("GET", path, status=403)
