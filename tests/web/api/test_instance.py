"""What programs learn about the people who run the site."""

from __future__ import annotations

from dataclasses import replace

from microblog.services.about import About
from tests.web.api.api_site import ApiSite


async def test_contact_rules_privacy_and_source_are_in_the_entities(api_site: ApiSite) -> None:
    await api_site.program("ann")
    await api_site.program("bob")
    microblog = api_site.microblog
    microblog.about = About(microblog.db, lambda: 0.0, "bob")
    microblog.config = replace(
        microblog.config,
        operator="HtmlSite <Association>",
        contact_email="admin@social.example",
        rules=("Be kind.", "No advertising."),
        privacy_policy="We store <this>.\n\nNothing else.",
        source_url="https://git.example/microblog",
    )
    stranger = api_site.stranger()
    rules = [
        {"id": "1", "text": "Be kind.", "hint": ""},
        {"id": "2", "text": "No advertising.", "hint": ""},
    ]
    first = await stranger.json("GET", "/api/v1/instance")
    assert (first["email"], first["contact_account"]["acct"], first["rules"]) == (
        "admin@social.example",
        "bob",
        rules,
    )
    second = await stranger.json("GET", "/api/v2/instance")
    assert (second["contact"]["email"], second["contact"]["account"]["acct"]) == (
        "admin@social.example",
        "bob",
    )
    assert second["rules"] == rules == await stranger.json("GET", "/api/v1/instance/rules")
    assert second["source_url"] == "https://git.example/microblog"
    assert second["configuration"]["urls"]["privacy_policy"].endswith("/about#privacy")
    policy = await stranger.json("GET", "/api/v1/instance/privacy_policy")
    assert policy["content"] == "<p>We store &lt;this&gt;.</p><p>Nothing else.</p>"
    about = await stranger.json("GET", "/api/v1/instance/extended_description")
    assert "HtmlSite &lt;Association&gt;" in about["content"]


async def test_without_settings_the_owner_and_the_mail_sender_are_the_contact(api_site: ApiSite) -> None:
    await api_site.microblog.sign_up.create("ann", "ann@example.org")
    found = await api_site.stranger().json("GET", "/api/v2/instance")
    assert found["contact"]["account"]["acct"] == "ann"
    assert "@" in found["contact"]["email"]
    assert found["rules"] == []
    assert (await api_site.stranger().json("GET", "/api/v1/instance/privacy_policy"))["content"] == ""
