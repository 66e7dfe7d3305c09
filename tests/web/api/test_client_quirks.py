"""What real clients rely on, in small things: entities, empty listings, links, texts."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.web.api.instance import API_VERSIONS, VERSION
from tests.web.api.api_site import ApiSite


class TestMutes:
    async def test_muted_account_says_when_its_mute_ends(self, api_site: ApiSite) -> None:
        ann, bob, carol = [await api_site.program(name) for name in ("ann", "bob", "carol")]
        made = await ann.json("POST", f"/api/v1/accounts/{bob.id}/mute", json={"duration": 3600})
        assert made["muting_expires_at"].endswith("Z")
        forever = await ann.json("POST", f"/api/v1/accounts/{carol.id}/mute")
        assert (forever["muting"], forever["muting_expires_at"]) == (True, None)
        listed = {each["id"]: each for each in await ann.json("GET", "/api/v1/mutes")}
        assert listed[bob.id]["mute_expires_at"] == made["muting_expires_at"]
        assert listed[carol.id]["mute_expires_at"] is None
        assert listed[bob.id]["username"] == "bob"
        (shown,) = await ann.json("GET", f"/api/v1/accounts/relationships?id[]={bob.id}")
        assert shown["muting_expires_at"] == made["muting_expires_at"]


class TestFilters:
    async def test_update_keeps_what_is_left_out(self, api_site: ApiSite) -> None:
        ann = await api_site.program("ann")
        sent = {"phrase": "cats", "context": ["home", "public"], "irreversible": True, "expires_in": 3600}
        made = await ann.json("POST", "/api/v1/filters", json=sent)
        path = f"/api/v1/filters/{made['id']}"
        for change in ({"phrase": "dogs"}, {"whole_word": True}, {"context": ["thread"]}, {}):
            before = await ann.json("GET", path)
            after = await ann.json("PUT", path, json=change)
            expected = {**before, **change}
            assert after == expected, change


class TestSignUp:
    async def test_token_of_an_account_may_sign_somebody_up(self, api_site: ApiSite) -> None:
        """The token has to be an app's; whose it is does not matter."""
        ann = await api_site.program("ann")
        sent = {
            "username": "nina",
            "email": "nina@example.org",
            "password": "long enough, and odd",
            "agreement": True,
        }
        await ann.json("POST", "/api/v1/accounts", json=sent, status=403)
        of_app = await api_site.of_app()
        first = {**sent, "username": "first", "email": "first@example.org"}
        issued = await of_app.json("POST", "/api/v1/accounts", json=first)
        headers = {"Authorization": f"Bearer {issued['access_token']}"}
        answer = await api_site.stranger().json("POST", "/api/v1/accounts", json=sent, headers=headers)
        assert answer["token_type"] == "Bearer"

    @pytest.mark.parametrize("blank", ["", "  "])
    async def test_blank_name_and_address_are_blank_and_invalid(self, api_site: ApiSite, blank: str) -> None:
        app = await api_site.of_app()
        sent = {"username": blank, "email": blank, "password": blank, "agreement": False}
        answer = await app.json("POST", "/api/v1/accounts", json=sent, status=422)
        reasons = {name: [each["error"] for each in found] for name, found in answer["details"].items()}
        assert reasons == {
            "username": ["ERR_BLANK", "ERR_INVALID"],
            "email": ["ERR_BLANK", "ERR_INVALID"],
            "password": ["ERR_BLANK"],
            "agreement": ["ERR_ACCEPTED"],
        }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/accounts/familiar_followers?id[]={id}&id[]=1", [{"id": "{id}", "accounts": []}]),
        ("/api/v1/scheduled_statuses", []),
        ("/api/v1/instance/domain_blocks", []),
        ("/api/v1/instance/translation_languages", {}),
        ("/api/v1/accounts/{id}/identity_proofs", []),
    ],
)
async def test_what_there_is_not_yet_is_answered_empty(api_site: ApiSite, path: str, expected: Any) -> None:
    ann = await api_site.program("ann")
    if expected and isinstance(expected, list):
        expected = [{"id": ann.id, "accounts": []}]
    assert await ann.json("GET", path.replace("{id}", ann.id)) == expected


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_notifications_are_cleared_by_either_version(api_site: ApiSite, version: str) -> None:
    ann, bob = await api_site.program("ann"), await api_site.program("bob")
    await bob.publish("hello @ann")
    assert await ann.json("GET", "/api/v1/notifications") != []
    await ann.json("POST", f"/api/{version}/notifications/clear")
    assert await ann.json("GET", "/api/v1/notifications") == []


async def test_tags_worth_featuring_are_those_of_all_own_posts(api_site: ApiSite) -> None:
    ann = await api_site.program("ann")
    for text, visibility in (("#tea", "private"), ("#tea", "direct"), ("#cake", "public")):
        await ann.publish(text, visibility=visibility)
    found = await ann.json("GET", "/api/v1/featured_tags/suggestions")
    assert [each["name"] for each in found] == ["tea", "cake"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/timelines/public",
        "/api/v1/timelines/home",
        "/api/v1/accounts/{id}/statuses",
        "/api/v1/bookmarks",
        "/api/v1/favourites",
        "/api/v1/lists/{list}/accounts",
    ],
)
async def test_full_last_page_names_a_next_one(api_site: ApiSite, path: str) -> None:
    ann = await api_site.program("ann")
    for number in range(2):
        post = await ann.publish(f"post {number}")
        for verb in ("bookmark", "favourite"):
            await ann.json("POST", f"/api/v1/statuses/{post['id']}/{verb}")
    if "list" in path:
        made = (await ann.json("POST", "/api/v1/lists", json={"title": "friends"}))["id"]
        path = path.replace("{list}", made)
        for name in ("bob", "carol"):
            other = await api_site.program(name)
            await ann.json("POST", f"/api/v1/accounts/{other.id}/follow")
            await ann.json("POST", path, json={"account_ids": [other.id]})
    full = await ann.get(f"{path.replace('{id}', ann.id)}?limit=2")
    assert len(full.json()) == 2
    assert 'rel="next"' in full.headers["link"]
    further = full.headers["link"].partition(">")[0].removeprefix("<http://localhost:8000")
    assert await ann.json("GET", further) == []
    assert 'rel="next"' not in (await ann.get(f"{path.replace('{id}', ann.id)}?limit=3")).headers["link"]


@pytest.mark.parametrize("name", ["extended_description", "privacy_policy"])
async def test_texts_of_the_site_have_a_date(api_site: ApiSite, name: str) -> None:
    path = f"/api/v1/instance/{name}"
    first = await api_site.stranger().json("GET", path)
    assert first["updated_at"].endswith("Z")
    assert await api_site.stranger().json("GET", path) == first


async def test_health_is_ok_as_text_and_as_json(api_site: ApiSite) -> None:
    plain = await api_site.stranger().get("/health")
    assert (plain.status, plain.text, plain.headers["content-type"]) == (
        200,
        "OK",
        "text/plain; charset=utf-8",
    )
    assert await api_site.stranger().json("GET", "/health", headers={"Accept": "application/json"}) == {
        "status": "ok"
    }


async def test_personal_token_is_verified_as_an_app(api_site: ApiSite) -> None:
    ann = await api_site.program("ann")
    answer = await ann.json("GET", "/api/v1/apps/verify_credentials")
    assert (answer["name"], answer["vapid_key"]) == ("Personal token", "")
    of_app = await api_site.of_app()
    assert (await of_app.json("GET", "/api/v1/apps/verify_credentials"))["vapid_key"] == ""


def test_version_claims_no_quotes() -> None:
    numbers = [int(each) for each in VERSION.partition(" ")[0].split(".")]
    assert [4, 0, 0] < numbers < [4, 5, 0]
    assert API_VERSIONS == {"mastodon": 6}


async def test_scripts_of_other_sites_may_send_any_header(api_site: ApiSite) -> None:
    asked = {
        "Origin": "https://client.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization, cache-control, x-anything",
    }
    answer = await api_site.stranger().request("OPTIONS", "/api/v1/timelines/home", headers=asked)
    allowed = [each.strip().lower() for each in answer.headers["access-control-allow-headers"].split(",")]
    assert {"*", "authorization", "cache-control", "content-type"} <= set(allowed)


async def test_change_of_the_language_alone_is_no_edit(api_site: ApiSite) -> None:
    ann = await api_site.program("ann")
    post = await ann.publish("hallo", language="en")
    path = f"/api/v1/statuses/{post['id']}"
    changed = await ann.json("PUT", path, json={"status": "hallo", "language": "de"})
    assert (changed["language"], changed["edited_at"]) == ("de", None)
    assert len(await ann.json("GET", f"{path}/history")) == 1
    edited = await ann.json("PUT", path, json={"status": "Hallo", "language": "de"})
    assert edited["edited_at"] is not None
    assert len(await ann.json("GET", f"{path}/history")) == 2
