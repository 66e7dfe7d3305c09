"""Caching, compression, redirects and the headers of every answer."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from microblog.domain.errors import InvalidInput
from microblog.http.request import Request
from microblog.http.responses import (
    Document,
    ExternalRedirect,
    Html,
    Json,
    NotModified,
    Redirect,
    Response,
    is_local_path,
    next_path,
)
from microblog.http.routing import Routes
from tests.http.client import Client
from tests.http.harness import Make

routes = Routes("sending")
LONG = "<p>long</p>" * 1000


@routes.get("/public")
async def public(_: Any, __: Request) -> Response:
    return Html(LONG, public=True, max_age=60)


@routes.get("/private")
async def private(_: Any, __: Request) -> Response:
    return Html(LONG)


@routes.get("/known")
async def known(_: Any, request: Request) -> Response:
    if request.header("if-none-match") == '"v1"':
        return NotModified("v1")
    return Html(LONG, public=True, etag="v1")


@routes.get("/short")
async def short(_: Any, __: Request) -> Response:
    return Json({"short": True})


@routes.get("/picture")
async def picture(_: Any, __: Request) -> Response:
    return Document(b"\0" * 5000, "image/png")


@routes.get("/consent")
async def consent(_: Any, __: Request) -> Response:
    return Html("<p>", headers={"Content-Security-Policy": "default-src 'none'"})


@pytest.fixture
def client(make: Make) -> Client:
    return make(routes).client


async def test_public_page_may_be_cached_and_revalidated(client: Client) -> None:
    first = await client.get("/public")
    assert first.headers["cache-control"] == "public, max-age=60"
    assert {"Cookie", "Accept-Encoding", "Authorization"} <= set(first.headers["vary"].split(", "))
    again = await client.get("/public", headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert "content-length" not in again.headers
    assert (await client.get("/public", headers={"If-None-Match": '"other"'})).status == 200


async def test_public_page_is_not_cached_for_a_viewer(make: Make) -> None:
    harness = make(routes)
    tag = (await harness.client.get("/public")).headers["etag"]
    harness.client.cookies["session"] = harness.sessions.open("t", "bob")
    page = await harness.client.get("/public", headers={"If-None-Match": tag})
    assert (page.status, page.headers["cache-control"]) == (200, "no-store")
    assert "etag" not in page.headers
    assert (await harness.client.get("/known", headers={"If-None-Match": 'W/"v1"'})).status == 200


async def test_answers_are_not_cached_unless_declared_public(client: Client) -> None:
    for path in ("/private", "/short", "/nowhere"):
        assert (await client.get(path)).headers["cache-control"] == "no-store"


async def test_page_may_answer_304_itself(client: Client) -> None:
    page = await client.get("/known")
    assert page.headers["etag"] == 'W/"v1"'
    again = await client.get("/known", headers={"If-None-Match": 'W/"v1"'})
    assert (again.status, again.headers["etag"], again.headers["cache-control"]) == (
        304,
        'W/"v1"',
        "no-cache",
    )


async def test_long_text_is_compressed_for_clients_that_accept_gzip(client: Client) -> None:
    packed = await client.get("/public", headers={"Accept-Encoding": "br, gzip;q=0.8"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body).decode() == LONG
    assert int(packed.headers["content-length"]) == len(packed.body) < len(LONG) / 10
    for path, accepted in (
        ("/public", ""),
        ("/public", "br"),
        ("/public", "gzip;q=0"),
        ("/short", "gzip"),
        ("/picture", "gzip"),
    ):
        assert (
            "content-encoding" not in (await client.get(path, headers={"Accept-Encoding": accepted})).headers
        )


async def test_every_answer_has_the_security_headers(make: Make) -> None:
    client = make(routes).client
    for path in ("/public", "/short", "/nowhere", "/public/", "/%ff"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "strict-transport-security" not in headers
        assert "server" not in headers
    secure = await make(routes, public_url="https://example.org").client.get("/public")
    assert secure.headers["strict-transport-security"].startswith("max-age=")


async def test_page_may_set_its_own_policy(client: Client) -> None:
    assert (await client.get("/consent")).headers["content-security-policy"] == "default-src 'none'"


LEAVING = [
    "",
    "elsewhere",
    "http://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    "javascript:alert(1)",
    "/a\\..\\b",
    "/a\x7f",
]


@pytest.mark.parametrize("target", LEAVING)
def test_redirect_stays_on_this_site(target: str) -> None:
    assert not is_local_path(target)
    assert next_path(target, "/home") == "/home"
    with pytest.raises(InvalidInput):
        Redirect(target)


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/", "/"),
        ("/@bob/1?a=b&c=%C3%BC#d", "/@bob/1?a=b&c=%C3%BC#d"),
        ("/tags/日本", "/tags/%E6%97%A5%E6%9C%AC"),
        ("/search?q=a b", "/search?q=a%20b"),
    ],
)
def test_redirect_is_escaped_to_ascii(target: str, location: str) -> None:
    assert Redirect(target).location == location
    assert next_path(target) == target


@pytest.mark.parametrize("url", ["/local", "https://a.example/\r\nX: y", "https://a.example/ b", ""])
def test_external_redirect_needs_an_absolute_address(url: str) -> None:
    with pytest.raises(InvalidInput):
        ExternalRedirect(url)
