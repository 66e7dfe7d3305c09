"""Refusals of malformed requests, together with the bytes behind them."""

from __future__ import annotations

import pytest

from tests.http import channel_pages
from tests.http.channel_pages import HOST, POST, effects
from tests.http.harness import Harness, Make

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

#: Messages whose end two parsers might find in different places; a hidden request follows each.
SMUGGLED = b"0\r\n\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n"

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


@pytest.fixture
def site(make: Make) -> Harness:
    return channel_pages.site(make)


@pytest.mark.parametrize(("sent", "status"), REFUSED.values(), ids=REFUSED)
def test_malformed_request_is_refused_and_the_connection_ends(
    site: Harness, sent: bytes, status: int
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
def test_body_of_uncertain_length_is_refused_with_the_bytes_behind_it(site: Harness, sent: bytes) -> None:
    connection = site.client.connect()
    connection.send(sent)
    (answer,) = connection.answers("POST")
    assert answer.status == 400
    assert not connection.open
    assert effects == []


@pytest.mark.parametrize("sent", [*[data for data, _ in REFUSED.values()], *SMUGGLING.values()])
def test_single_bytes_are_refused_like_whole_requests(site: Harness, sent: bytes) -> None:
    connection = site.client.connect()
    for index in range(len(sent)):
        connection.send(sent[index : index + 1])
    (answer,) = connection.answers()
    assert answer.status >= 400
    assert effects == []
