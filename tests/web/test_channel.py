"""A connection: what is refused, what has a deadline, what is bounded."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from microblog.web import guard
from microblog.web.request import Request
from microblog.web.responses import Document, Json, Response
from microblog.web.routing import Routes
from tests.web.rig import Make, Rig, logged

routes = Routes("channel")
effects: list[str] = []


@routes.get("/", limit=None)
async def front(_: Any, request: Request) -> Response:
    effects.append(request.path)
    return Document("front")


@routes.get("/n/<number>", limit=None)
async def numbered(_: Any, request: Request) -> Response:
    return Document(request.path_arg("number"))


@routes.get("/big/<int:size>", limit=None)
async def big(_: Any, request: Request) -> Response:
    effects.append(request.path)
    return Document(b"x" * int(request.path_arg("size")), "application/octet-stream")


@routes.post("/echo", csrf=False, limit=None)
async def echo(_: Any, request: Request) -> Response:
    effects.append(request.path)
    return Json({"size": len(request.body)})


@routes.post("/upload", csrf=False, limit=None, body_limit=3_000_000)
async def upload(_: Any, request: Request) -> Response:
    return Json({"size": len(request.body)})


waiting: list[Deferred[None]] = []


@routes.get("/wait", limit=None)
async def wait(_: Any, __: Request) -> Response:
    waiting.append(Deferred())
    await waiting[-1]
    return Document("waited")


@pytest.fixture
def site(make: Make) -> Rig:
    effects.clear()
    waiting.clear()
    return make(routes)


HOST = b"Host: localhost\r\n"

REFUSED: dict[str, tuple[bytes, int]] = {
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "an empty host": (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    "a host with a path": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "a host with a user": (b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    "a control character in the target": (b"GET /\x01 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "DEL in the target": (b"GET /\x7f HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "raw UTF-8 in the target": ("GET /é HTTP/1.1\r\n".encode() + HOST + b"\r\n", 400),
    "a fragment in the target": (b"GET /#a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a target that is no path": (b"GET example.org HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "another scheme": (b"GET gopher://localhost/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "an asterisk to GET": (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a folded header": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\r\n b\r\n\r\n", 400),
    "a first header that is folded": (b"GET / HTTP/1.1\r\n " + HOST + b"\r\n", 400),
    "a space before the colon": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A : a\r\n\r\n", 400),
    "a header without a colon": (b"GET / HTTP/1.1\r\n" + HOST + b"nonsense\r\n\r\n", 400),
    "a header without a name": (b"GET / HTTP/1.1\r\n" + HOST + b": a\r\n\r\n", 400),
    "NUL in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\x00b\r\n\r\n", 400),
    "a control character in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\x0bb\r\n\r\n", 400),
    "a bare line feed": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\nX-B: b\r\n\r\n", 400),
    "a bare carriage return": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\rX-B: b\r\n\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "version 2": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 400),
    "two spaces": (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "garbage": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    "an unknown method": (b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "a method in lower case": (b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "TRACE": (b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "CONNECT": (b"CONNECT a:80 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "a long target": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "a long target without an end": (b"GET /" + b"a" * 9000, 414),
    "a long header": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: " + b"a" * 9000 + b"\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\r\n" * 200 + b"\r\n", 431),
    "large headers": (b"GET / HTTP/1.1\r\n" + HOST + (b"X-A: " + b"a" * 4000 + b"\r\n") * 9 + b"\r\n", 431),
}

#: messages whose end two readers might see in different places; a request hides behind each
SMUGGLED = b"0\r\n\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST
SMUGGLING: dict[str, bytes] = {
    "length, then chunked": POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n" + SMUGGLED,
    "chunked, then length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n" + SMUGGLED,
    "identity and a length": POST + b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\n" + SMUGGLED,
    "two equal lengths": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\n" + SMUGGLED,
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 30\r\n\r\n" + SMUGGLED,
    "a list of lengths": POST + b"Content-Length: 3, 3\r\n\r\n" + SMUGGLED,
    "a length with a sign": POST + b"Content-Length: +3\r\n\r\n" + SMUGGLED,
    "a negative length": POST + b"Content-Length: -3\r\n\r\n" + SMUGGLED,
    "a length in hex": POST + b"Content-Length: 0x3\r\n\r\n" + SMUGGLED,
    "a length with an underscore": POST + b"Content-Length: 1_0\r\n\r\n" + SMUGGLED,
    "an empty length": POST + b"Content-Length:\r\n\r\n" + SMUGGLED,
    "a length of 5,000 digits": POST + b"Content-Length: " + b"1" * 5000 + b"\r\n\r\n" + SMUGGLED,
    "a length before a space": POST + b"Content-Length : 3\r\n\r\n" + SMUGGLED,
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + SMUGGLED,
    "chunked and another": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + SMUGGLED,
    "chunked, then identity": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"
    + SMUGGLED,
    "almost chunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n" + SMUGGLED,
    "chunked behind a vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + SMUGGLED,
    "chunked in HTTP/1.0": b"POST /echo HTTP/1.0\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + SMUGGLED,
    "a chunk size with a sign": POST + b"Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n" + SMUGGLED,
    "a chunk size with 0x": POST + b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n" + SMUGGLED,
    "a chunk size with a space": POST + b"Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n" + SMUGGLED,
    "no chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n\r\nabc\r\n" + SMUGGLED,
    "a chunk that is longer than it says": POST
    + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n"
    + SMUGGLED,
    "a chunk extension with a line feed": POST
    + b"Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n"
    + SMUGGLED,
    "an endless chunk extension": POST
    + b"Transfer-Encoding: chunked\r\n\r\n3;"
    + b"a" * 4000
    + b"\r\n"
    + SMUGGLED,
}


@pytest.mark.parametrize(("sent", "status"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_proper_request_is_refused_whole_and_the_connection_ends(
    site: Rig, sent: bytes, status: int
) -> None:
    connection = site.client.connect()
    connection.send(sent + b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    (answer,) = connection.answers()
    assert answer.status == status
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text.endswith(".\n")
    assert not connection.open
    assert effects == []


@pytest.mark.parametrize("sent", SMUGGLING.values(), ids=SMUGGLING)
def test_a_body_whose_length_is_in_doubt_is_refused_with_all_that_follows(site: Rig, sent: bytes) -> None:
    connection = site.client.connect()
    connection.send(sent)
    (answer,) = connection.answers("POST")
    assert answer.status == 400
    assert not connection.open
    assert effects == []


@pytest.mark.parametrize("sent", [*[data for data, _ in REFUSED.values()], *SMUGGLING.values()])
def test_bytes_that_arrive_one_by_one_are_judged_the_same(site: Rig, sent: bytes) -> None:
    connection = site.client.connect()
    for index in range(len(sent)):
        connection.send(sent[index : index + 1])
    (answer,) = connection.answers()
    assert answer.status >= 400
    assert effects == []


def test_http_1_0_needs_no_host_and_is_not_kept_alive(site: Rig) -> None:
    connection = site.client.connect()
    connection.send(b"GET / HTTP/1.0\r\n\r\n")
    assert connection.answers()[0].text == "front"
    assert not connection.open


def test_an_absolute_target_is_taken_and_its_host_counts(site: Rig) -> None:
    connection = site.client.connect()
    connection.send(b"GET http://localhost:8000/n/7 HTTP/1.1\r\nHost: elsewhere\r\n\r\n")
    assert connection.answers()[0].text == "7"
    assert guard.split_absolute(b"https://a.example?x") == (b"a.example", b"/?x")


def test_pipelined_answers_keep_their_order(site: Rig) -> None:
    connection = site.client.connect()
    requests = b"".join(
        b"GET /%b HTTP/1.1\r\n%b\r\n" % (path, HOST) for path in (b"n/1", b"wait", b"n/2", b"n/3")
    )
    connection.send(requests)
    assert [page.text for page in connection.answers()] == ["1"]
    waiting[0].callback(None)
    assert [page.text for page in connection.answers()] == ["1", "waited", "2", "3"]
    assert connection.open


def test_a_refusal_comes_behind_the_answers_that_are_due(site: Rig) -> None:
    connection = site.client.connect()
    connection.send(b"GET /wait HTTP/1.1\r\n" + HOST + b"\r\nGET / HTTP/1.1\r\n\r\n")
    assert connection.received == b""
    waiting[0].callback(None)
    assert [page.status for page in connection.answers()] == [200, 400]


# -- bodies ---------------------------------------------------------------------------------------------------


def test_a_body_above_the_cap_is_refused_before_it_comes(site: Rig) -> None:
    connection = site.client.connect()
    connection.send(POST + b"Content-Length: 300000000\r\nExpect: 100-continue\r\n\r\n")
    (answer,) = connection.answers("POST")
    assert answer.status == 413
    connection.send(b"x" * 100_000)
    assert connection.transport.aborted is False
    site.pass_time(4)
    assert connection.transport.disconnected
    assert effects == []


def test_a_chunked_body_is_cut_at_the_cap(site: Rig) -> None:
    connection = site.client.connect()
    connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(200):
        connection.send(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
    (answer,) = connection.answers("POST")
    assert answer.status == 413
    assert effects == []


async def test_a_body_within_the_cap_arrives_whole_chunked_or_not(site: Rig) -> None:
    assert (await site.client.post("/echo", body=b"x" * 900_000)).json() == {"size": 900_000}
    connection = site.client.connect()
    connection.send(
        POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;a=b\r\ndefg\r\n0\r\nX-Trailer: a\r\n\r\n"
    )
    assert connection.answers("POST")[0].json() == {"size": 7}


async def test_a_route_may_take_more(site: Rig) -> None:
    assert (await site.client.post("/upload", body=b"x" * 2_900_000)).json() == {"size": 2_900_000}
    assert (await site.client.post("/upload?a=/echo", body=b"x" * 3_000_001)).status == 413


def test_100_continue_is_said_when_the_body_is_wanted(site: Rig) -> None:
    connection = site.client.connect()
    connection.send(POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert connection.received == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.send(b"abc")
    assert connection.answers("POST")[0].json() == {"size": 3}


# -- deadlines ------------------------------------------------------------------------------------------------


def test_a_head_that_drips_ends_at_an_absolute_deadline(site: Rig) -> None:
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


def test_a_body_that_drips_ends_at_an_absolute_deadline(site: Rig) -> None:
    connection = site.client.connect()
    connection.send(POST + b"Content-Length: 1000\r\n\r\n")
    for _ in range(59):
        site.pass_time(1)
        connection.send(b"x")
    assert connection.received == b""
    site.pass_time(2.1)
    assert connection.answers("POST")[0].status == 408


def test_a_connection_that_says_nothing_is_closed(site: Rig) -> None:
    connection = site.client.connect()
    site.pass_time(11.1)
    assert connection.received == b""
    assert connection.transport.disconnected


def test_an_idle_connection_is_kept_for_75_seconds(site: Rig) -> None:
    connection = site.client.connect()
    connection.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    site.pass_time(74)
    assert connection.open
    connection.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert len(connection.answers()) == 2
    site.pass_time(76.1)
    assert connection.transport.disconnected


def test_a_slow_page_has_no_deadline_of_the_connection(site: Rig) -> None:
    connection = site.client.connect()
    connection.send(b"GET /wait HTTP/1.1\r\n" + HOST + b"\r\n")
    site.pass_time(100)
    waiting[0].callback(None)
    assert connection.answers()[0].text == "waited"


def test_no_timer_is_left_when_the_last_connection_has_gone(site: Rig) -> None:
    connection = site.client.connect()
    connection.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    connection.hang_up()
    assert site.site.connections == 0
    assert site.clock.getDelayedCalls() == []


# -- clients that do not read ---------------------------------------------------------------------------------


def test_answers_do_not_pile_up_for_a_client_that_does_not_read(site: Rig) -> None:
    connection = site.client.connect()
    connection.transport.reads = False
    connection.send((b"GET /big/100000 HTTP/1.1\r\n" + HOST + b"\r\n") * 300)
    assert len(effects) == 1
    connection.send((b"GET /big/100000 HTTP/1.1\r\n" + HOST + b"\r\n") * 300)
    assert len(connection.received) < 200_000
    site.pass_time(32)
    assert connection.transport.aborted


def test_they_go_on_when_it_reads_again(site: Rig) -> None:
    connection = site.client.connect()
    connection.transport.reads = False
    connection.send((b"GET /big/1000 HTTP/1.1\r\n" + HOST + b"\r\n") * 20)
    site.pass_time(20)
    connection.transport.read()
    assert len(connection.answers()) == 20
    site.pass_time(40)
    assert connection.open


def test_one_large_answer_is_whole_however_slowly_it_is_read(site: Rig) -> None:
    connection = site.client.connect()
    connection.transport.reads = False
    connection.send(b"GET /big/20000000 HTTP/1.1\r\n" + HOST + b"\r\n")
    site.pass_time(20)
    connection.transport.read()
    assert len(connection.answers()[0].body) == 20_000_000


def test_a_page_that_goes_on_writing_to_a_client_that_does_not_read_is_cut(make: Make) -> None:
    routes = Routes("flood")
    written: list[int] = []

    @routes.get("/flood", limit=None)
    async def flood(_: Any, request: Request) -> Response:
        for _number in range(1000):
            request.raw.write(b"x" * 100_000)
            written.append(100_000)
        return Document("")

    rig = make(routes)
    connection = rig.client.connect()
    connection.transport.reads = False
    with logged() as events:
        connection.send(b"GET /flood HTTP/1.1\r\n" + HOST + b"\r\n")
        rig.pass_time(0.1)
    assert connection.transport.aborted
    assert events == []
    assert len(connection.received) < 5_000_000


# -- clients that go away -------------------------------------------------------------------------------------


def test_resets_leave_nothing_in_the_log(site: Rig) -> None:
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


def test_a_client_that_closes_its_half_still_gets_its_answer(site: Rig) -> None:
    connection = site.client.connect()
    connection.send(b"GET /wait HTTP/1.1\r\n" + HOST + b"\r\n")
    connection.channel.readConnectionLost()
    waiting[0].callback(None)
    assert connection.answers()[0].text == "waited"
    assert not connection.open


# -- the path -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/%ff", "/%zz", "/%", "/%c3%28", "/%00", "/a%0ab", "/a%09", "/%ed%a0%80"])
async def test_a_path_that_is_no_clean_utf8_is_400(site: Rig, path: str) -> None:
    assert (await site.client.get(path)).status == 400


async def test_a_path_in_any_script_is_decoded(site: Rig) -> None:
    assert (await site.client.get("/n/%E6%97%A5%E6%9C%AC")).text == "日本"
