"""Files for pages, and the health of the process."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from microblog.domain.errors import Unavailable
from microblog.web import health, static
from microblog.web.static import Assets
from tests.http.harness import Make

CSS = b"body { color: black }\n" * 200


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    folder = tmp_path / "files"
    (folder / "js").mkdir(parents=True)
    (folder / "site.css").write_bytes(CSS)
    (folder / "js" / "live.js").write_bytes(b"export {}\n")
    (folder / "icon.svg").write_bytes(b"<svg/>")
    (folder / ".hidden").write_bytes(b"hidden")
    return Assets(folder)


async def test_hashed_file_is_cached_for_a_year(make: Make, assets: Assets, tmp_path: Path) -> None:
    client = make(static.routes.bind(assets)).client
    url = assets.url("site.css")
    answer = await client.get(url)
    assert (answer.body, answer.headers["content-type"]) == (CSS, "text/css; charset=utf-8")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    (tmp_path / "files" / "site.css").write_bytes(CSS + b" ")
    assert Assets(tmp_path / "files").url("site.css") != url
    assert (await client.get(url.replace(".css", "x.css"))).status == 404


async def test_plain_file_is_revalidated(make: Make, assets: Assets) -> None:
    client = make(static.routes.bind(assets)).client
    answer = await client.get("/static/js/live.js")
    assert answer.headers["cache-control"] == "public, no-cache"
    tag = answer.headers["etag"]
    assert not tag.startswith("W/")
    assert (await client.get("/static/js/live.js", headers={"If-None-Match": tag})).status == 304


async def test_compressed_file_has_its_own_etag(make: Make, assets: Assets) -> None:
    client = make(static.routes.bind(assets)).client
    plain = await client.get("/static/site.css")
    packed = await client.get("/static/site.css", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.body) == CSS
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/.hidden",
        "/static/../site.css",
        "/static/%2e%2e/x",
        "/static//etc/passwd",
        "/static/nothing",
    ],
)
async def test_nothing_else_is_served(make: Make, assets: Assets, path: str) -> None:
    assert (await make(static.routes.bind(assets)).client.get(path, follow=True)).status == 404


async def test_favicon_and_robots_are_served(make: Make, assets: Assets) -> None:
    client = make(static.routes.bind(assets)).client
    assert (await client.get("/favicon.ico")).headers["content-type"] == "image/svg+xml"
    assert "Disallow: /api/" in (await client.get("/robots.txt")).text


async def test_site_works_without_static_files(make: Make, tmp_path: Path) -> None:
    client = make(static.routes.bind(Assets(tmp_path / "nowhere"))).client
    assert (await client.get("/favicon.ico")).status == 204


async def test_health_and_readiness_differ(make: Make) -> None:
    class Database:
        away = False

        async def ready(self) -> None:
            if self.away:
                raise Unavailable

    database: Any = Database()
    harness = make(health.routes.bind(database))
    assert (await harness.client.get("/health")).text == "OK"
    assert (await harness.client.get("/ready")).json() == {"status": "ready"}
    database.away = True
    assert (await harness.client.get("/health")).status == 200
    answer = await harness.client.get("/ready")
    assert (answer.status, answer.headers["retry-after"], answer.json()["status"]) == (
        503,
        "5",
        "unavailable",
    )
    database.away = False
    harness.site.draining = True
    assert (await harness.client.get("/ready")).status == 503
    assert (await harness.client.head("/health")).status == 200
