"""Profile and preferences."""

from __future__ import annotations

import pytest

from microblog.domain.visibility import Visibility
from tests.web.html.html_site import HtmlSite, errors, flashes, value

PROFILE = {
    "display_name": "Ann of the village",
    "bio": "Writes about #bread",
    "field_name_1": "Website",
    "field_value_1": "https://ann.example",
    "field_name_2": "",
    "field_value_2": "",
    "discoverable": "on",
}


async def test_a_profile_is_changed_and_shown(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    page = await ann.send("/settings", PROFILE, follow=True)
    assert flashes(page) == ["Your profile is saved."]
    assert value(page, "display_name") == "Ann of the village"
    assert value(page, "field_value_1") == "https://ann.example"
    account = await html_site.microblog.accounts.by_name("ann")
    assert [(field.name, field.value) for field in account.fields] == [("Website", "https://ann.example")]
    assert (account.locked, account.discoverable, account.bot) == (False, True, False)
    seen = await html_site.stranger().get("/@ann")
    assert "Ann of the village" in seen.text
    assert 'href="/tags/bread"' in seen.text


async def test_form_shows_the_current_values(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    page = await ann.get("/settings")
    assert page.html.xpath("//main//input[@type='checkbox' and @checked]/@name") == [
        "discoverable",
        "indexable",
    ]
    hints = page.html.xpath("//main//input[@name='discoverable']/@aria-describedby")
    assert page.html.xpath(f"//*[@id='{hints[0]}']")


async def test_unticked_check_boxes_are_off(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    await ann.send("/settings", {**PROFILE, "locked": "on", "bot": "on"})
    await ann.send("/settings", PROFILE)
    account = await html_site.microblog.accounts.by_name("ann")
    assert (account.locked, account.bot) == (False, False)


@pytest.mark.parametrize(
    ("field", "wrong"), [("display_name", "x" * 200), ("bio", "x" * 5000), ("field_value_1", "x" * 5000)]
)
async def test_refused_profile_keeps_the_typed_values(html_site: HtmlSite, field: str, wrong: str) -> None:
    ann = await html_site.person("ann")
    page = await ann.send("/settings", {**PROFILE, field: wrong})
    assert page.status == 422
    assert errors(page)
    assert value(page, field).strip() == wrong
    assert value(page, "field_name_1") == "Website"
    assert (await html_site.microblog.accounts.by_name("ann")).display_name == ""


async def test_markup_in_a_profile_is_text(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    await ann.send(
        "/settings",
        {
            **PROFILE,
            "display_name": hostile[:25],
            "bio": hostile,
            "field_name_1": "<b>",
            "field_value_1": hostile,
        },
    )
    for page in (await html_site.stranger().get("/@ann"), await ann.get("/settings")):
        assert not page.html.xpath("//main//script | //main//img | //*[@onerror]")


async def test_preferences_are_changed_and_stored(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    form = {"language": "de", "default_visibility": "followers", "mail_boosts": "on"}
    page = await ann.send("/settings/preferences", form, follow=True)
    assert flashes(page) == ["Your preferences are saved."]
    user = await html_site.microblog.accounts.user(ann.viewer)
    assert (user.language, user.default_visibility) == ("de", Visibility.FOLLOWERS)
    assert (user.mail_boosts, user.mail_mentions, user.mail_replies) == (True, False, False)
    (ticked,) = page.html.xpath("//input[@name='default_visibility' and @checked]/@value")
    assert ticked == "followers"


@pytest.mark.parametrize(("field", "wrong"), [("default_visibility", "all"), ("language", "'; DROP TABLE")])
async def test_unknown_preferences_are_refused(html_site: HtmlSite, field: str, wrong: str) -> None:
    ann = await html_site.person("ann")
    form = {"language": "de", "default_visibility": "public", field: wrong}
    assert (await ann.send("/settings/preferences", form)).status == 422
    assert (await html_site.microblog.accounts.user(ann.viewer)).language is None


async def test_composer_starts_with_the_preferences(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    await ann.send(
        "/settings/preferences",
        {"language": "fr", "default_visibility": "unlisted", "default_sensitive": "on"},
    )
    page = await ann.get("/compose")
    assert (value(page, "language"), value(page, "visibility")) == ("fr", "unlisted")
    assert page.html.xpath("//main//input[@name='sensitive' and @checked]")


async def test_single_letter_shortcuts_can_be_turned_off(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    page = await ann.get("/settings/preferences")
    assert page.html.xpath("//input[@name='shortcuts']/@checked")
    assert page.html.get("data-shortcuts") is None
    assert await ann.send("/settings/preferences", {"default_visibility": "public"})
    page = await ann.get("/settings/preferences")
    assert not page.html.xpath("//input[@name='shortcuts']/@checked")
    assert (await ann.get("/public")).html.get("data-shortcuts") == "off"
    await ann.send("/settings/preferences", {"default_visibility": "public", "shortcuts": "on"})
    assert (await ann.get("/public")).html.get("data-shortcuts") is None
