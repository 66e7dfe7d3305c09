"""Connections: deadlines, limits, and the order of answers."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.http import guard
from microblog.http.request import Request
from microblog.http.responses import Document, Response
from microblog.http.routing import Routes
from tests.http import channel_pages
from tests.http.channel_pages import HOST, POST, effects, waiting
from tests.http.harness import Harness, Make, logged


@pytest.fixture
def site(make: Make) -> Harness:
    return channel_pages.site(make)


def test_http_1_0_request_needs_no_host_and_closes_the_connection(site: Harness) -> None:
    connection = site.client.connect()
    connection.send(b"GET / HTTP/1.0\r\n\r\n")
    assert connection.answers()[0].text == "front"
    assert not connection.open


def test_absolute_target_replaces_the_host_header(site: Harness) -> None:
    connection = site.client.connect()
    connection.send(b"GET http://localhost:8000/n/7 HTTP/1.1\r\nHost: elsewhere\r\n\r\n")
    assert connection.answers()[0].text == "7"
    assert guard.split_absolute(b"https://a.example?x") == (b"a.example", b"/?x")


def test_pipelined_answers_keep_their_order(site: Harness) -> None:
    connection = site.client.connect()
    requests = b"".join(
        b"GET /%b HTTP/1.1\r\n%b\r\n" % (path, HOST) for path in (b"n/1", b"wait", b"n/2", b"n/3")
    )
    connection.send(requests)
    assert [page.text for page in connection.answers()] == ["1"]
    waiting[0].callback(None)
    assert [page.text for page in connection.answers()] == ["1", "waited", "2", "3"]
    assert connection.open


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        (404, b"Not Found"),
        (422, b"Unprocessable Entity"),
        (426, b"Upgrade Required"),
        (429, b"Too Many Requests"),
    ],
)
def test_status_line_names_the_status(site: Harness, status: int, phrase: bytes) -> None:
    connection = site.client.connect()
    connection.send(b"GET /status/%d HTTP/1.1\r\n%b\r\n" % (status, HOST))
    assert connection.received.startswith(b"HTTP/1.1 %d %b\r\n" % (status, phrase))


def test_refusal_follows_the_answers_of_earlier_requests(site: Harness) -> None:
    connection = site.client.connect()
    connection.send(b"GET /wait HTTP/1.1\r\n" + HOST + b"\r\nGET / HTTP/1.1\r\n\r\n")
    assert connection.received == b""
    waiting[0].callback(None)
    assert [page.status for page in connection.answers()] == [200, 400]


# -- bodies ---------------------------------------------------------------------------------------------------


def test_body_above_the_limit_is_refused_before_it_arrives(site: Harness) -> None:
    connection = site.client.connect()
    connection.send(POST + b"Content-Length: 300000000\r\nExpect: 100-continue\r\n\r\n")
    (answer,) = connection.answers("POST")
    assert answer.status == 413
    connection.send(b"x" * 100_000)
    assert connection.transport.aborted is False
    site.pass_time(4)
    assert connection.transport.disconnected
    assert effects == []


def test_chunked_body_is_refused_at_the_limit(site: Harness) -> None:
    connection = site.client.connect()
    connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(200):
        connection.send(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
    (answer,) = connection.answers("POST")
    assert answer.status == 413
    assert effects == []


async def test_body_within_the_limit_arrives_complete(site: Harness) -> None:
    assert (await site.client.post("/echo", body=b"x" * 900_000)).json() == {"size": 900_000}
    connection = site.client.connect()
    connection.send(
        POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;a=b\r\ndefg\r\n0\r\nX-Trailer: a\r\n\r\n"
    )
    assert connection.answers("POST")[0].json() == {"size": 7}


def test_100_continue_is_sent_when_the_client_expects_it(site: Harness) -> None:
    connection = site.client.connect()
    connection.send(POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert connection.received == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.send(b"abc")
    assert connection.answers("POST")[0].json() == {"size": 3}


# -- deadlines ------------------------------------------------------------------------------------------------


def test_slow_head_is_refused_at_an_absolute_deadline(site: Harness) -> None:
    connection = site.client.connect()
    connection.send(b"GET / HTTP/1.1\r\n")
    for _ in range(9):
        site.pass_time(1)
        connection.send(b"X-A: a\r\n")
    assert connection.received == b""
    site.pass_time(2.1)
    assert connection.answers()[0].status == 408
    site.pass_time(4)
    assert connection.transport.disconnected


def test_slow_body_is_refused_at_an_absolute_deadline(site: Harness) -> None:
    connection = site.client.connect()
    connection.send(POST + b"Content-Length: 1000\r\n\r\n")
    for _ in range(59):
        site.pass_time(1)
        connection.send(b"x")
    assert connection.received == b""
    site.pass_time(2.1)
    assert connection.answers("POST")[0].status == 408


def test_silent_connection_is_closed(site: Harness) -> None:
    connection = site.client.connect()
    site.pass_time(11.1)
    assert connection.received == b""
    assert connection.transport.disconnected


def test_idle_connection_stays_open_for_75_seconds(site: Harness) -> None:
    connection = site.client.connect()
    connection.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    site.pass_time(74)
    assert connection.open
    connection.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert len(connection.answers()) == 2
    site.pass_time(76.1)
    assert connection.transport.disconnected


def test_connection_has_no_deadline_while_a_page_runs(site: Harness) -> None:
    connection = site.client.connect()
    connection.send(b"GET /wait HTTP/1.1\r\n" + HOST + b"\r\n")
    site.pass_time(100)
    waiting[0].callback(None)
    assert connection.answers()[0].text == "waited"


def test_no_timer_runs_without_connections(site: Harness) -> None:
    connection = site.client.connect()
    connection.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    connection.hang_up()
    assert site.site.connections == 0
    assert site.clock.getDelayedCalls() == []


# -- clients that do not read ---------------------------------------------------------------------------------


def test_answers_do_not_pile_up_for_a_client_that_does_not_read(site: Harness) -> None:
    connection = site.client.connect()
    connection.transport.reads = False
    connection.send((b"GET /big/100000 HTTP/1.1\r\n" + HOST + b"\r\n") * 300)
    assert len(effects) == 1
    connection.send((b"GET /big/100000 HTTP/1.1\r\n" + HOST + b"\r\n") * 300)
    assert len(connection.received) < 200_000
    site.pass_time(32)
    assert connection.transport.aborted


def test_answers_continue_when_the_client_reads_again(site: Harness) -> None:
    connection = site.client.connect()
    connection.transport.reads = False
    connection.send((b"GET /big/1000 HTTP/1.1\r\n" + HOST + b"\r\n") * 20)
    site.pass_time(20)
    connection.transport.read()
    assert len(connection.answers()) == 20
    site.pass_time(40)
    assert connection.open


def test_slow_client_gets_a_large_answer_complete(site: Harness) -> None:
    connection = site.client.connect()
    connection.transport.reads = False
    connection.send(b"GET /big/20000000 HTTP/1.1\r\n" + HOST + b"\r\n")
    site.pass_time(20)
    connection.transport.read()
    assert len(connection.answers()[0].body) == 20_000_000


def test_endless_answer_to_a_client_that_does_not_read_is_cut(make: Make) -> None:
    routes = Routes("flood")
    written: list[int] = []

    @routes.get("/flood", limit=None)
    async def flood(_: Any, request: Request) -> Response:
        for _number in range(1000):
            request.raw.write(b"x" * 100_000)
            written.append(100_000)
        return Document("")

    harness = make(routes)
    connection = harness.client.connect()
    connection.transport.reads = False
    with logged() as events:
        connection.send(b"GET /flood HTTP/1.1\r\n" + HOST + b"\r\n")
        harness.pass_time(0.1)
    assert connection.transport.aborted
    assert events == []
    assert len(connection.received) < 5_000_000


# -- clients that go away -------------------------------------------------------------------------------------


def test_connection_resets_are_not_logged(site: Harness) -> None:
    with logged() as events:
        for sent in (
            b"",
            b"GET /",
            POST + b"Content-Length: 10\r\n\r\nabc",
            b"GET /wait HTTP/1.1\r\n" + HOST + b"\r\n",
        ):
            connection = site.client.connect()
            connection.send(sent)
            connection.hang_up()
        for deferred in waiting:
            if not deferred.called:
                deferred.callback(None)
    assert events == []
    assert site.site.running == 0


def test_client_that_closes_its_half_still_gets_its_answer(site: Harness) -> None:
    connection = site.client.connect()
    connection.send(b"GET /wait HTTP/1.1\r\n" + HOST + b"\r\n")
    connection.channel.readConnectionLost()
    waiting[0].callback(None)
    assert connection.answers()[0].text == "waited"
    assert not connection.open


# -- the path -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/%ff", "/%zz", "/%", "/%c3%28", "/%00", "/a%0ab", "/a%09", "/%ed%a0%80"])
async def test_malformed_path_is_400(site: Harness, path: str) -> None:
    assert (await site.client.get(path)).status == 400


async def test_path_in_any_script_is_decoded(site: Harness) -> None:
    assert (await site.client.get("/n/%E6%97%A5%E6%9C%AC")).text == "日本"
