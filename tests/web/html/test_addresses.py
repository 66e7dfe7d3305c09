"""Addresses: what a redirect carries along, and what reading a page changes."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

import pytest

from microblog.domain.posts import Draft
from microblog.http.responses import LONGEST_PATH, next_path
from tests.web.html.html_site import HtmlSite
from tests.web.html.test_every_page import pages

QUERIES = ["max_id=5", "a=1&a=2", "q=x%26y%3Dz", "q=%E9%9B%AA", "q=100%25", "next=%2Fpublic%23p5"]


@pytest.mark.parametrize("query", QUERIES)
async def test_canonical_address_keeps_the_query(html_site: HtmlSite, query: str) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello #first"))
    for other, own in (
        ("/@Ann", "/@ann"),
        ("/@ANN/with-replies", "/@ann/with-replies"),
        ("/tags/FIRST", "/tags/first"),
        (f"/@bob/{post.id}", post.path),
        (f"/@Ann/{post.id}/boosts", f"{post.path}/boosts"),
        ("/public/", "/public"),
    ):
        page = await html_site.stranger().get(f"{other}?{query}")
        target = urlsplit(page.headers.get("location", ""))
        assert (page.status, target.path) == (301, own)
        assert parse_qs(target.query) == parse_qs(query)


@pytest.mark.parametrize("query", [*QUERIES, ""])
async def test_log_in_leads_back_to_the_whole_address(html_site: HtmlSite, query: str) -> None:
    await html_site.person("ann")
    for path in ("/home", "/settings/filters", "/compose", "/notifications"):
        page = await html_site.stranger().get(f"{path}?{query}" if query else path)
        assert page.status == 303
        (back,) = parse_qs(urlsplit(page.headers["location"]).query)["next"]
        assert urlsplit(back).path == path
        assert parse_qs(urlsplit(back).query) == parse_qs(query)
        assert next_path(back) == back


async def test_way_back_is_short_enough_for_a_request_line(html_site: HtmlSite) -> None:
    page = await html_site.stranger().get("/compose?text=" + quote("雪" * 800))
    assert page.status == 303
    assert len(page.headers["location"]) <= LONGEST_PATH
    assert (await html_site.stranger().get(page.headers["location"])).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X-Purpose": "preview"},
        {"X-Moz": "prefetch"},
    ],
)
async def test_no_page_that_is_prefetched_marks_anything_as_read(
    html_site: HtmlSite, headers: dict[str, str]
) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    post = await html_site.microblog.posts.publish(bob.viewer, Draft("@ann Hello #first"))
    for method in ("GET", "HEAD"):
        for route, path in pages(post):
            if route.viewer != "none":
                await ann.browser.request(method, path, headers=headers)
                await ann.browser.request("HEAD", path)
    unread = (await ann.get("/public")).html.xpath("//*[@id='unread']/@data-count")
    assert unread == ["1"]
    refused = await ann.get("/notifications", headers=headers)
    assert (refused.status, refused.headers["cache-control"]) == (503, "no-store")
    assert (await ann.get("/notifications")).status == 200
    assert (await ann.get("/public")).html.xpath("//*[@id='unread']/@data-count") != ["1"]
