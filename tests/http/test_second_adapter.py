"""A second adapter beside the website and the API: its routes, authentication and errors need only ``http/``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from microblog.domain.accounts import Viewer
from microblog.domain.errors import InvalidInput, MicroblogError, NotFound, Unauthenticated
from microblog.domain.rate_limits import RateLimits
from microblog.http.context import WebContext
from microblog.http.dispatcher import HTTPDispatcher
from microblog.http.errors import error_headers
from microblog.http.factory import HTTPFactory
from microblog.http.request import Request
from microblog.http.responses import Empty, Json, Response
from microblog.http.routing import Routes
from microblog.http.status import status_of
from microblog.http.templates import Templates
from tests.http.client import Client

ACTIVITY = "application/activity+json"


class Inbox:
    """The services of the adapter."""

    def __init__(self) -> None:
        self.received: list[object] = []


class NoSessions:
    async def viewer(self, token: str) -> Viewer | None:
        raise AssertionError("The adapter has an authentication of its own.")


async def check_signature(inbox: Inbox, request: Request) -> Viewer | None:
    """Accept requests with a signature; the sender is a server, not an account of this site."""
    if request.header("signature") != "valid":
        raise Unauthenticated("The signature is missing or wrong.")
    return None


def problem(request: Request, error: MicroblogError) -> Response:
    """Return an error as a problem document (RFC 9457)."""
    body = {"type": f"about:{error.code}", "detail": error.text}
    return Json(
        body, status=status_of(error), content_type="application/problem+json", headers=error_headers(error)
    )


routes = Routes("federation", authenticate=check_signature, errors=problem)


@routes.get("/actors/<name>", viewer="none")
async def actor(inbox: Inbox, request: Request) -> Response:
    """Show an actor."""
    if request.path_arg("name") != "ann":
        raise NotFound
    return Json({"id": f"{request.web.public_url}/actors/ann"}, content_type=ACTIVITY)


@routes.post("/actors/<name>/inbox", limit="post")
async def receive(inbox: Inbox, request: Request) -> Response:
    """Take an activity."""
    activity = request.json()
    if "type" not in activity:
        raise InvalidInput("An activity has a type.", "type")
    inbox.received.append(activity)
    return Empty(status=202)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def client(inbox: Inbox, tmp_path: Path) -> Iterator[Client]:
    clock = Clock()
    web = WebContext.build(
        public_url="https://social.example",
        secret=b"a secret of sixteen bytes",
        sessions=NoSessions(),
        templates=Templates(tmp_path, lambda name: name, site=None),
        session_seconds=60,
        limits=RateLimits(clock.seconds),
    )
    client = Client(HTTPFactory(HTTPDispatcher(web, [routes.bind(inbox)]), clock))
    yield client
    client.close()
    clock.advance(1)


async def test_actor_is_served_with_its_media_type(client: Client) -> None:
    answer = await client.get("/actors/ann")
    assert (answer.status, answer.headers["content-type"]) == (200, ACTIVITY)
    assert answer.json() == {"id": "https://social.example/actors/ann"}


async def test_signed_activity_reaches_the_adapters_services(client: Client, inbox: Inbox) -> None:
    answer = await client.post("/actors/ann/inbox", json={"type": "Follow"}, headers={"Signature": "valid"})
    assert answer.status == 202
    assert inbox.received == [{"type": "Follow"}]


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "kind"),
    [
        ("GET", "/actors/bob", {}, 404, "about:not-found"),
        ("POST", "/actors/ann/inbox", {"json": {"type": "Follow"}}, 401, "about:unauthenticated"),
        ("POST", "/actors/ann/inbox", {"json": {}, "headers": {"Signature": "valid"}}, 422, "about:invalid"),
    ],
)
async def test_errors_have_the_adapters_own_form(
    client: Client, method: str, path: str, options: dict[str, Any], status: int, kind: str
) -> None:
    answer = await client.request(method, path, **options)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["type"] == kind


async def test_unknown_address_is_answered_without_templates(client: Client) -> None:
    answer = await client.get("/nowhere")
    assert answer.status == 404
    assert "Nothing here" in answer.text
