"""Real clients drive a live service: Mastodon.py, toot, Authlib, requests-oauthlib."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from mastodon import Mastodon
from requests_oauthlib import OAuth2Session as OtherSession

from tests.browser.service import PASSWORD, Visitor
from tests.web.api.live import OOB, Live

CALLBACK = "http://localhost:9/callback"

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def client(live: Live, token: str | None = None) -> Any:
    return Mastodon(
        client_id=live.client_id,
        client_secret=live.client_secret,
        access_token=token,
        api_base_url=live.url,
        ratelimit_method="throw",
    )


class TestMastodonPy:
    """The client library for Python: it parses every entity into its own typed one."""

    def test_it_signs_somebody_up_who_writes_and_reads(self, live: Live) -> None:
        client_id, client_secret = Mastodon.create_app(
            "Mastodon.py", api_base_url=live.url, scopes=["read", "write", "follow"]
        )
        api = Mastodon(client_id=client_id, client_secret=client_secret, api_base_url=live.url)
        token = api.create_account(
            "newcomer", PASSWORD, "newcomer@example.org", agreement=True, scopes=["read", "write", "follow"]
        )
        assert token
        assert api.account_verify_credentials().username == "newcomer"
        post = api.status_post("Hello from a library #hello", spoiler_text="cw", idempotency_key="one")
        assert api.status_post("Hello", idempotency_key="one").id == post.id
        assert api.status(post.id).content.startswith("<p>Hello from a library")
        assert api.timeline_home()[0].id == post.id
        assert post.id in [each.id for each in api.timeline_public()]
        assert post.id in [each.id for each in api.timeline_hashtag("hello")]
        reply = api.status_reply(post, "and a reply")
        assert [each.id for each in api.status_context(post.id).descendants] == [reply.id]
        edited = api.status_update(post.id, "Hello again")
        assert edited.edited_at is not None
        assert len(api.status_history(post.id)) == 2
        assert api.status_source(post.id).text == "Hello again"
        api.status_delete(reply.id)

    def test_people_meet(self, live: Live) -> None:
        (bob, bobs), (_, eves) = live.sign_up("bob"), live.sign_up("eve")
        api, other = client(live, bobs), client(live, eves)
        found = other.account_search(bob)[0]
        assert other.account_lookup(bob).id == found.id
        assert other.account_follow(found.id).following
        assert [each.id for each in other.account_relationships([found.id])] == [found.id]
        post = api.status_post("for my followers", visibility="private")
        assert other.timeline_home()[0].id == post.id
        assert other.status_favourite(post.id).favourited
        assert other.status_bookmark(post.id).bookmarked
        assert [each.id for each in other.favourites()] == [post.id]
        assert [each.id for each in other.bookmarks()] == [post.id]
        kinds = [each.type for each in api.notifications()]
        assert kinds == ["favourite", "follow"]
        assert api.notifications_unread_count()["count"] == 2
        api.notifications_clear()
        assert list(api.notifications()) == []
        public = api.status_post("for all")
        assert other.status_reblog(public.id).reblog.id == public.id
        assert [each.username for each in api.status_reblogged_by(public.id)]
        assert other.account_mute(found.id, duration=60).muting
        assert other.account_block(found.id).blocking
        assert [each.id for each in other.blocks()] == [found.id]
        assert not other.account_unblock(found.id).blocking

    def test_it_pages_both_ways(self, live: Live) -> None:
        _, token = live.sign_up()
        api = client(live, token)
        own = api.me().id
        ids = [api.status_post(f"number {number}").id for number in range(7)][::-1]
        first = api.account_statuses(own, limit=3)
        assert [each.id for each in api.fetch_remaining(first)] == ids
        newest = api.status_post("newest")
        assert [each.id for each in api.fetch_previous(first)] == [newest.id]

    def test_it_reads_the_site(self, live: Live) -> None:
        api = client(live)
        assert api.instance_v1().uri == urlsplit(live.url).netloc
        assert api.instance_v2().configuration.statuses.max_characters == 500
        assert api.verify_minimum_version("4.4.0")
        assert api.instance_peers() == []
        assert len(api.instance_activity()) == 12
        assert api.instance_nodeinfo().software.name == "microblog"
        assert list(api.custom_emojis()) == []
        assert api.instance_rules() == []

    def test_a_profile_is_changed(self, live: Live) -> None:
        _, token = live.sign_up()
        api = client(live, token)
        changed = api.account_update_credentials(
            display_name="A name", note="A note", fields=[("Site", "https://a.example")], bot=True
        )
        assert (changed.display_name, changed.source.note, changed.bot) == ("A name", "A note", True)
        assert changed.fields[0].name == "Site"

    def test_it_goes_through_the_code_flow(self, live: Live) -> None:
        visitor = Visitor(live.url).sign_up("coder")
        api = client(live)
        address = api.auth_request_url(redirect_uris=OOB, scopes=["read", "write"], allow_http=True)
        token = api.log_in(
            code=consent(visitor, address), redirect_uri=OOB, scopes=["read", "write"], allow_http=True
        )
        assert token
        assert api.me().username == "coder"
        api.revoke_access_token(allow_http=True)


class TestToot:
    """The command-line client."""

    def test_it_writes_and_reads(self, live: Live, tmp_path: Path) -> None:
        name, token = live.sign_up("toot")
        domain = urlsplit(live.url).netloc
        settings = {
            "apps": {
                domain: {
                    "instance": domain,
                    "base_url": live.url,
                    "client_id": live.client_id,
                    "client_secret": live.client_secret,
                }
            },
            "users": {f"{name}@{domain}": {"instance": domain, "username": name, "access_token": token}},
            "active_user": f"{name}@{domain}",
        }
        (tmp_path / "toot").mkdir()
        (tmp_path / "toot" / "config.json").write_text(json.dumps(settings))

        def toot(*arguments: str) -> str:
            done = subprocess.run(
                check=False,
                args=[str(Path(sys.executable).with_name("toot")), *arguments],
                env={"XDG_CONFIG_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert name in toot("whoami")
        assert "Toot posted" in toot("post", "Hello from the command line")
        assert "Hello from the command line" in toot("timelines", "home", "--no-pager")
        assert name in toot("search", name)
        other, _ = live.sign_up("friend")
        assert "now following" in toot("follow", other)
        assert toot("notifications") is not None
        assert "Microblog" in toot("instance", live.url)


class TestOAuthClients:
    """Generic OAuth clients: each flow."""

    def test_authlib_goes_through_code_and_refresh_and_revocation(self, live: Live) -> None:
        visitor = Visitor(live.url).sign_up("authlib")
        metadata = requests.get(f"{live.url}/.well-known/oauth-authorization-server", timeout=30).json()
        session = OAuth2Session(
            live.client_id,
            live.client_secret,
            scope="read offline_access",
            redirect_uri=CALLBACK,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic",
            revocation_endpoint_auth_method="client_secret_basic",
        )
        verifier = "x" * 60
        address, state = session.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=verifier
        )
        answer = consent(visitor, address)
        assert parse_qs(urlsplit(answer).query)["iss"] == [metadata["issuer"]]
        token = session.fetch_token(
            metadata["token_endpoint"],
            authorization_response=answer,
            code_verifier=verifier,
            state=state,
        )
        assert token["expires_in"] == 7200
        assert session.get(metadata["userinfo_endpoint"]).json()["preferred_username"] == "authlib"
        fresh = session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
        assert fresh["access_token"] != token["access_token"]
        session.revoke_token(metadata["revocation_endpoint"], token=fresh["refresh_token"])
        assert (
            requests.get(
                metadata["userinfo_endpoint"],
                headers={"Authorization": f"Bearer {fresh['access_token']}"},
                timeout=30,
            ).status_code
            == 401
        )

    def test_authlib_gets_a_token_for_the_program_itself(self, live: Live) -> None:
        session = OAuth2Session(live.client_id, live.client_secret, scope="read")
        token = session.fetch_token(f"{live.url}/oauth/token", grant_type="client_credentials")
        assert token["scope"] == "read"
        assert session.get(f"{live.url}/api/v1/apps/verify_credentials").json()["name"] == "Tests"

    def test_requests_oauthlib_goes_through_the_code_flow(
        self, live: Live, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # the service of the test has no TLS
        visitor = Visitor(live.url).sign_up("oauthlib")
        session = OtherSession(live.client_id, redirect_uri=CALLBACK, scope="read write", pkce="S256")
        address, _ = session.authorization_url(f"{live.url}/oauth/authorize")
        token = session.fetch_token(
            f"{live.url}/oauth/token",
            authorization_response=consent(visitor, address),
            client_secret=live.client_secret,
        )
        assert token["scope"] == ["read", "write"]
        found = session.get(f"{live.url}/api/v1/accounts/verify_credentials").json()
        assert found["username"] == "oauthlib"


def consent(visitor: Visitor, address: str) -> str:
    """What somebody who says yes gets: the code on the page, or the address that their browser is sent to."""
    page = visitor.get(address.removeprefix(visitor.url))
    fields = {
        each.get("name"): each.get("value") for each in page.xpath("//main//form//input[@type='hidden']")
    }
    browser = requests.Session()
    for processor in visitor.opener.handlers:
        if hasattr(processor, "cookiejar"):
            browser.cookies.update(processor.cookiejar)
    answer = browser.post(
        f"{visitor.url}/oauth/authorize",
        data={**fields, "decision": "allow"},
        allow_redirects=False,
        timeout=30,
    )
    if answer.status_code == 303:
        return answer.headers["Location"]
    assert answer.status_code == 200, answer.text
    return answer.text.partition('class="secret" type="text" readonly value="')[2].partition('"')[0]
