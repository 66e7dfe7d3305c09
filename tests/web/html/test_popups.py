"""A program in a browser opens the consent page in a popup: no answer on the way there cuts the popup off."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.http.client import Page
from tests.web.html.html_site import PASSWORD, HtmlSite

ASKED = "/oauth/authorize?response_type=code&client_id=x&redirect_uri=https%3A%2F%2Fapp.example%2F"
ON_THE_WAY = [ASKED, ASKED.replace("?", "/?"), f"/login?next={quote(ASKED)}", f"/signup?next={quote(ASKED)}"]


def keeps_its_opener(page: Page) -> bool:
    policy: str = page.headers["cross-origin-opener-policy"]
    return policy == "unsafe-none"


@pytest.mark.parametrize("path", ON_THE_WAY)
async def test_pages_before_the_consent_keep_their_opener(html_site: HtmlSite, path: str) -> None:
    assert keeps_its_opener(await html_site.stranger().get(path))
    assert keeps_its_opener(await (await html_site.person("ann")).get(path))


@pytest.mark.parametrize(("password", "status"), [(PASSWORD, 303), ("not it", 422), ("", 422)])
async def test_a_log_in_on_the_way_keeps_its_opener(html_site: HtmlSite, password: str, status: int) -> None:
    await html_site.person("ann")
    browser = html_site.stranger()
    await browser.csrf_from(f"/login?next={quote(ASKED)}")
    page = await browser.post("/login", form={"login": "ann", "password": password, "next": ASKED})
    assert (page.status, keeps_its_opener(page)) == (status, True)


async def test_decisions_and_refusals_keep_their_opener(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    for decision in ("switch", "allow", "deny"):
        assert keeps_its_opener(await ann.send("/oauth/authorize", {"client_id": "x", "decision": decision}))
    form = {"login": "ann", "password": PASSWORD, "next": ASKED}
    assert keeps_its_opener(await html_site.stranger().post("/login", form=form, csrf=False))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/login",
        "/login?next=/settings",
        "/login?next=https://evil.example/oauth/authorize",
        "/login?next=/oauth/authorized",
        f"/settings?next={quote(ASKED)}",
        f"/loginx?next={quote(ASKED)}",
        f"/public?next={quote(ASKED)}",
        "/oauth/authorizex",
        "/settings/apps",
    ],
)
async def test_all_other_pages_are_cut_off_from_their_opener(html_site: HtmlSite, path: str) -> None:
    ann = await html_site.person("ann")
    for page in (await ann.get(path), await html_site.stranger().get(path)):
        assert page.headers["cross-origin-opener-policy"] == "same-origin"
