"""Who runs the site: everywhere people and programs look for it, as far as the settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.config.load import Config, ConfigError
from microblog.services.about import About
from tests.web.html.html_site import PASSWORD, HtmlSite

SETTINGS = {
    "operator": "HtmlSite <Association>",
    "contact_email": "admin@social.example",
    "contact_account": "bob",
    "rules": ("Be kind.", "No <b>advertising</b>."),
    "privacy_policy": "We store what you post.\n\nNobody <else> sees it.",
    "source_url": "https://git.example/microblog",
}


async def run_by(html_site: HtmlSite) -> None:
    """A site whose operator filled in all settings; ann is its owner, bob its contact."""
    await html_site.person("ann")
    await html_site.person("bob")
    html_site.microblog.about = About(html_site.microblog.db, lambda: 0.0, "Bob")
    html_site.set(**SETTINGS)


async def test_about_shows_operator_contact_rules_privacy_and_source(html_site: HtmlSite) -> None:
    await run_by(html_site)
    page = (await html_site.stranger().get("/about")).html
    text = page.xpath("string(//main)")
    for each in ("HtmlSite <Association>", "admin@social.example", "Nobody <else> sees it.", "@bob"):
        assert each in text
    assert page.xpath("//main//ol/li/text()") == list(SETTINGS["rules"])
    assert page.xpath("//a[@href='https://git.example/microblog']")
    assert page.xpath("//*[@id='rules']")
    assert page.xpath("//*[@id='privacy']")


async def test_suspended_user_sees_how_to_reach_the_operator(html_site: HtmlSite) -> None:
    await run_by(html_site)
    await html_site.person("eve")
    await html_site.microblog.moderation.suspend("eve")
    browser = html_site.stranger()
    await browser.csrf_from("/login")
    page = await browser.post("/login", form={"login": "eve", "password": PASSWORD})
    assert page.html.xpath("//main//a[@href='mailto:admin@social.example']")
    assert "HtmlSite <Association>" in page.html.xpath("string(//main)")
    wrong = await browser.post("/login", form={"login": "eve", "password": "wrong"})
    assert not wrong.html.xpath("//main//a[@href='mailto:admin@social.example']")


async def test_without_settings_the_owner_is_the_contact(html_site: HtmlSite) -> None:
    await html_site.person("ann")
    await html_site.person("eve")
    assert "@ann" in (await html_site.stranger().get("/about")).html.xpath("string(//main)")
    await html_site.microblog.moderation.suspend("eve")
    browser = html_site.stranger()
    await browser.csrf_from("/login")
    page = await browser.post("/login", form={"login": "eve", "password": PASSWORD})
    assert page.html.xpath("//main//a[@href='/about#contact']")


async def test_nodeinfo_names_the_operator(html_site: HtmlSite) -> None:
    await run_by(html_site)
    found = (await html_site.stranger().get("/nodeinfo/2.1")).json()
    assert found["metadata"]["maintainer"] == {
        "name": "HtmlSite <Association>",
        "email": "admin@social.example",
    }
    assert found["metadata"]["privacyPolicyUrl"].endswith("/about#privacy")
    assert found["software"]["repository"] == "https://git.example/microblog"


async def test_people_who_sign_up_are_shown_the_rules(html_site: HtmlSite) -> None:
    await run_by(html_site)
    assert (await html_site.stranger().get("/signup")).html.xpath("//main//a[@href='/about#rules']")


def test_the_settings_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "microblog.toml"
    file.write_text('rules = ["Be kind.", "No, really."]\nprivacy_policy = """\nOne.\n\nTwo.\n"""\n')
    config = Config.load({"config": str(file), "data_dir": str(tmp_path)}, {})
    assert config.rules == ("Be kind.", "No, really.")
    assert config.privacy_policy == "One.\n\nTwo."
    config = Config.load({"data_dir": str(tmp_path)}, {"MICROBLOG_RULES": "Be kind.\nNo, really."})
    assert config.rules == ("Be kind.", "No, really.")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("contact_email", "nobody"),
        ("contact_email", "a@b.example, c@d.example"),
        ("contact_account", "two words"),
        ("source_url", "javascript:alert(1)"),
        ("rules", "x" * 1001),
        ("privacy_policy", "x" * 50_001),
        ("operator", "two\nlines"),
    ],
)
def test_wrong_values_are_refused_with_an_example(key: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="for example"):
        Config.load({key: value, "data_dir": str(tmp_path)}, {})
