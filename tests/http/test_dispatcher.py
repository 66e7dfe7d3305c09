"""Pages that fail, and pages whose client goes away."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import LogLevel

from microblog.domain.errors import Forbidden, InvalidInput, NotFound, Unavailable
from microblog.http.request import Request
from microblog.http.responses import Document, Response
from microblog.http.routing import Routes
from microblog.runtime.log import current_request
from tests.http.harness import Make, logged

# -- pages that go wrong --------------------------------------------------------------------------------------


async def test_page_that_returns_no_response_is_an_internal_error(make: Make) -> None:
    routes = Routes("wrong")

    async def wrong(_: Any, __: Request) -> Any:
        return {"a": "dict"}

    routes.get("/wrong")(wrong)
    harness = make(routes)
    with logged() as events:
        answer = await harness.client.get("/wrong")
    assert answer.status == 500
    assert answer.html.xpath("//code")
    assert len(events) == 1
    assert "instead of a Response" in str(events[0]["log_failure"].value)


async def test_unexpected_error_is_logged_and_its_page_has_a_reference(make: Make) -> None:
    routes, seen = Routes("wrong"), []

    @routes.get("/wrong", "/api/wrong")
    async def wrong(_: Any, __: Request) -> Response:
        seen.append(current_request())
        raise KeyError("secret detail")

    harness = make(routes)
    with logged() as events:
        answer = await harness.client.get("/wrong")
        json_answer = await harness.client.get("/api/wrong")
    assert answer.status == json_answer.status == 500
    assert answer.html.xpath("string(//code)") == seen[0]
    assert json_answer.json()["request_id"] == seen[1] != seen[0]
    assert "secret" not in answer.text + json_answer.text
    assert [event["log_level"] for event in events] == [LogLevel.critical] * 2


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput("Too short.", "body", "too_short"), 422),
        (NotFound(), 404),
        (Forbidden("Not yours."), 403),
        (Unavailable(retry_after=7.2), 503),
    ],
)
async def test_each_error_of_the_domain_has_its_answer(make: Make, error: Exception, status: int) -> None:
    routes = Routes("wrong")

    @routes.get("/wrong")
    async def wrong(_: Any, __: Request) -> Response:
        raise error

    client = make(routes).client
    html = await client.get("/wrong")
    assert html.status == status
    assert html.html.xpath("string(//p[@id='text'])") == str(error)
    json = await client.get("/wrong", headers={"Accept": "application/json"})
    assert (json.status, json.json()["error"]) == (status, str(error))
    line = await client.get("/wrong", headers={"Accept": "text/plain"})
    assert (line.status, line.text) == (status, f"{error}\n")
    assert html.headers.get("retry-after") == ("8" if status == 503 else None)
    if status == 422:
        assert json.json()["details"] == {"body": [{"error": "ERR_TOO_SHORT", "description": "Too short."}]}


async def test_absent_and_forbidden_objects_have_equal_answers(make: Make) -> None:
    routes = Routes("wrong")

    @routes.get("/<int:id>")
    async def show(_: Any, request: Request) -> Response:
        raise NotFound

    client = make(routes).client
    hidden, absent = client.connect(), client.connect()
    hidden.send(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
    absent.send(b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert hidden.received == absent.received


# -- clients that go away -------------------------------------------------------------------------------------


@pytest.fixture
def slow() -> tuple[Routes, Deferred[None], list[str]]:
    routes, step, done = Routes("slow"), Deferred(), []

    async def work(_: Any, __: Request) -> Response:
        try:
            await step
        except CancelledError:
            done.append("cancelled")
            raise
        done.append("done")
        return Document("done")

    routes.get("/slow", name="read")(work)
    routes.post("/slow", csrf=False, name="write")(work)
    routes.delete("/slow", csrf=False, name="delete")(work)
    return routes, step, done


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_work_that_changes_something_continues_without_its_client(make: Make, slow: Any, method: str) -> None:
    routes, step, done = slow
    connection = make(routes).client.connect()
    connection.send(f"{method} /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode())
    with logged() as events:
        connection.hang_up()
        assert done == []
        step.callback(None)
    assert done == ["done"]
    assert events == []


def test_read_is_cancelled_when_its_client_leaves(make: Make, slow: Any) -> None:
    routes, _, done = slow
    connection = make(routes).client.connect()
    connection.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    with logged() as events:
        connection.hang_up()
    assert done == ["cancelled"]
    assert events == []


@pytest.mark.parametrize(
    ("error", "level"), [(KeyError("x"), LogLevel.critical), (InvalidInput("Too long."), LogLevel.warn)]
)
def test_late_error_of_shielded_work_is_logged(
    make: Make, slow: Any, error: Exception, level: LogLevel
) -> None:
    routes, step, _ = slow
    connection = make(routes).client.connect()
    connection.send(b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    connection.hang_up()
    with logged() as events:
        step.errback(error)
    assert [event["log_level"] for event in events] == [level]


def test_work_that_is_cancelled_from_within_is_unavailable(make: Make, slow: Any) -> None:
    routes, step, _ = slow
    connection = make(routes).client.connect()
    connection.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    step.errback(CancelledError())
    assert connection.answers()[0].status == 503
