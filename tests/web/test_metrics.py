"""Who may read the readings, and what the website counts of its answers."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from microblog.http.request import Request
from microblog.http.responses import Document, Response
from microblog.http.routing import Routes
from microblog.web import metrics
from microblog.web.metrics import MetricsPage
from tests.http.client import Client
from tests.http.harness import Make

ALLOW = (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


async def text(accept: str) -> tuple[str, bytes]:
    return "text/plain; version=0.0.4", b"up 1\n" + accept.encode()


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fd00::1", True),
        ("192.0.2.1", False),
        ("::1", False),
        ("2001:db8::1", False),
    ],
)
async def test_only_configured_addresses_read_the_metrics(make: Make, peer: str, allowed: bool) -> None:
    harness = make(metrics.routes.bind(MetricsPage(text, ALLOW)))
    page = await Client(harness.site, address=peer).get("/metrics", headers={"Accept": "text/plain"})
    assert page.status == (200 if allowed else 403)
    if allowed:
        assert page.headers["content-type"] == "text/plain; version=0.0.4"
        assert page.headers["cache-control"] == "no-store"
        assert page.text == "up 1\ntext/plain"
    else:
        assert "metrics_allow" in page.text


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
async def test_request_of_an_unknown_proxy_is_refused(make: Make, header: str) -> None:
    """Else the whole world could read them through a proxy on the same machine that nobody has configured."""
    harness = make(metrics.routes.bind(MetricsPage(text, ALLOW)))
    page = await Client(harness.site, address="127.0.0.1").get("/metrics", headers={header: "10.0.0.1"})
    assert page.status == 403


async def test_behind_a_trusted_proxy_the_clients_address_counts(make: Make) -> None:
    harness = make(metrics.routes.bind(MetricsPage(text, ALLOW)), trusted_proxies=("127.0.0.1",))
    client = Client(harness.site, address="127.0.0.1")
    assert (await client.get("/metrics", headers={"X-Forwarded-For": "10.0.0.1"})).status == 200
    assert (await client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"})).status == 403
    assert (await client.get("/metrics", headers={"X-Forwarded-For": "10.0.0.1, 192.0.2.1"})).status == 403


async def test_each_answer_is_counted_by_its_route(make: Make) -> None:
    routes = Routes("counted")

    @routes.get("/@<name>", limit=None)
    async def profile(_: Any, request: Request) -> Response:
        if request.path_arg("name") == "broken":
            raise ZeroDivisionError
        return Document("here")

    seen: list[tuple[Any, ...]] = []
    harness = make(routes)
    harness.dispatcher._observe = lambda *observed: seen.append(observed)
    for path in ("/@alice", "/@bob", "/nowhere/at/all"):
        await harness.client.get(path)
    assert [each[:3] for each in seen] == [
        ("GET", "/@<name>", 200),
        ("GET", "/@<name>", 200),
        ("GET", "", 404),
    ]
    assert all(seconds >= 0 for *_, seconds in seen)


def test_metrics_have_no_rate_limit_and_no_viewer() -> None:
    [route] = list(metrics.routes)
    assert route.limit is None
    assert route.viewer == "none"
    assert Path(route.path) == Path("/metrics")
