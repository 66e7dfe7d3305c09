"""Server-sent events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from microblog.http.event_stream import EventSink, event
from microblog.http.request import Request
from microblog.http.responses import Response, Stream
from microblog.http.routing import Routes
from tests.http.client import Connection
from tests.http.harness import Harness, Make, logged

routes = Routes("sse")


class Source:
    def __init__(self) -> None:
        self.sinks: list[EventSink] = []
        self.left = 0

    def subscribe(self, sink: EventSink) -> Callable[[], None]:
        self.sinks.append(sink)

        def leave() -> None:
            self.sinks.remove(sink)
            self.left += 1

        return leave


@routes.get("/events", limit=None)
async def events(source: Source, _: Request) -> Response:
    return Stream(source)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def harness(make: Make, source: Source) -> Harness:
    return make(routes.bind(source))


def listen(harness: Harness, headers: bytes = b"") -> Connection:
    connection = harness.client.connect()
    connection.send(b"GET /events HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n")
    return connection


def frames(connection: Connection) -> bytes:
    return connection.received.partition(b"\r\n\r\n")[2]


def test_events_reach_the_client_at_once(harness: Harness, source: Source) -> None:
    connection = listen(harness)
    head = connection.received
    assert b"Content-Type: text/event-stream" in head
    assert b"Cache-Control: no-store" in head
    source.sinks[0].send(event("hello", name="post", identifier="12"))
    assert b"event: post\ndata: hello\nid: 12\n\n" in frames(connection)


@pytest.mark.parametrize("data", ["a\nevent: forged", "a\r\nb", "a\rb", "\n\n", "id: 1"])
def test_content_cannot_forge_a_field(data: str) -> None:
    lines = event(data).decode().split("\n")
    assert all(line.startswith("data: ") for line in lines if line)
    assert "\r" not in event(data).decode()
    with pytest.raises(ValueError, match="one line"):
        event("x", name=f"a\n{data}")


def test_source_gets_the_last_event_id(harness: Harness, source: Source) -> None:
    listen(harness, b"Last-Event-ID: 17\r\n")
    listen(harness, b"Last-Event-ID: " + b"1" * 200 + b"\r\n")
    listen(harness)
    assert [sink.last_event_id for sink in source.sinks] == ["17", None, None]


def test_stream_has_a_heartbeat_every_15_seconds(harness: Harness, source: Source) -> None:
    connection = listen(harness)
    before = frames(connection).count(b":thump\n")
    harness.pass_time(46)
    assert frames(connection).count(b":thump\n") == before + 3
    assert b"\n\n" not in frames(connection)


def test_client_that_leaves_is_unsubscribed(harness: Harness, source: Source) -> None:
    connection = listen(harness)
    with logged() as seen:
        connection.hang_up()
    assert (source.sinks, source.left) == ([], 1)
    assert seen == []
    assert harness.clock.getDelayedCalls() == []


def test_source_can_end_the_stream(harness: Harness, source: Source) -> None:
    connection = listen(harness)
    sink = source.sinks[0]
    sink.end()
    sink.end()
    sink.send(b"too late")
    assert connection.received.endswith(b"0\r\n\r\n")
    assert source.left == 1
    connection.send(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
    assert len(source.sinks) == 1


def test_client_that_does_not_read_is_cut_at_the_limit(harness: Harness, source: Source) -> None:
    slow, good = listen(harness), listen(harness)
    slow.transport.reads = False
    with logged() as seen:
        for _ in range(1000):
            for sink in list(source.sinks):
                sink.send(b"data: " + b"x" * 1000 + b"\n\n")
        harness.pass_time(0.1)
    assert slow.transport.aborted
    assert len(slow.received) < 400_000
    assert len(source.sinks) == 1
    assert len(good.received) > 1_000_000
    assert seen == []


def test_slow_reader_that_catches_up_stays_connected(harness: Harness, source: Source) -> None:
    connection = listen(harness)
    for _ in range(20):
        connection.transport.reads = False
        for _ in range(100):
            source.sinks[0].send(b"data: " + b"x" * 1000 + b"\n\n")
        connection.transport.read()
    assert connection.open


def test_draining_ends_streams_with_a_delay_for_reconnecting(harness: Harness, source: Source) -> None:
    connection = listen(harness)
    done: list[Any] = []
    harness.site.drain().addCallback(done.append)
    assert b"retry: " in frames(connection)
    assert connection.received.endswith(b"0\r\n\r\n")
    harness.pass_time(1)
    assert done == [None]
    assert source.sinks == []


def test_head_of_a_stream_has_only_headers(harness: Harness, source: Source) -> None:
    connection = harness.client.connect()
    connection.send(b"HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"text/event-stream" in connection.received
    assert source.sinks == []
