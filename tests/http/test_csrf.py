"""Forged forms."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.http.request import Request
from microblog.http.responses import Document, Response
from microblog.http.routing import Routes
from tests.http.client import Client
from tests.http.rig import Make, Rig

routes = Routes("csrf")


@routes.get("/form")
async def form(_: Any, request: Request) -> Response:
    return request.render("pages/form.html", public=True)


@routes.post("/form", name="send")
async def send(_: Any, __: Request) -> Response:
    return Document("sent")


@pytest.fixture
def rig(make: Make) -> Rig:
    return make(routes)


async def test_a_form_of_this_site_is_accepted_from_anybody(rig: Rig) -> None:
    await rig.client.csrf_from("/form")
    assert (await rig.client.post("/form", form={})).text == "sent"
    rig.client.cookies["session"] = rig.sessions.open("t", "bob")
    await rig.client.csrf_from("/form")
    assert (await rig.client.post("/form", form={})).text == "sent"
    assert (await rig.client.post("/form", files={})).text == "sent"


async def test_a_script_sends_the_token_as_a_header(rig: Rig) -> None:
    token = await rig.client.csrf_from("/form")
    assert (await rig.client.post("/form", headers={"X-CSRF-Token": token})).text == "sent"


async def test_the_token_differs_each_time_and_the_page_is_kept_by_nobody(rig: Rig) -> None:
    one, two = await rig.client.get("/form"), await rig.client.get("/form")
    assert one.csrf != two.csrf
    assert one.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("token", ["", "x", "A" * 88, "é", "=" * 88])
async def test_a_wrong_token_is_refused(rig: Rig, token: str) -> None:
    await rig.client.csrf_from("/form")
    answer = await rig.client.post("/form", form={"csrf_token": token})
    assert answer.status == 403
    assert "reload the page" in answer.text


async def test_no_cookie_and_no_token_is_refused(rig: Rig) -> None:
    assert (await rig.client.post("/form", form={})).status == 403


async def test_somebody_elses_token_is_refused(rig: Rig) -> None:
    stranger = Client(rig.site)
    token = await stranger.csrf_from("/form")
    rig.client.cookies["session"] = rig.sessions.open("t", "bob")
    assert (await rig.client.post("/form", form={"csrf_token": token})).status == 403
    rig.client.cookies.clear()
    await rig.client.csrf_from("/form")
    assert (await rig.client.post("/form", form={"csrf_token": token})).status == 403


async def test_a_token_ends_with_its_session(rig: Rig) -> None:
    rig.client.cookies["session"] = rig.sessions.open("t", "bob")
    await rig.client.csrf_from("/form")
    rig.client.cookies["session"] = rig.sessions.open("t2", "bob")
    assert (await rig.client.post("/form", form={})).status == 403


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
async def test_what_the_browser_says_about_its_origin_counts(
    rig: Rig, headers: dict[str, str], accepted: bool
) -> None:
    await rig.client.csrf_from("/form")
    answer = await rig.client.post("/form", form={}, headers=headers)
    assert answer.status == (200 if accepted else 403)
