"""OAuth 2, as programs and people go through it (RFC 6749, 7009, 7636, 8414, 9700)."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

import pytest

from microblog.domain.accounts import State
from tests.factories import create_viewer
from tests.http.client import Client, Page
from tests.web.api.api_site import CALLBACK, CHALLENGE, VERIFIER, ApiSite, Program, answered

OOB = "urn:ietf:wg:oauth:2.0:oob"


def request_for(app: dict[str, Any], **changes: str | None) -> dict[str, str]:
    asked: dict[str, str | None] = {
        "response_type": "code",
        "client_id": app["client_id"],
        "redirect_uri": CALLBACK,
        "scope": "read write",
        "state": "xyz",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in {**asked, **changes}.items() if value is not None}


async def decide(browser: Client, asked: dict[str, str], decision: str = "allow") -> Page:
    page = await browser.get("/oauth/authorize?" + urlencode(asked))
    assert page.status == 200, page.text
    return await browser.post("/oauth/authorize", form={**asked, "decision": decision})


async def exchange(api_site: ApiSite, app: dict[str, Any], **sent: str) -> Page:
    return await api_site.stranger().post(
        "/oauth/token",
        form={"client_id": app["client_id"], "client_secret": app["client_secret"], **sent},
    )


async def code_for(api_site: ApiSite, app: dict[str, Any], name: str, **changes: str | None) -> str:
    browser = await api_site.browser(await create_viewer(api_site.microblog.db, name))
    return answered(await decide(browser, request_for(app, **changes)))["code"]


async def by_code(api_site: ApiSite, app: dict[str, Any], code: str, **changes: str) -> Page:
    sent = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return await exchange(api_site, app, **{**sent, **changes})


class TestApps:
    async def test_a_program_registers_and_gets_its_secret_once(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        assert app["redirect_uris"] == [CALLBACK]
        assert app["scopes"] == ["read", "write", "follow"]
        program = await api_site.of_app()
        seen = await program.json("GET", "/api/v1/apps/verify_credentials")
        assert seen["name"] == "Test"
        assert "client_secret" not in seen

    async def test_only_hashes_are_kept(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        code = await code_for(api_site, app, "bob")
        token = (await by_code(api_site, app, code)).json()["access_token"]
        cursor = await api_site.microblog.db.reads.run(
            "SELECT apps::text || tokens::text || authorization_codes::text FROM apps, tokens, authorization_codes"
        )
        kept = str(cursor.fetchall())
        assert app["client_secret"] not in kept
        assert token not in kept
        assert code not in kept

    @pytest.mark.parametrize(
        "uri",
        [
            "javascript:alert(1)",
            "data:text/html,x",
            "http://app.example/callback",
            "https://app.example/#fragment",
            "https://user@app.example/",
            "https:",
            "/callback",
            "https://app.example/ü",
            "https://app.example;script-src/",  # would end the policy's directive, in which it stands
            "https://app.example,sandbox/",
            "https://*/",
            "https://app'example/",
            'https://app.example/"',
            "https://app.example:/",
            "urn:ietf:wg:oauth:2.0:oob:auto",  # of which nobody would know what to do with the code
        ],
    )
    async def test_addresses_that_would_give_the_code_away_are_refused(
        self, api_site: ApiSite, uri: str
    ) -> None:
        page = await api_site.stranger().post(
            "/api/v1/apps", json={"client_name": "X", "redirect_uris": [uri]}
        )
        assert page.status == 422
        assert list(page.json()["details"]) == ["redirect_uris"]

    @pytest.mark.parametrize("uri", ["myapp://callback", "http://localhost:4000/", "http://[::1]/", OOB])
    async def test_programs_on_somebodys_own_machine_are_welcome(self, api_site: ApiSite, uri: str) -> None:
        assert (await api_site.app(redirect_uris=uri))["redirect_uri"] == uri

    @pytest.mark.parametrize(
        "uri",
        [
            "icecubesapp://",
            "ivory://",
            "mona://",
            "tusky://",
            "com.example.app://",
            "x-app+1://",
            "app:/",
            "app:callback",
            "app:///",
            "app://host?a=b",
        ],
    )
    @pytest.mark.parametrize("decision", ["allow", "deny"])
    async def test_an_answer_goes_to_the_programs_own_scheme_as_it_was_registered(
        self, api_site: ApiSite, uri: str, decision: str
    ) -> None:
        app = await api_site.app(redirect_uris=uri)
        assert app["redirect_uris"] == [uri]
        browser = await api_site.browser(await create_viewer(api_site.microblog.db, "bob"))
        asked = request_for(app, redirect_uri=uri)
        page = await decide(browser, asked, decision)
        name = "code" if decision == "allow" else "error"
        assert page.headers["location"].startswith(f"{uri}{'&' if '?' in uri else '?'}{name}=")
        scheme = uri.partition(":")[0]
        consent = await browser.get("/oauth/authorize?" + urlencode(asked))
        assert f"form-action 'self' {scheme}:;" in consent.headers["content-security-policy"]

    @pytest.mark.parametrize("rest", ["", "//", "//x", "x", "/x"])
    @pytest.mark.parametrize(
        "scheme",
        [
            "javascript",
            "JavaScript",
            "data",
            "vbscript",
            "file",
            "blob",
            "about",
            "filesystem",
            "view-source",
            "mailto",
            "ws",
            "wss",
            "intent",
            "jar",
            "resource",
            "chrome",
            "tel",
            "sms",
            "ftp",
            "urn",
        ],
    )
    async def test_schemes_that_a_browser_acts_on_itself_are_refused(
        self, api_site: ApiSite, scheme: str, rest: str
    ) -> None:
        sent = {"client_name": "X", "redirect_uris": [f"{scheme}:{rest}"]}
        assert (await api_site.stranger().post("/api/v1/apps", json=sent)).status == 422

    @pytest.mark.parametrize("uri", ["app:", "app", "://", "1app://", "https://", "http://"])
    async def test_what_is_no_whole_address_is_refused(self, api_site: ApiSite, uri: str) -> None:
        sent = {"client_name": "X", "redirect_uris": [uri]}
        assert (await api_site.stranger().post("/api/v1/apps", json=sent)).status == 422

    async def test_a_scope_that_there_is_not_is_refused(self, api_site: ApiSite) -> None:
        sent = {"client_name": "X", "redirect_uris": OOB, "scopes": "read admin:write"}
        assert (await api_site.stranger().post("/api/v1/apps", form=sent)).status == 422


class TestConsent:
    async def test_somebody_who_is_not_logged_in_logs_in_and_comes_back(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        path = "/oauth/authorize?" + urlencode(request_for(app))
        page = await api_site.stranger().get(path)
        assert page.status == 303
        assert page.headers["location"].startswith("/login?next=/oauth/authorize%3F")

    async def test_the_page_says_who_asks_for_what(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        browser = await api_site.browser(await create_viewer(api_site.microblog.db, "bob"))
        page = await browser.get("/oauth/authorize?" + urlencode(request_for(app)))
        assert "Test" in page.text
        assert "@bob" in page.text
        assert "app.example" in page.text
        assert page.headers["cache-control"] == "no-store"
        assert "form-action 'self' https://app.example;" in page.headers["content-security-policy"]

    async def test_saying_yes_gives_a_code_and_says_who_gives_it(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        browser = await api_site.browser(await create_viewer(api_site.microblog.db, "bob"))
        page = await decide(browser, request_for(app))
        answer = answered(page)
        assert page.headers["location"].startswith(CALLBACK + "?")
        assert answer["state"] == "xyz"
        assert answer["iss"] == "http://localhost:8000"

    async def test_saying_no_is_an_answer_too(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        browser = await api_site.browser(await create_viewer(api_site.microblog.db, "bob"))
        answer = answered(await decide(browser, request_for(app), "deny"))
        assert answer["error"] == "access_denied"
        assert answer["state"] == "xyz"

    async def test_out_of_band_the_code_is_on_the_page(self, api_site: ApiSite) -> None:
        app = await api_site.app(redirect_uris=OOB)
        browser = await api_site.browser(await create_viewer(api_site.microblog.db, "bob"))
        page = await decide(browser, request_for(app, redirect_uri=OOB))
        (code,) = page.html.xpath("//input[@id='f-code']/@value")
        answer = await by_code(api_site, app, str(code), redirect_uri=OOB)
        assert answer.status == 200

    async def test_another_account_can_be_used(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        browser = await api_site.browser(await create_viewer(api_site.microblog.db, "bob"))
        page = await decide(browser, request_for(app), "switch")
        assert page.headers["location"].startswith("/login?next=/oauth/authorize")
        assert "session" not in browser.cookies

    async def test_a_form_of_another_sites_making_does_nothing(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        browser = await api_site.browser(await create_viewer(api_site.microblog.db, "bob"))
        form = {**request_for(app), "decision": "allow"}
        assert (await browser.post("/oauth/authorize", form=form, csrf=False)).status == 403

    @pytest.mark.parametrize(
        "change",
        [
            {"client_id": "nobody"},
            {"redirect_uri": "https://evil.example/"},
            {"redirect_uri": CALLBACK + "/more"},
            {"redirect_uri": CALLBACK + "?more=1"},
        ],
    )
    async def test_what_is_not_registered_is_told_to_the_person_alone(
        self, api_site: ApiSite, change: dict[str, str]
    ) -> None:
        app = await api_site.app()
        browser = await api_site.browser(await create_viewer(api_site.microblog.db, "bob"))
        page = await browser.get("/oauth/authorize?" + urlencode(request_for(app, **change)))
        assert page.status in (400, 401)
        assert "location" not in page.headers

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"scope": "read write push"}, "invalid_scope"),
            ({"scope": "everything"}, "invalid_scope"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"code_challenge_method": None}, "invalid_request"),
            ({"code_challenge": "short"}, "invalid_request"),
        ],
    )
    async def test_no_mistake_leads_from_the_site_to_a_program_without_a_decision(
        self, api_site: ApiSite, change: dict[str, str], error: str
    ) -> None:
        """Anybody can register a program, so that would be an open redirector (RFC 9700, section 4.11.2)."""
        app = await api_site.app()
        browser = await api_site.browser(await create_viewer(api_site.microblog.db, "bob"))
        asked = request_for(app, **change)
        page = await browser.get("/oauth/authorize?" + urlencode(asked))
        assert (page.status, page.headers.get("location")) == (400, None)
        assert page.html.xpath("//h1")
        await browser.csrf_from("/settings/tokens")
        page = await browser.post("/oauth/authorize", form={**asked, "decision": "deny"})
        assert (page.status, page.headers.get("location")) == (400, None)

    @pytest.mark.parametrize("name", ["client_id", "redirect_uri", "scope", "state", "code_challenge"])
    async def test_a_request_with_a_repeated_parameter_is_refused(self, api_site: ApiSite, name: str) -> None:
        app = await api_site.app()
        browser = await api_site.browser(await create_viewer(api_site.microblog.db, "bob"))
        asked = [*request_for(app).items(), (name, request_for(app)[name])]
        page = await browser.get("/oauth/authorize?" + urlencode(asked))
        assert (page.status, page.headers.get("location")) == (400, None)
        assert name in page.text

    async def test_an_error_is_told_in_the_characters_that_it_may_have(self, api_site: ApiSite) -> None:
        """RFC 6749, section 5.2."""
        app = await api_site.app()
        page = await exchange(api_site, app, grant_type="client_credentials", scope='\\"ünknown')
        assert "There is no scope '???nknown'" in page.json()["error_description"]
        page = await api_site.stranger().post("/oauth/token", form={"grant_type": "client_credentials"})
        assert page.json()["error_description"].isascii()

    async def test_a_question_mark_is_asked_once(self, api_site: ApiSite) -> None:
        uri = CALLBACK + "?"
        app = await api_site.app(redirect_uris=uri)
        browser = await api_site.browser(await create_viewer(api_site.microblog.db, "bob"))
        page = await decide(browser, request_for(app, redirect_uri=uri), "deny")
        assert page.headers["location"].count("?") == 1


class TestCodes:
    async def test_a_code_gives_a_token_that_acts_for_the_person(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        page = await by_code(api_site, app, await code_for(api_site, app, "bob"))
        issued = page.json()
        assert page.headers["cache-control"] == "no-store"
        assert issued["token_type"] == "Bearer"
        assert issued["scope"] == "read write"
        assert "refresh_token" not in issued
        who = await Program(api_site.site, issued["access_token"]).json("GET", "/oauth/userinfo")
        assert who["preferred_username"] == "bob"

    async def test_a_code_used_twice_ends_what_it_gave(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        code = await code_for(api_site, app, "bob")
        token = (await by_code(api_site, app, code)).json()["access_token"]
        program = Program(api_site.site, token)
        assert (await program.get("/oauth/userinfo")).status == 200
        again = await by_code(api_site, app, code)
        assert (again.status, again.json()["error"]) == (400, "invalid_grant")
        assert (await program.get("/oauth/userinfo")).status == 401

    @pytest.mark.parametrize(
        "change",
        [
            {"code_verifier": "w" * 64},
            {"code_verifier": ""},
            {"redirect_uri": "https://app.example/other"},
        ],
    )
    async def test_a_code_without_its_proof_is_worth_nothing_and_spent(
        self, api_site: ApiSite, change: dict[str, str]
    ) -> None:
        app = await api_site.app()
        code = await code_for(api_site, app, "bob")
        assert (await by_code(api_site, app, code, **change)).json()["error"] == "invalid_grant"
        assert (await by_code(api_site, app, code)).json()["error"] == "invalid_grant"

    async def test_a_verifier_where_no_challenge_was_is_refused(self, api_site: ApiSite) -> None:
        """Somebody took the challenge out on the way (RFC 9700, 4.8.2)."""
        app = await api_site.app()
        code = await code_for(api_site, app, "bob", code_challenge=None, code_challenge_method=None)
        assert (await by_code(api_site, app, code)).status == 400

    async def test_another_program_can_not_use_the_code_nor_spend_it(self, api_site: ApiSite) -> None:
        app, other = await api_site.app(), await api_site.app()
        code = await code_for(api_site, app, "bob")
        assert (await by_code(api_site, other, code)).json()["error"] == "invalid_grant"
        assert (await by_code(api_site, app, code)).status == 200

    async def test_a_wrong_secret_is_an_invalid_client(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        code = await code_for(api_site, app, "bob")
        page = await by_code(api_site, {**app, "client_secret": "wrong"}, code)
        assert (page.status, page.json()["error"]) == (401, "invalid_client")
        assert page.headers["www-authenticate"].startswith("Basic")

    async def test_programs_may_authenticate_by_basic(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        basic = b64encode(f"{app['client_id']}:{app['client_secret']}".encode()).decode()
        page = await api_site.stranger().post(
            "/oauth/token",
            form={"grant_type": "client_credentials"},
            headers={"Authorization": f"Basic {basic}"},
        )
        assert page.json()["scope"] == "read"


class TestRefreshing:
    async def first(self, api_site: ApiSite) -> tuple[dict[str, Any], dict[str, Any]]:
        app = await api_site.app(scopes="read write offline_access")
        code = await code_for(api_site, app, "bob", scope="read write offline_access")
        issued: dict[str, Any] = (await by_code(api_site, app, code)).json()
        return app, issued

    async def test_who_asks_for_offline_access_gets_a_short_token_and_a_refresh_token(
        self, api_site: ApiSite
    ) -> None:
        app, issued = await self.first(api_site)
        assert issued["expires_in"] == 7200
        page = await exchange(
            api_site, app, grant_type="refresh_token", refresh_token=issued["refresh_token"], scope="read"
        )
        fresh = page.json()
        assert fresh["scope"] == "read"
        assert fresh["refresh_token"] != issued["refresh_token"]
        assert (await Program(api_site.site, fresh["access_token"]).get("/oauth/userinfo")).status == 200

    async def test_a_refresh_token_used_twice_ends_the_whole_consent(self, api_site: ApiSite) -> None:
        app, issued = await self.first(api_site)
        asked = {"grant_type": "refresh_token", "refresh_token": issued["refresh_token"]}
        fresh = (await exchange(api_site, app, **asked)).json()
        assert (await exchange(api_site, app, **asked)).json()["error"] == "invalid_grant"
        assert (await Program(api_site.site, fresh["access_token"]).get("/oauth/userinfo")).status == 401
        again = await exchange(
            api_site, app, grant_type="refresh_token", refresh_token=fresh["refresh_token"]
        )
        assert again.status == 400

    async def test_scopes_never_widen(self, api_site: ApiSite) -> None:
        app, issued = await self.first(api_site)
        page = await exchange(
            api_site,
            app,
            grant_type="refresh_token",
            refresh_token=issued["refresh_token"],
            scope="read follow",
        )
        assert page.json()["error"] == "invalid_scope"

    async def test_a_changed_password_ends_apps_and_their_refresh_tokens(self, api_site: ApiSite) -> None:
        app, issued = await self.first(api_site)
        account = await api_site.microblog.accounts.by_name("bob")
        await api_site.microblog.credentials.reset_password(account.name)
        page = await exchange(
            api_site, app, grant_type="refresh_token", refresh_token=issued["refresh_token"]
        )
        assert page.status == 400
        assert (await Program(api_site.site, issued["access_token"]).get("/oauth/userinfo")).status == 401


class TestOtherGrants:
    async def test_there_is_no_password_grant(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        page = await exchange(api_site, app, grant_type="password", username="bob", password="secret")
        assert page.json()["error"] == "unsupported_grant_type"
        assert "microblog token create" in page.json()["error_description"]

    async def test_an_app_for_itself_is_nobody(self, api_site: ApiSite) -> None:
        program = await api_site.of_app()
        answer = await program.json("GET", "/oauth/userinfo", status=422)
        assert answer == {"error": "This method requires an authenticated user"}


class TestRevoking:
    async def test_a_revoked_token_is_void(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        token = (await by_code(api_site, app, await code_for(api_site, app, "bob"))).json()["access_token"]
        sent = {"client_id": app["client_id"], "client_secret": app["client_secret"], "token": token}
        assert (await api_site.stranger().json("POST", "/oauth/revoke", form=sent)) == {}
        answer = await Program(api_site.site, token).json("GET", "/oauth/userinfo", status=401)
        assert answer == {"error": "The access token is invalid"}
        assert (await api_site.stranger().post("/oauth/revoke", form=sent)).status == 200

    async def test_another_program_can_not_revoke_it(self, api_site: ApiSite) -> None:
        app, other = await api_site.app(), await api_site.app()
        token = (await by_code(api_site, app, await code_for(api_site, app, "bob"))).json()["access_token"]
        sent = {"client_id": other["client_id"], "client_secret": other["client_secret"], "token": token}
        assert (await api_site.stranger().post("/oauth/revoke", form=sent)).status == 403
        assert (await Program(api_site.site, token).get("/oauth/userinfo")).status == 200

    async def test_people_see_their_apps_and_revoke_them(self, api_site: ApiSite) -> None:
        app = await api_site.app()
        token = (await by_code(api_site, app, await code_for(api_site, app, "bob"))).json()["access_token"]
        browser = await api_site.browser(await api_site.microblog.accounts.by_name("bob"))
        page = await browser.get("/settings/apps")
        assert "Test" in page.text
        (action,) = page.html.xpath("//form[contains(@action, '/settings/apps/')]/@action")
        stranger = await api_site.browser(await create_viewer(api_site.microblog.db, "eve"))
        await stranger.csrf_from("/settings/tokens")
        assert (await stranger.post(str(action), form={})).status == 404
        await browser.post(str(action), form={})
        assert (await Program(api_site.site, token).get("/oauth/userinfo")).status == 401
        assert "Test" not in (await browser.get("/settings/apps")).html.xpath("string(//main/ul)")


class TestWhereItIs:
    async def test_the_metadata_say_what_there_is(self, api_site: ApiSite) -> None:
        found = await api_site.stranger().json("GET", "/.well-known/oauth-authorization-server")
        assert found["issuer"] == "http://localhost:8000"
        assert found["code_challenge_methods_supported"] == ["S256"]
        assert "password" not in found["grant_types_supported"]
        for name in ("authorization", "token", "revocation", "userinfo", "app_registration"):
            assert found[f"{name}_endpoint"].startswith("http://localhost:8000/")

    async def test_somebody_suspended_has_no_working_token(self, api_site: ApiSite) -> None:
        program = await api_site.program("bob")
        await api_site.microblog.db.reads.run(
            "UPDATE accounts SET state = %s WHERE id = %s", (State.SUSPENDED.value, program.viewer.id)
        )
        assert (await program.get("/oauth/userinfo")).status == 403
