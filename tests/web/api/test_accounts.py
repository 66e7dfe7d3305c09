"""People and oneself, as programs see and change them; signing up by way of a program."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.api.api_site import ApiSite, Program

GOOD = {
    "username": "carol",
    "email": "carol@example.org",
    "password": "a long enough passphrase",
    "agreement": "true",
    "locale": "en",
}


class TestSigningUp:
    async def test_the_answer_is_a_token_that_works_at_once(self, api_site: ApiSite) -> None:
        app = await api_site.of_app("read write")
        issued = await app.json("POST", "/api/v1/accounts", form=GOOD)
        assert issued["scope"] == "read write"
        own = Program(api_site.site, issued["access_token"])
        assert (await own.json("GET", "/api/v1/accounts/verify_credentials"))["username"] == "carol"

    async def test_what_is_blank_is_told_for_all_fields_at_once(self, api_site: ApiSite) -> None:
        app = await api_site.of_app()
        answer = await app.json("POST", "/api/v1/accounts", form={}, status=422)
        assert answer["error"].startswith("Validation failed: Username can't be blank")
        assert answer["details"]["password"] == [{"error": "ERR_BLANK", "description": "can't be blank"}]
        assert answer["details"]["agreement"] == [
            {"error": "ERR_ACCEPTED", "description": "must be accepted"}
        ]
        assert set(answer["details"]) == {"username", "email", "password", "agreement"}

    @pytest.mark.parametrize(
        ("change", "field", "error"),
        [
            ({"username": "no blanks"}, "username", "ERR_INVALID"),
            ({"username": "admin"}, "username", "ERR_RESERVED"),
            ({"email": "nobody"}, "email", "ERR_INVALID"),
            ({"password": "short"}, "password", "ERR_TOO_SHORT"),
        ],
    )
    async def test_what_is_wrong_has_a_word(
        self, api_site: ApiSite, change: dict[str, str], field: str, error: str
    ) -> None:
        app = await api_site.of_app()
        answer = await app.json("POST", "/api/v1/accounts", form={**GOOD, **change}, status=422)
        assert answer["details"][field][0]["error"] == error

    async def test_a_name_that_somebody_has_is_taken(self, api_site: ApiSite) -> None:
        app = await api_site.of_app()
        await app.json("POST", "/api/v1/accounts", form=GOOD)
        answer = await app.json("POST", "/api/v1/accounts", form=GOOD, status=422)
        assert answer["details"]["username"][0]["error"] == "ERR_TAKEN"

    async def test_that_a_mail_address_is_somebodys_shows_nowhere(self, api_site: ApiSite) -> None:
        await api_site.microblog.sign_up.create("owner", GOOD["email"])
        app = await api_site.of_app()
        answers, accounts = [], []
        for name, email in (("dave", GOOD["email"]), ("carl", "nobody@example.org")):
            form = {**GOOD, "username": name, "email": email}
            answer = await app.json("POST", "/api/v1/accounts", form=form)
            own = Program(api_site.site, answer["access_token"])
            accounts.append(set(await own.json("GET", "/api/v1/accounts/verify_credentials")))
            answers.append({key: answer[key] for key in ("token_type", "scope")})
        assert answers[0] == answers[1]
        assert accounts[0] == accounts[1]

    async def test_only_a_program_itself_signs_people_up(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        assert (await bob.post("/api/v1/accounts", form=GOOD)).status == 403
        assert (await api_site.stranger().post("/api/v1/accounts", form=GOOD)).status == 401

    async def test_who_waits_for_approval_is_told_so(self, api_site: ApiSite) -> None:
        await api_site.program("bob")  # somebody is here already
        object.__setattr__(api_site.microblog.config, "registration", "approval")
        app = await api_site.of_app()
        issued = await app.json("POST", "/api/v1/accounts", form=GOOD)
        own = Program(api_site.site, issued["access_token"])
        answer = await own.json("GET", "/api/v1/accounts/verify_credentials", status=403)
        assert answer == {"error": "Your login is currently pending approval"}


class TestOneself:
    async def test_one_sees_what_one_typed(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        changed = await bob.json(
            "PATCH",
            "/api/v1/accounts/update_credentials",
            form={
                "display_name": "Bob",
                "note": "Hello @bob",
                "fields_attributes[0][name]": "Site",
                "fields_attributes[0][value]": "https://bob.example",
                "fields_attributes[1][name]": "",
                "fields_attributes[1][value]": "",
                "source[privacy]": "private",
                "source[sensitive]": "1",
                "locked": "on",
            },
        )
        assert changed["display_name"] == "Bob"
        assert changed["source"]["note"] == "Hello @bob"
        assert 'href="http://localhost:8000/@bob"' in changed["note"]
        assert [each["name"] for each in changed["fields"]] == ["Site"]
        assert changed["source"]["privacy"] == "private"
        assert changed["source"]["sensitive"] is True
        assert changed["locked"] is True
        assert await bob.json("GET", "/api/v1/accounts/verify_credentials") == changed

    async def test_what_is_left_out_stays(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        await bob.json("PATCH", "/api/v1/accounts/update_credentials", json={"display_name": "Bob"})
        changed = await bob.json("PATCH", "/api/v1/accounts/update_credentials", json={"bot": True})
        assert (changed["display_name"], changed["bot"]) == ("Bob", True)

    async def test_uploads_are_refused_in_words(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        page = await bob.request(
            "PATCH",
            "/api/v1/accounts/update_credentials",
            form={},
            files={"avatar": ("a.png", "image/png", b"png")},
        )
        assert page.status == 422
        assert "uploads" in page.json()["error"]

    async def test_a_profile_token_sees_who_one_is_and_no_more(self, api_site: ApiSite) -> None:
        bob = await api_site.other(await api_site.program("bob"), ["profile"])
        assert (await bob.get("/api/v1/accounts/verify_credentials")).status == 200
        assert (await bob.get("/api/v1/timelines/home")).status == 403


class TestOthers:
    async def test_people_are_found_by_name_and_id(self, api_site: ApiSite) -> None:
        bob = await api_site.program("bob")
        stranger = api_site.stranger()
        for acct in ("bob", "@bob", "bob@localhost", "bob@localhost:8000"):
            found = await stranger.json("GET", f"/api/v1/accounts/lookup?acct={acct}")
            assert found["id"] == bob.id
        await stranger.json("GET", "/api/v1/accounts/lookup?acct=bob@elsewhere.example", status=404)
        assert (await stranger.json("GET", f"/api/v1/accounts/{bob.id}"))[
            "url"
        ] == "http://localhost:8000/@bob"
        several = await stranger.json("GET", f"/api/v1/accounts?id[]={bob.id}&id[]=1")
        assert [each["id"] for each in several] == [bob.id]

    @pytest.mark.parametrize("wrong", ["1", "nobody", "99999999999999999999999"])
    async def test_who_is_not_there_is_404_as_json(self, api_site: ApiSite, wrong: str) -> None:
        answer = await api_site.stranger().json("GET", f"/api/v1/accounts/{wrong}", status=404)
        assert list(answer) == ["error"]

    async def test_what_somebody_posted_can_be_narrowed(self, api_site: ApiSite) -> None:
        bob, eve = await api_site.program("bob"), await api_site.program("eve")
        theirs = await eve.publish("one")
        first = await bob.publish("a #tag")
        reply = await bob.publish("@eve yes", in_reply_to_id=theirs["id"])
        await bob.json("POST", f"/api/v1/statuses/{theirs['id']}/reblog")
        path = f"/api/v1/accounts/{bob.id}/statuses"

        async def ids(query: str) -> list[Any]:
            return [each["id"] for each in await eve.json("GET", path + query)]

        assert len(await ids("")) == 3
        assert await ids("?exclude_replies=true&exclude_reblogs=1") == [first["id"]]
        assert await ids("?exclude_reblogs=true") == [reply["id"], first["id"]]
        assert await ids("?tagged=TAG") == [first["id"]]
        assert await ids("?only_media=true") == []


class TestRelations:
    async def test_following_and_what_is_shown(self, api_site: ApiSite) -> None:
        bob, eve = await api_site.program("bob"), await api_site.program("eve")
        relation = await bob.json("POST", f"/api/v1/accounts/{eve.id}/follow", form={"reblogs": "false"})
        assert (relation["following"], relation["showing_reblogs"], relation["notifying"]) == (
            True,
            False,
            False,
        )
        relation = await bob.json("POST", f"/api/v1/accounts/{eve.id}/follow", json={"notify": True})
        assert (relation["showing_reblogs"], relation["notifying"]) == (False, True)
        found = await eve.json("GET", f"/api/v1/accounts/relationships?id[]={bob.id}&id[]={eve.id}")
        assert [(each["id"], each["followed_by"]) for each in found] == [(bob.id, True), (eve.id, False)]
        followers = await eve.json("GET", f"/api/v1/accounts/{eve.id}/followers")
        assert [each["id"] for each in followers] == [bob.id]
        assert (await eve.json("POST", f"/api/v1/accounts/{bob.id}/remove_from_followers"))[
            "followed_by"
        ] is False

    async def test_blocking_and_muting(self, api_site: ApiSite) -> None:
        bob, eve = await api_site.program("bob"), await api_site.program("eve")
        assert (await bob.json("POST", f"/api/v1/accounts/{eve.id}/block"))["blocking"] is True
        assert [each["id"] for each in await bob.json("GET", "/api/v1/blocks")] == [eve.id]
        assert (await eve.json("POST", f"/api/v1/accounts/{bob.id}/follow", status=403))["error"]
        await bob.json("POST", f"/api/v1/accounts/{eve.id}/unblock")
        muted = await bob.json(
            "POST", f"/api/v1/accounts/{eve.id}/mute", json={"notifications": False, "duration": 60}
        )
        assert (muted["muting"], muted["muting_notifications"]) == (True, False)
        assert [each["id"] for each in await bob.json("GET", "/api/v1/mutes")] == [eve.id]
        assert (await bob.json("POST", f"/api/v1/accounts/{eve.id}/unmute"))["muting"] is False

    async def test_requests_are_answered(self, api_site: ApiSite) -> None:
        bob, eve = await api_site.program("bob", locked=True), await api_site.program("eve")
        assert (await eve.json("POST", f"/api/v1/accounts/{bob.id}/follow"))["requested"] is True
        own = await bob.json("GET", "/api/v1/accounts/verify_credentials")
        assert own["source"]["follow_requests_count"] == 1
        assert [each["id"] for each in await bob.json("GET", "/api/v1/follow_requests")] == [eve.id]
        relation = await bob.json("POST", f"/api/v1/follow_requests/{eve.id}/authorize")
        assert relation["followed_by"] is True
