"""Connections that streams have taken: of the request nothing is kept, the kernel watches them, their number ends."""

from __future__ import annotations

import gc
import json
import socket
from dataclasses import replace

import pytest
from wsproto.events import Request

from microblog.http.http_request import HTTPRequest
from microblog.services.live.connection_limit import LIMIT_REACHED
from microblog.web import live_reader
from tests.waiting import until
from tests.web.streaming.harness import Streaming


async def test_socket_keeps_nothing_of_its_request(site: Streaming) -> None:
    client = await site.socket("?stream=public")
    await site.settled()
    assert site.made.site.running == 0
    gc.collect()
    assert [
        each for each in gc.get_objects() if isinstance(each, HTTPRequest) and each.site is site.made.site
    ] == []
    assert site.made.site.connections == 1
    await site.post("ann", "still here")
    assert (await client.hears())["event"] == "update"


async def test_what_a_client_says_before_it_is_answered_is_received(site: Streaming) -> None:
    token = await site.token("bob")
    client = await site.opened()
    handshake = client.wire.send(
        Request(host="localhost:8000", target=f"/api/v1/streaming?access_token={token}")
    )
    client.transport.write(handshake + masked(b'{"type":"subscribe","stream":"nothing"}'))
    await until(site.reactor, lambda: client.accepted is not None)
    assert await client.hears() == {"error": "Unknown stream type", "status": 400}


async def test_kernel_watches_for_dead_peers(site: Streaming) -> None:
    await site.socket("?stream=public")
    await site.stream("public")
    await site.settled(streams=2)
    for channel in site.made.site._channels:
        accepted = channel.transport.socket
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


async def test_connection_above_the_limit_is_refused_with_a_time_to_retry(site: Streaming) -> None:
    site.microblog.config = replace(site.microblog.config, live_connections=2)
    first = await site.socket("?stream=public")
    await site.stream("public")
    await site.settled(streams=2)
    assert (await site.socket("?stream=public")).rejected == 503
    refused = await site.stream("public")
    assert refused.head.startswith(b"HTTP/1.1 503")
    assert b"Retry-After: 60" in refused.head
    await until(site.reactor, lambda: b"}" in refused._rest)
    assert json.loads(refused._rest) == {"error": LIMIT_REACHED}
    first.transport.abortConnection()
    await until(site.reactor, lambda: site.microblog.dispatcher.connection_limit.taken == 1)
    assert (await site.socket("?stream=public")).accepted


@pytest.mark.parametrize("count", [1, 3])
async def test_client_that_only_answers_pings_needs_no_parser(site: Streaming, count: int) -> None:
    client = await site.socket("?stream=public")
    await site.settled()
    [live] = site.microblog.dispatcher.registry.subscribers
    socket = live.reader.socket
    before = socket._received
    for _ in range(count):
        client.transport.write(b"\x8a\x80abcd")
        before += 1
        await until(site.reactor, lambda count=before: socket._received == count)
    assert socket._wire is None
    client.say(type="subscribe", stream="nothing")
    assert (await client.hears())["status"] == 400


def masked(text: bytes) -> bytes:
    """A client's text frame, masked with zeros."""
    assert len(text) < 126
    return b"\x81" + bytes([128 + len(text)]) + bytes(4) + text


@pytest.mark.parametrize("way", ["socket", "stream"])
async def test_one_address_holds_only_so_many_live_connections(site: Streaming, way: str) -> None:
    site.microblog.config = replace(site.microblog.config, live_connections_per_host=2)
    connection_limit = site.microblog.dispatcher.connection_limit
    first = await site.socket("?stream=public")
    await site.stream("public")
    await site.settled(streams=2)
    if way == "socket":
        assert (await site.socket("?stream=public")).rejected == 429
    else:
        refused = await site.stream("public")
        assert refused.head.startswith(b"HTTP/1.1 429")
        assert b"Retry-After: 60" in refused.head
        await until(site.reactor, lambda: b"}" in refused._rest)
        assert json.loads(refused._rest) == {
            "error": "At most 2 live connections from one address. Close some first."
        }
    first.transport.abortConnection()
    await until(site.reactor, lambda: connection_limit.taken == 1)
    assert (await site.socket("?stream=public")).accepted


async def test_one_address_reads_only_so_many_streams(
    site: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_reader, "SUBSCRIPTIONS_PER_HOST", 4)
    shares = site.microblog.dispatcher.connection_limit.subscriptions
    client = await site.socket("?stream=public")
    await site.stream("public")
    await site.settled(streams=2)
    for tag in ("one", "two", "three"):
        client.say(type="subscribe", stream="hashtag", tag=tag)
    assert await client.hears() == {
        "error": "At most 4 streams on live connections from one address. Close some first.",
        "status": 429,
    }
    client.say(type="subscribe", stream="nothing")
    await client.hears()
    assert shares.of("127.0.0.1") == 4
    assert (await site.stream("hashtag?tag=more")).head.startswith(b"HTTP/1.1 429")
    client.say(type="unsubscribe", stream="hashtag", tag="one")
    client.say(type="subscribe", stream="hashtag", tag="three")
    await until(site.reactor, lambda: shares.of("127.0.0.1") == 4)
    client.say(type="subscribe", stream="list", list="12345")  # none of theirs: its place is given back
    client.say(type="subscribe", stream="nothing")
    await client.hears()
    client.transport.abortConnection()
    await until(site.reactor, lambda: shares.of("127.0.0.1") == 1)
