"""CachedResponse pages: what one client sends never changes what the next client is shown at the same address.

The requests are made from the declared routes: every GET route, with every part of a request that is not its address.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from microblog.http.page_cache import PageCache
from tests.conftest import wait_for
from tests.http.client import BOUNDARY, Page, multipart
from tests.web.api.api_site import ApiSite

#: What a body could set, were it read: cursors that empty a page, and the names of switches.
PARAMETERS = {"max_id": "1", "limit": "1", "remote": "true", "only_media": "true", "exclude_replies": "true"}

BODIES = {
    "json": ("application/json", json.dumps(PARAMETERS).encode()),
    "json suffix": ("application/ld+json", json.dumps(PARAMETERS).encode()),
    "urlencoded": ("application/x-www-form-urlencoded", urlencode(PARAMETERS).encode()),
    "multipart": (f"multipart/form-data; boundary={BOUNDARY}", multipart(PARAMETERS, {})),
    "broken json": ("application/json", b"{"),
}

HEADERS = {
    "method override": {
        "X-HTTP-Method-Override": "POST",
        "X-HTTP-Method": "DELETE",
        "X-Method-Override": "PUT",
    },
    "host": {"Host": "evil.example"},
    "forwarded": {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-For": "203.0.113.9",
        "Forwarded": "host=evil.example",
    },
    "rewritten path": {"X-Original-URL": "/evil", "X-Rewrite-URL": "/evil"},
    "language": {"Accept-Language": "ar, he;q=0.5"},
    "theme": {"Cookie": "theme=evil"},
    "other cookies": {"Cookie": "visitor=evil; session=; flash=evil"},
    "origin": {"Origin": "https://evil.example", "Referer": "https://evil.example/"},
    "agent": {"User-Agent": "<script>alert(1)</script>", "Sec-Purpose": "prefetch"},
    "range": {"Range": "bytes=0-1"},
}


@pytest.fixture
def kept(api_site: ApiSite) -> ApiSite:
    """A site with public posts, whose kept pages stay for as long as the test runs."""
    wait_for(settle(api_site))
    return api_site


async def settle(api_site: ApiSite) -> None:
    ann = await api_site.program("ann")
    for number in range(3):
        await ann.publish(f"post {number} about #tea")
    forget(api_site)


def forget(api_site: ApiSite) -> None:
    api_site.dispatcher.page_cache = PageCache(lambda: 0, lambda: 0.0)


async def addresses(api_site: ApiSite) -> list[str]:
    """An address of each route whose answers are kept."""
    (post,) = await api_site.stranger().json("GET", "/api/v1/timelines/public?limit=1")
    values = {"<name>": "ann", "<tag>": "tea", "<int:id>": post["id"]}
    found = []
    for route in api_site.dispatcher.routes:
        if route.cached and route.method == "GET":
            parts = route.path
            for placeholder, value in values.items():
                parts = parts.replace(placeholder, value)
            assert "<" not in parts, f"{route.path}: say what its placeholder stands for"
            found.append(parts)
    assert found
    return found


def shown(page: Page) -> tuple[Any, ...]:
    return page.status, page.content, page.headers.get("link"), page.headers.get("location")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("kind", BODIES)
async def test_body_of_a_get_changes_nothing_for_anyone(kept: ApiSite, kind: str, method: str) -> None:
    content_type, body = BODIES[kind]
    for address in await addresses(kept):
        forget(kept)
        expected = shown(await kept.stranger().get(address))
        forget(kept)
        first = await kept.stranger().request(
            method, address, body=body, headers={"Content-Type": content_type}
        )
        assert first.status == 200
        if method == "GET":
            assert shown(first) == expected
        assert shown(await kept.stranger().get(address)) == expected, address


@pytest.mark.parametrize("kind", HEADERS)
async def test_headers_change_nothing_for_the_next_client(kept: ApiSite, kind: str) -> None:
    for address in await addresses(kept):
        forget(kept)
        expected = shown(await kept.stranger().get(address))
        forget(kept)
        await kept.stranger().get(address, headers=HEADERS[kind])
        assert shown(await kept.stranger().get(address)) == expected, address


@pytest.mark.parametrize(
    "query",
    [
        "?max_id=1",
        "?max_id=&max_id=1",
        "?max_id[]=1",
        "?max%5Fid=1",
        "?MAX_ID=1",
        "?limit=1",
        "?evil=1",
        "?x=%3Cscript%3E",
        "?",
        "?&",
        "?_method=DELETE",
        "?access_token=evil",
        "?%ff",
    ],
)
async def test_each_query_has_an_answer_of_its_own(kept: ApiSite, query: str) -> None:
    for address in await addresses(kept):
        forget(kept)
        expected = shown(await kept.stranger().get(address))
        alone = shown(await kept.stranger().get(address + query))
        forget(kept)
        assert shown(await kept.stranger().get(address + query)) == alone
        assert shown(await kept.stranger().get(address)) == expected, address
        assert shown(await kept.stranger().get(address + query)) == alone


@pytest.mark.parametrize("change", [str.upper, str.title, lambda path: path + "/", lambda path: "/." + path])
async def test_other_spellings_of_a_path_have_answers_of_their_own(kept: ApiSite, change: Any) -> None:
    for address in await addresses(kept):
        forget(kept)
        expected = shown(await kept.stranger().get(address))
        forget(kept)
        await kept.stranger().get(change(address))
        assert shown(await kept.stranger().get(address)) == expected, address


async def test_first_and_last_of_repeated_parameters_are_told_apart(kept: ApiSite) -> None:
    newest = await kept.stranger().json("GET", "/api/v1/timelines/public?max_id=1&max_id=")
    assert len(newest) == 3
    assert await kept.stranger().json("GET", "/api/v1/timelines/public?max_id=&max_id=1") == []


async def test_delete_still_reads_its_body(kept: ApiSite) -> None:
    bob = await kept.program("bob")
    made = await bob.json("POST", "/api/v1/lists", json={"title": "friends"})
    ann = (await kept.stranger().json("GET", "/api/v1/accounts/lookup?acct=ann"))["id"]
    await bob.json("POST", f"/api/v1/accounts/{ann}/follow")
    path = f"/api/v1/lists/{made['id']}/accounts"
    await bob.json("POST", path, json={"account_ids": [ann]})
    assert [each["id"] for each in await bob.json("GET", path)] == [ann]
    await bob.json("DELETE", path, json={"account_ids": [ann]})
    assert await bob.json("GET", path) == []
