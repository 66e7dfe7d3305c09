"""The factory: limits on connections, draining, and a real socket."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from microblog.http.request import Request
from microblog.http.responses import Document, Response
from microblog.http.routing import Routes
from tests.http.client import Client
from tests.http.harness import Make, logged

routes = Routes("site")
waiting: list[Deferred[None]] = []


@routes.get("/", limit=None)
async def front(_: Any, __: Request) -> Response:
    return Document("front")


@routes.get("/wait", limit=None)
async def wait(_: Any, __: Request) -> Response:
    waiting.append(Deferred())
    await waiting[-1]
    return Document("waited")


@routes.post("/work", limit=None, csrf=False)
async def work(_: Any, __: Request) -> Response:
    waiting.append(Deferred())
    await waiting[-1]
    return Document("worked")


@routes.get("/large", limit=None)
async def large(_: Any, __: Request) -> Response:
    return Document(b"x" * 30_000_000, "application/octet-stream")


@pytest.fixture(autouse=True)
def _nothing_waits() -> None:
    waiting.clear()


GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_connections_above_the_limit_get_503_and_are_closed(make: Make) -> None:
    harness = make(routes, connections=2)
    connections = [harness.client.connect(), harness.client.connect()]
    refused = harness.client.connect()
    (answer,) = refused.answers()
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert not refused.open
    connections[0].hang_up()
    fresh = harness.client.connect()
    fresh.send(GET)
    assert fresh.answers()[0].status == 200


def test_one_address_cannot_take_all_connections(make: Make) -> None:
    harness = make(routes, connections_per_host=2)
    for _ in range(2):
        harness.client.connect()
    assert harness.client.connect().answers()[0].status == 503
    other = Client(harness.site, address="198.51.100.1").connect()
    other.send(GET)
    assert other.answers()[0].status == 200


def test_trusted_proxy_has_no_limit_of_its_address(make: Make) -> None:
    harness = make(routes, connections_per_host=2, trusted_proxies=("192.0.2.0/24",))
    connections = [harness.client.connect() for _ in range(5)]
    assert [connection.received for connection in connections] == [b""] * 5


def test_draining_finishes_running_requests_and_closes_connections(make: Make) -> None:
    harness = make(routes)
    busy, idle = harness.client.connect(), harness.client.connect()
    busy.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    idle.send(GET)
    done: list[None] = []
    harness.site.drain().addCallback(done.append)
    harness.pass_time(1)
    assert idle.transport.disconnected
    assert done == []
    assert harness.site.running == 1
    waiting[0].callback(None)
    (answer,) = busy.answers()
    assert (answer.text, answer.headers["connection"]) == ("waited", "close")
    assert done == [None]
    assert harness.clock.getDelayedCalls() == []


def test_request_that_arrives_while_draining_begins_is_answered(make: Make) -> None:
    harness = make(routes)
    idle, begun = harness.client.connect(), harness.client.connect()
    idle.send(GET)
    begun.send(b"GET / HTTP/1.1\r\n")
    done: list[None] = []
    harness.site.drain().addCallback(done.append)
    idle.send(GET)
    assert idle.answers()[1].headers["connection"] == "close"
    harness.pass_time(3)
    begun.send(b"Host: a\r\n\r\n")
    assert begun.answers()[0].text == "front"
    assert done == [None]


def test_draining_waits_for_work_whose_client_has_gone(make: Make) -> None:
    harness = make(routes)
    connection = harness.client.connect()
    connection.send(b"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    connection.hang_up()
    done: list[None] = []
    harness.site.drain().addCallback(done.append)
    assert done == []
    waiting[0].callback(None)
    assert done == [None]


def test_idle_server_drains_at_once(make: Make) -> None:
    done: list[None] = []
    make(routes).site.drain().addCallback(done.append)
    assert done == [None]


async def test_reset_in_the_middle_of_an_answer_leaves_no_traceback(make: Make) -> None:
    from twisted.internet import reactor

    harness = make(routes, reactor=reactor)
    port = reactor.listenTCP(0, harness.site, interface="127.0.0.1")  # type: ignore[attr-defined]

    def reset() -> None:
        for path in (b"/large", b"/wait", b"/large"):
            with socket.create_connection(("127.0.0.1", port.getHost().port)) as client:
                client.sendall(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path)
                if path == b"/large":
                    client.recv(1000)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with logged() as events:
        await deferToThread(reset)
        await port.stopListening()
        await harness.site.drain()
    assert events == []
    assert harness.site.running == 0


async def test_refusal_reaches_a_client_that_is_still_sending(make: Make) -> None:
    from twisted.internet import reactor

    harness = make(routes, reactor=reactor)
    port = reactor.listenTCP(0, harness.site, interface="127.0.0.1")  # type: ignore[attr-defined]

    def send_too_much() -> bytes:
        with socket.create_connection(("127.0.0.1", port.getHost().port)) as client:
            client.sendall(b"POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n")
            client.sendall(b"x" * 5_000_000)
            received = b""
            while data := client.recv(65536):
                received += data
            return received

    received = await deferToThread(send_too_much)
    assert received.startswith(b"HTTP/1.1 413 ")
    await port.stopListening()
    await harness.site.drain()
