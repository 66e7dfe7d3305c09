"""The page about the site, and the facts that every page has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from microblog.config.load import Config
from microblog.domain.posts import Draft
from microblog.web.html.facts import SiteFacts
from tests.web.html.html_site import HtmlSite


async def test_page_tells_how_to_join_and_how_else_to_read(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    page = await html_site.stranger().get("/about")
    assert page.html.xpath("//main//a[@href='/signup']")
    assert page.html.xpath("//pre//text()") == ["nc localhost 7000"]
    assert page.html.xpath("//dl[@class='facts']/dd/text()")[0] == "1"


@pytest.mark.parametrize(
    ("endpoints", "port"),
    [
        (("tcp:7000:interface=127.0.0.1",), 7000),
        (("unix:/run/push", "tcp:port=7001"), 7001),
        (("ssl:7002:privateKey=key.pem",), 7002),
        (("systemd:domain=INET:index=0",), None),
    ],
)
def test_push_port_is_shown_if_it_has_a_number(endpoints: tuple[str, ...], port: int | None) -> None:
    assert SiteFacts.of(replace(Config.load({}, {}), push=endpoints)).push_port == port


def test_the_sites_own_languages_come_first_and_only_once() -> None:
    facts = SiteFacts.of(Config.load({"languages": ["de", "en"]}, {}))
    assert facts.languages[:2] == (("de", "Deutsch"), ("en", "English"))
    codes = [code for code, _ in facts.languages]
    assert len(codes) == len(set(codes))
