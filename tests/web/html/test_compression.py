"""Compression: never where a secret and a text that another site chose meet in one answer (BREACH)."""

from __future__ import annotations

from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from tests.web.html.html_site import HtmlSite
from tests.web.html.test_every_page import pages

GZIP = {"Accept-Encoding": "gzip"}
CROSS_SITE = {**GZIP, "Sec-Fetch-Site": "cross-site"}
SAME_SITE = {**GZIP, "Sec-Fetch-Site": "same-site"}
SAME_ORIGIN = {**GZIP, "Sec-Fetch-Site": "same-origin"}
TEXT = "reflected " * 200


async def test_text_from_another_site_is_not_compressed_beside_a_secret(html_site: HtmlSite) -> None:
    """Each page, with each parameter that any page reads."""
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello #first"))
    query = "&".join(
        f"{name}={TEXT[:300].strip().replace(' ', '+')}" for name in ("q", "text", "next", "name")
    )
    for browser in (ann, html_site.stranger()):
        for headers in (GZIP, CROSS_SITE, SAME_SITE):
            for route, path in pages(post):
                page = await browser.get(f"{path}?{query}", headers=headers)
                if "csrf_token" in page.content.decode(errors="replace") or (
                    browser is ann and route.viewer != "none"
                ):
                    assert "content-encoding" not in page.headers, path


async def test_form_that_is_shown_again_is_not_compressed(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    await ann.get("/settings/profile")
    page = await ann.browser.post("/posts", form={"text": TEXT * 20, "visibility": "public"}, headers=GZIP)
    assert page.status == 422
    assert "content-encoding" not in page.headers


async def test_reply_to_a_private_post_is_not_compressed_beside_text_from_another_site(
    html_site: HtmlSite,
) -> None:
    ann = await html_site.person("ann")
    secret = await html_site.microblog.posts.publish(
        ann.viewer, Draft("the code is 1234", visibility=Visibility.FOLLOWERS)
    )
    path = f"/compose?reply_to={secret.id}&text=the+code+is+"
    lengths = set()
    for guess in ("1234", "9999"):
        page = await ann.get(path + guess, headers=CROSS_SITE)
        assert "1234" in page.text
        assert "content-encoding" not in page.headers
        lengths.add(len(page.body))
    assert len(lengths) == 1


async def test_public_pages_and_own_pages_are_compressed(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    for number in range(5):
        await html_site.microblog.posts.publish(ann.viewer, Draft(f"Hello {number} " * 20))
    for browser, path, headers in (
        (html_site.stranger(), "/public?evil=text", CROSS_SITE),
        (ann, "/public", GZIP),
        (ann, "/@ann", SAME_ORIGIN),
        (ann, "/@ann?max_id=", {**GZIP, "Sec-Fetch-Site": "none"}),
    ):
        page = await browser.get(path, headers=headers)
        assert page.headers.get("content-encoding") == "gzip", path
