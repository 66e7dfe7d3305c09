"""Posts, timelines, notifications and search, as programs see them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from twisted.internet.defer import Deferred, gatherResults

from tests.web.api.api_site import ApiSite, Program


def links(header: str) -> dict[str, str]:
    return {rel: url for url, rel in re.findall(r'<([^>]+)>; rel="(\w+)"', header)}


class TestWriting:
    async def test_a_post_has_the_shape_that_programs_know(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        post = await bob.publish(
            "Hello @bob #First", spoiler_text="careful", visibility="unlisted", language="de"
        )
        assert post["id"].isdigit()
        assert post["created_at"].endswith("Z")
        assert post["url"] == f"http://localhost:8000/@bob/{post['id']}"
        assert (post["visibility"], post["language"], post["sensitive"]) == ("unlisted", "de", True)
        assert post["tags"] == [{"name": "first", "url": "http://localhost:8000/tags/first"}]
        assert (post["card"], post["poll"], post["media_attachments"]) == (None, None, [])
        assert await api_site.stranger().json("GET", f"/api/v1/statuses/{post['id']}") == post

    async def test_the_same_key_gives_the_same_post(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        headers = {"Idempotency-Key": "one"}
        first = await bob.json("POST", "/api/v1/statuses", json={"status": "once"}, headers=headers)
        again = await bob.json("POST", "/api/v1/statuses", json={"status": "once"}, headers=headers)
        assert first["id"] == again["id"]

    async def test_also_when_two_race(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        racing = [
            Deferred.fromCoroutine(
                bob.json("POST", "/api/v1/statuses", json={"status": "x"}, headers={"Idempotency-Key": "k"})
            )
            for _ in range(6)
        ]
        made = await gatherResults(racing)
        assert len({each["id"] for each in made}) == 1
        assert len(await bob.json("GET", f"/api/v1/accounts/{bob.id}/statuses")) == 1

    @pytest.mark.parametrize(
        ("sent", "field"),
        [
            ({"status": " "}, "status"),
            ({"status": "x" * 501}, "status"),
            ({"status": "x", "visibility": "everyone"}, "visibility"),
            ({"status": "x", "media_ids": ["1"]}, "media_ids"),
            ({"status": "x", "poll": {"options": ["a", "b"], "expires_in": 60}}, "poll"),
            ({"status": "x", "scheduled_at": "2030-01-01T00:00:00Z"}, "scheduled_at"),
            ({"status": "x", "quoted_status_id": "1"}, "quoted_status_id"),
            ({"status": "x", "in_reply_to_id": "x"}, "in_reply_to_id"),
            ({"status": "x\0"}, "status"),
        ],
    )
    async def test_what_can_not_be_published_is_told(
        self, api_site: ApiSite, sent: dict[str, Any], field: str | None
    ) -> None:
        bob = await api_site.program("bob")
        answer = await bob.json("POST", "/api/v1/statuses", json=sent, status=422)
        assert list(answer.get("details", {})) == ([field] if field else [])

    @pytest.mark.parametrize("unknown", ["C", "en_US.UTF-8", "POSIX", "not a language", "x" * 5000, "", "ßß"])
    async def test_unknown_language_is_ignored(self, api_site: ApiSite, unknown: str) -> None:
        bob = await api_site.program("bob")
        await bob.json("PATCH", "/api/v1/accounts/update_credentials", json={"source": {"language": "de"}})
        post = await bob.json("POST", "/api/v1/statuses", json={"status": "x", "language": unknown})
        assert post["language"] == "de"
        sent = {"status": "x", "language": "pt_br"}
        post = await bob.json("PUT", f"/api/v1/statuses/{post['id']}", json=sent)
        assert post["language"] == "pt-BR"
        sent = {"status": "y", "language": unknown}
        post = await bob.json("PUT", f"/api/v1/statuses/{post['id']}", json=sent)
        assert post["language"] == "pt-BR"

    async def test_preferences_are_what_a_post_begins_with(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        await bob.json("PATCH", "/api/v1/accounts/update_credentials", form={"source[privacy]": "private"})
        assert (await bob.publish("x"))["visibility"] == "private"

    @pytest.mark.parametrize("kind", ["json", "form", "multipart", "query"])
    async def test_every_kind_of_body_will_do(self, api_site: ApiSite, kind: str) -> None:
        bob = await api_site.program("bob")
        sent = {"status": "x", "sensitive": "true", "media_ids[]": ""}
        if kind == "json":
            post = await bob.publish("x", sensitive=True)
        elif kind == "form":
            post = await bob.json("POST", "/api/v1/statuses/", form=sent)
        elif kind == "multipart":
            post = await bob.json("POST", "/api/v1/statuses", form=sent, files={})
        else:
            post = await bob.json("POST", "/api/v1/statuses?status=x&sensitive=1")
        assert post["sensitive"] is True

    async def test_editing_keeps_what_was(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        post = await bob.publish("one")
        edited = await bob.json("PUT", f"/api/v1/statuses/{post['id']}", json={"status": "two"})
        assert edited["edited_at"] is not None
        history = await api_site.stranger().json("GET", f"/api/v1/statuses/{post['id']}/history")
        assert [each["content"] for each in history] == ["<p>one</p>", "<p>two</p>"]
        source = await bob.json("GET", f"/api/v1/statuses/{post['id']}/source")
        assert source == {"id": post["id"], "text": "two", "spoiler_text": ""}

    @pytest.mark.parametrize(
        ("first", "edit", "sensitive"),
        [
            ({"spoiler_text": "careful"}, {"spoiler_text": ""}, False),
            ({"spoiler_text": "careful"}, {}, False),
            ({"spoiler_text": "careful"}, {"spoiler_text": "", "sensitive": True}, True),
            ({"spoiler_text": "careful"}, {"spoiler_text": "still", "sensitive": False}, True),
            ({"sensitive": True}, {}, True),
            ({"sensitive": True}, {"sensitive": False}, False),
            ({"sensitive": True}, {"spoiler_text": "careful"}, True),
            ({}, {"spoiler_text": "careful"}, True),
        ],
    )
    async def test_edit_that_removes_the_warning_leaves_the_post_sensitive_only_if_it_was_without(
        self, api_site: ApiSite, first: dict[str, Any], edit: dict[str, Any], sensitive: bool
    ) -> None:
        bob = await api_site.program("bob")
        post = await bob.publish("one", **first)
        sent = {"status": "two", **edit}
        edited = await bob.json("PUT", f"/api/v1/statuses/{post['id']}", json=sent)
        assert edited["sensitive"] is sensitive
        assert (await bob.json("GET", f"/api/v1/statuses/{post['id']}"))["sensitive"] is sensitive

    @pytest.mark.parametrize("text", [{"status": ""}, {"status": " \u200b\n"}, {}])
    async def test_warning_without_text_is_published_as_the_text(
        self, api_site: ApiSite, text: dict[str, str]
    ) -> None:
        bob = await api_site.program("bob")
        post = await bob.json("POST", "/api/v1/statuses", json={**text, "spoiler_text": "careful  @bob"})
        path = f"/api/v1/statuses/{post['id']}"
        assert (await bob.json("GET", f"{path}/source"))["text"] == "careful @bob"
        assert (post["spoiler_text"], post["sensitive"]) == ("", True)
        assert [each["acct"] for each in post["mentions"]] == ["bob"]
        edited = await bob.json("PUT", path, json={**text, "spoiler_text": "again"})
        assert (edited["content"], edited["spoiler_text"], edited["sensitive"]) == ("<p>again</p>", "", True)
        refused = {**text, "spoiler_text": " "}
        assert (await bob.request("POST", "/api/v1/statuses", json=refused)).status == 422

    @pytest.mark.parametrize("visibility", ["public", "direct"])
    async def test_post_that_mentions_unexpected_accounts_is_not_published(
        self, api_site: ApiSite, visibility: str
    ) -> None:
        bob, ann, cem = [await api_site.program(name) for name in ("bob", "ann", "cem")]
        text = "@ann @cem @nobody @bob me@cem.example"
        path = "/api/v1/statuses"
        for allowed, unexpected in (
            ([], [ann, cem]),
            ([ann.id], [cem]),
            ([cem.id, "x", "9" * 5000], [ann]),
            ([bob.id], [ann, cem]),
        ):
            sent = {"status": text, "visibility": visibility, "allowed_mentions": allowed}
            refused = await bob.json("POST", path, json=sent, status=422)
            assert refused["error"] == "Post would be sent to unexpected accounts"
            accounts = refused["unexpected_accounts"]
            assert sorted(each["id"] for each in accounts) == sorted(each.id for each in unexpected)
            assert accounts[0] == await bob.json("GET", f"/api/v1/accounts/{accounts[0]['id']}")
        form = {"status": text, "allowed_mentions[]": [ann.id]}
        await bob.json("POST", path, form=form, status=422)
        assert await bob.json("GET", f"/api/v1/accounts/{bob.id}/statuses") == []
        assert await ann.json("GET", "/api/v1/notifications") == []
        everybody = {"status": text, "visibility": visibility, "allowed_mentions": [ann.id, cem.id]}
        assert (await bob.json("POST", path, json=everybody))["visibility"] == visibility
        for alone in ({"allowed_mentions": None}, {}):
            await bob.json("POST", path, json={"status": text, **alone})
        await bob.json("POST", path, json={"status": "nobody at all", "allowed_mentions": []})

    async def test_a_deleted_post_comes_back_as_a_draft(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        post = await bob.publish("one *two*")
        assert (await bob.json("DELETE", f"/api/v1/statuses/{post['id']}"))["text"] == "one *two*"
        await bob.json("GET", f"/api/v1/statuses/{post['id']}", status=404)

    async def test_a_thread_has_two_sides(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        one = await bob.publish("one")
        two = await bob.publish("two", in_reply_to_id=one["id"])
        three = await bob.publish("three", in_reply_to_id=two["id"])
        context = await api_site.stranger().json("GET", f"/api/v1/statuses/{two['id']}/context")
        assert [each["id"] for each in context["ancestors"]] == [one["id"]]
        assert [each["id"] for each in context["descendants"]] == [three["id"]]

    async def test_a_boost_is_a_post_around_a_post(self, api_site: ApiSite) -> None:
        bob, eve = await api_site.program("bob"), await api_site.program("eve")
        post = await bob.publish("one")
        boost = await eve.json("POST", f"/api/v1/statuses/{post['id']}/reblog")
        assert boost["id"] != post["id"]
        assert (boost["reblog"]["id"], boost["reblog"]["reblogged"]) == (post["id"], True)
        boosters = await bob.json("GET", f"/api/v1/statuses/{post['id']}/reblogged_by")
        assert [each["id"] for each in boosters] == [eve.id]
        back = await eve.json("POST", f"/api/v1/statuses/{post['id']}/unreblog")
        assert (back["id"], back["reblogged"], back["reblogs_count"]) == (post["id"], False, 0)

    async def test_favourites_and_bookmarks(self, api_site: ApiSite) -> None:
        bob, eve = await api_site.program("bob"), await api_site.program("eve")
        post = await bob.publish("one")
        assert (await eve.json("POST", f"/api/v1/statuses/{post['id']}/favourite"))["favourites_count"] == 1
        assert (await eve.json("POST", f"/api/v1/statuses/{post['id']}/bookmark"))["bookmarked"] is True
        for path in ("favourites", "bookmarks"):
            assert [each["id"] for each in await eve.json("GET", f"/api/v1/{path}")] == [post["id"]]
        assert (await eve.json("POST", f"/api/v1/statuses/{post['id']}/unfavourite"))["favourited"] is False
        assert (await eve.json("POST", f"/api/v1/statuses/{post['id']}/unbookmark"))["bookmarked"] is False

    async def test_several_at_once_in_the_order_asked_for(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        one, two = await bob.publish("one"), await bob.publish("two", visibility="direct")
        path = f"/api/v1/statuses?id[]={two['id']}&id[]={one['id']}&id[]=1"
        assert [each["id"] for each in await bob.json("GET", path)] == [two["id"], one["id"]]
        assert [each["id"] for each in await api_site.stranger().json("GET", path)] == [one["id"]]


class TestPaging:
    @pytest.mark.parametrize(
        "path", ["/api/v1/timelines/public", "/api/v1/timelines/home", "/api/v1/timelines/tag/a"]
    )
    async def test_links_lead_through_the_whole_listing(self, api_site: ApiSite, path: str) -> None:
        bob = await api_site.program("bob")
        ids = [(await bob.publish(f"{number} #a"))["id"] for number in range(5)][::-1]
        page = await bob.get(path + "?limit=2&local=true")
        assert page.headers["link"].index('rel="next"') < page.headers["link"].index('rel="prev"')
        seen = [each["id"] for each in page.json()]
        while "next" in (found := links(page.headers.get("link", ""))):
            assert found["next"].startswith("http://localhost:8000/api/v1/timelines/")
            assert ("local", "true") in parse_qsl(urlsplit(found["next"]).query)
            page = await bob.get(found["next"].removeprefix("http://localhost:8000"))
            seen += [each["id"] for each in page.json()]
        assert seen == ids

    async def test_min_id_is_not_since_id(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        ids = [(await bob.publish(str(number)))["id"] for number in range(5)]

        async def asked(query: str) -> list[str]:
            return [each["id"] for each in await bob.json("GET", f"/api/v1/timelines/home?limit=2&{query}")]

        assert await asked(f"since_id={ids[0]}") == [ids[4], ids[3]]
        assert await asked(f"min_id={ids[0]}") == [ids[2], ids[1]]
        assert await asked(f"max_id={ids[2]}") == [ids[1], ids[0]]
        assert await asked("max_id=") == [ids[4], ids[3]]

    @pytest.mark.parametrize("limit", ["0", "-5", "1000"])
    async def test_limits_are_clamped(self, api_site: ApiSite, limit: str) -> None:
        bob = await api_site.program("bob")
        await bob.publish("x")
        assert len(await bob.json("GET", f"/api/v1/timelines/public?limit={limit}")) == 1

    async def test_previous_pages_begin_above_the_first_item(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        await bob.publish("one")
        newest = links((await bob.get("/api/v1/timelines/home")).headers["link"])["prev"]
        two = await bob.publish("two")
        page = await bob.get(newest.removeprefix("http://localhost:8000"))
        assert [each["id"] for each in page.json()] == [two["id"]]


class TestTags:
    async def test_further_tags_narrow_or_widen(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        a = (await bob.publish("#a"))["id"]
        ab = (await bob.publish("#a #b"))["id"]
        b = (await bob.publish("#b"))["id"]

        async def ids(query: str) -> list[str]:
            return [
                each["id"]
                for each in await api_site.stranger().json("GET", f"/api/v1/timelines/tag/a{query}")
            ]

        assert await ids("") == [ab, a]
        assert await ids("?any[]=b") == [b, ab, a]
        assert await ids("?all[]=b") == [ab]
        assert await ids("?none[]=b") == [a]


class TestCaching:
    async def test_strangers_get_an_etag_and_304(self, api_site: ApiSite) -> None:
        await (await api_site.program("bob")).publish("x")
        stranger = api_site.stranger()
        page = await stranger.get("/api/v1/timelines/public")
        assert page.headers["cache-control"] == "no-cache"
        etag = page.headers["etag"]
        again = await stranger.get("/api/v1/timelines/public", headers={"If-None-Match": etag})
        assert again.status == 304

    async def test_nothing_personal_is_kept_by_anybody(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        page = await bob.get("/api/v1/timelines/public")
        assert page.headers["cache-control"] == "no-store"
        assert "etag" not in page.headers
        app = await api_site.of_app()
        assert (await app.get("/api/v1/timelines/public")).headers["cache-control"] == "no-store"

    async def test_scripts_of_other_sites_are_let_in(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        page = await bob.request("OPTIONS", "/api/v1/statuses")
        assert page.headers["access-control-allow-origin"] == "*"
        assert "POST" in page.headers["access-control-allow-methods"]
        page = await bob.get("/api/v1/timelines/home")
        assert "Link" in page.headers["access-control-expose-headers"]
        refused = await api_site.stranger().get("/api/v1/timelines/home")
        assert refused.status == 401
        assert refused.headers["access-control-allow-origin"] == "*"


class TestNotifications:
    async def setting(self, api_site: ApiSite) -> tuple[Program, Program, Any]:
        bob, eve = await api_site.program("bob"), await api_site.program("eve")
        post = await bob.publish("one")
        await eve.json("POST", f"/api/v1/accounts/{bob.id}/follow")
        await eve.json("POST", f"/api/v1/statuses/{post['id']}/favourite")
        await eve.publish("@bob hello")
        return bob, eve, post

    async def test_they_are_listed_and_narrowed(self, api_site: ApiSite) -> None:
        bob, eve, post = await self.setting(api_site)
        found = await bob.json("GET", "/api/v1/notifications")
        assert [each["type"] for each in found] == ["mention", "favourite", "follow"]
        assert "status" not in found[2]
        assert found[1]["status"]["id"] == post["id"]
        assert found[0]["account"]["id"] == eve.id
        some = await bob.json("GET", "/api/v1/notifications?types[]=follow&types[]=mention")
        assert [each["type"] for each in some] == ["mention", "follow"]
        rest = await bob.json("GET", "/api/v1/notifications?exclude_types[]=follow")
        assert [each["type"] for each in rest] == ["mention", "favourite"]
        assert await bob.json("GET", "/api/v1/notifications?account_id=1") == []

    async def test_they_are_counted_and_removed(self, api_site: ApiSite) -> None:
        bob, eve, _ = await self.setting(api_site)
        assert await bob.json("GET", "/api/v1/notifications/unread_count") == {"count": 3}
        assert await bob.json("GET", "/api/v1/notifications/unread_count?limit=2") == {"count": 2}
        first = (await bob.json("GET", "/api/v1/notifications"))[0]
        assert await bob.json("GET", f"/api/v1/notifications/{first['id']}") == first
        await eve.json("GET", f"/api/v1/notifications/{first['id']}", status=404)
        await eve.json("POST", f"/api/v1/notifications/{first['id']}/dismiss", status=404)
        assert await bob.json("POST", f"/api/v1/notifications/{first['id']}/dismiss") == {}
        assert len(await bob.json("GET", "/api/v1/notifications")) == 2
        assert await bob.json("POST", "/api/v1/notifications/clear") == {}
        assert await bob.json("GET", "/api/v1/notifications") == []


class TestSearch:
    async def test_people_tags_and_posts_are_found(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        post = await bob.publish("A rare word #hashtag_x")
        found = await bob.json("GET", "/api/v2/search?q=rare")
        assert [each["id"] for each in found["statuses"]] == [post["id"]]
        tags = await bob.json("GET", "/api/v2/search?q=%23hashtag")
        assert [each["name"] for each in tags["hashtags"]] == ["hashtag_x"]
        assert tags["statuses"] == []
        people = await bob.json("GET", "/api/v2/search?q=bob@localhost:8000&type=accounts")
        assert [each["id"] for each in people["accounts"]] == [bob.id]

    async def test_an_address_of_this_site_leads_to_what_it_is_of(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        post = await bob.publish("one", visibility="private")
        found = await bob.json("GET", f"/api/v2/search?q={post['url']}&resolve=true")
        assert [each["id"] for each in found["statuses"]] == [post["id"]]
        found = await bob.json("GET", f"/api/v2/search?q={post['account']['url']}")
        assert [each["id"] for each in found["accounts"]] == [bob.id]
        eve = await api_site.program("eve")
        assert (await eve.json("GET", f"/api/v2/search?q={post['url']}"))["statuses"] == []


class TestTheSite:
    async def test_the_site_says_what_there_is(self, api_site: ApiSite) -> None:
        stranger = api_site.stranger()
        for path in ("/api/v1/instance", "/api/v1/instance/", "/api/v2/instance", "/api/v2/instance/"):
            found = await stranger.json("GET", path)
            assert re.match(r"\d+\.\d+\.\d+ \(compatible; Microblog ", found["version"])
        assert found["configuration"]["statuses"]["max_media_attachments"] == 0
        assert found["api_versions"]["mastodon"] >= 6
        assert found["domain"] == "localhost:8000"
        for path in ("rules", "peers"):
            assert await stranger.json("GET", f"/api/v1/instance/{path}") == []
        assert len(await stranger.json("GET", "/api/v1/instance/activity")) == 12

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/api/v2/media"),
            ("POST", "/api/v1/polls/1/votes"),
            ("POST", "/api/v1/reports"),
            ("GET", "/api/v1/push/subscription"),
        ],
    )
    async def test_what_it_lacks_is_404_as_json(self, api_site: ApiSite, method: str, path: str) -> None:
        bob = await api_site.program("bob")
        assert list(await bob.json(method, path, status=404)) == ["error"]
