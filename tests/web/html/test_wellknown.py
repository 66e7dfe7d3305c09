"""What other programs look for at agreed places."""

from __future__ import annotations

import pytest

from tests.web.html.html_site import HtmlSite


@pytest.mark.parametrize(
    "resource",
    [
        "acct:ann@localhost:8000",
        "acct:ann@localhost",
        "acct:ANN@LOCALHOST",
        "ann@localhost",
        "acct%3Aann%40localhost",
        "http://localhost:8000/@ann",
    ],
)
async def test_webfinger_finds_accounts_of_this_site(html_site: HtmlSite, resource: str) -> None:
    await html_site.person("ann")
    page = await html_site.stranger().get(f"/.well-known/webfinger?resource={resource}")
    assert page.status == 200
    assert page.headers["content-type"] == "application/jrd+json"
    assert page.headers["access-control-allow-origin"] == "*"
    document = page.json()
    assert document["subject"] == "acct:ann@localhost:8000"
    profile = {link["rel"]: link for link in document["links"]}["http://webfinger.net/rel/profile-page"]
    assert profile["href"] == "http://localhost:8000/@ann"


async def test_webfinger_returns_only_the_requested_links(html_site: HtmlSite) -> None:
    await html_site.person("ann")
    rel = "http://webfinger.net/rel/avatar"
    page = await html_site.stranger().get(f"/.well-known/webfinger?resource=acct:ann@localhost&rel={rel}")
    assert [link["rel"] for link in page.json()["links"]] == [rel]


@pytest.mark.parametrize(
    "resource",
    [
        "acct:nobody@localhost",
        "acct:ann@elsewhere.example",
        "http://elsewhere.example/@ann",
        "http://localhost:8000/@ann/1",
        "https://[/@ann",
        "acct:@",
        "ann",
        "%00",
        "acct:" + "x" * 2000 + "@localhost",
    ],
)
async def test_webfinger_does_not_find_other_accounts(html_site: HtmlSite, resource: str) -> None:
    await html_site.person("ann")
    page = await html_site.stranger().get(f"/.well-known/webfinger?resource={resource}")
    assert page.status == 404
    assert "error" in page.json()


async def test_webfinger_requires_a_resource(html_site: HtmlSite) -> None:
    assert (await html_site.stranger().get("/.well-known/webfinger")).status == 400


@pytest.mark.parametrize("version", ["2.0", "2.1"])
async def test_nodeinfo_describes_the_software(html_site: HtmlSite, version: str) -> None:
    browser = html_site.stranger()
    links = (await browser.get("/.well-known/nodeinfo")).json()["links"]
    (href,) = [link["href"] for link in links if link["rel"].endswith(version)]
    assert href == f"http://localhost:8000/nodeinfo/{version}"
    document = (await browser.get(f"/nodeinfo/{version}")).json()
    assert document["version"] == version
    assert document["software"]["name"] == "microblog"
    assert document["openRegistrations"] is True
    assert set(document) >= {"protocols", "services", "usage", "metadata"}


async def test_nodeinfo_describes_the_usage(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    await html_site.person("bob")
    await html_site.microblog.moderation.suspend("bob")
    await ann.send("/posts", {"text": "Hello"})
    document = (await html_site.stranger().get("/nodeinfo/2.1")).json()
    assert document["usage"] == {
        "users": {"total": 1, "activeMonth": 1, "activeHalfyear": 1},
        "localPosts": 1,
    }
    assert document["protocols"] == []  # it does not federate


async def test_password_managers_find_the_password_form(html_site: HtmlSite) -> None:
    page = await html_site.stranger().get("/.well-known/change-password")
    assert (page.status, page.headers["location"]) == (302, "/settings/password")
