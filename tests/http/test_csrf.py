"""Protection against forged forms."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.http.request import Request
from microblog.http.responses import Document, Response
from microblog.http.routing import Routes
from tests.http.client import Client
from tests.http.harness import Harness, Make

routes = Routes("csrf")


@routes.get("/form")
async def form(_: Any, request: Request) -> Response:
    return request.render("pages/form.html", public=True)


@routes.post("/form", name="send")
async def send(_: Any, __: Request) -> Response:
    return Document("sent")


@pytest.fixture
def harness(make: Make) -> Harness:
    return make(routes)


async def test_form_of_this_site_is_accepted_with_and_without_a_session(harness: Harness) -> None:
    await harness.client.csrf_from("/form")
    assert (await harness.client.post("/form", form={})).text == "sent"
    harness.client.cookies["session"] = harness.sessions.open("t", "bob")
    await harness.client.csrf_from("/form")
    assert (await harness.client.post("/form", form={})).text == "sent"
    assert (await harness.client.post("/form", files={})).text == "sent"


async def test_form_token_differs_each_time_and_the_page_is_not_cached(harness: Harness) -> None:
    one, two = await harness.client.get("/form"), await harness.client.get("/form")
    assert one.csrf != two.csrf
    assert one.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("token", ["", "x", "A" * 88, "é", "=" * 88])
async def test_wrong_form_token_is_refused(harness: Harness, token: str) -> None:
    await harness.client.csrf_from("/form")
    answer = await harness.client.post("/form", form={"csrf_token": token})
    assert answer.status == 403
    assert "reload the page" in answer.text


async def test_form_without_cookie_and_token_is_refused(harness: Harness) -> None:
    assert (await harness.client.post("/form", form={})).status == 403


async def test_form_token_of_another_session_is_refused(harness: Harness) -> None:
    visitor = Client(harness.site)
    token = await visitor.csrf_from("/form")
    harness.client.cookies["session"] = harness.sessions.open("t", "bob")
    assert (await harness.client.post("/form", form={"csrf_token": token})).status == 403
    harness.client.cookies.clear()
    await harness.client.csrf_from("/form")
    assert (await harness.client.post("/form", form={"csrf_token": token})).status == 403


async def test_form_token_ends_with_its_session(harness: Harness) -> None:
    harness.client.cookies["session"] = harness.sessions.open("t", "bob")
    await harness.client.csrf_from("/form")
    harness.client.cookies["session"] = harness.sessions.open("t2", "bob")
    assert (await harness.client.post("/form", form={})).status == 403


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "http://localhost:8000"}, True),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://localhost:8000.evil.example"}, False),
        ({"Origin": "http://127.0.0.1:8000", "Host": "127.0.0.1:8000"}, True),
        ({"Origin": "http://127.0.0.1:9000", "Host": "127.0.0.1:8000"}, False),
    ],
)
async def test_origin_that_the_browser_reports_is_checked(
    harness: Harness, headers: dict[str, str], accepted: bool
) -> None:
    await harness.client.csrf_from("/form")
    answer = await harness.client.post("/form", form={}, headers=headers)
    assert answer.status == (200 if accepted else 403)
