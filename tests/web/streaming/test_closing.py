"""How a WebSocket begins with the right version, and how it ends: both sides say goodbye before TCP ends (RFC 6455)."""

from __future__ import annotations

import pytest

from microblog.web.streaming import sockets
from tests.waiting import until
from tests.web.streaming.harness import Streaming

HANDSHAKE = (
    "GET /api/v1/streaming HTTP/1.1\r\nHost: localhost:8000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def masked(kind: int, payload: bytes) -> bytes:
    """A frame of a client (RFC 6455, section 5.2)."""
    mask = b"abcd"
    return (
        bytes([kind, 0x80 + len(payload)]) + mask + bytes(a ^ b for a, b in zip(payload, mask, strict=False))
    )


@pytest.mark.parametrize("version", ["0", "8", "12", "14", "130", "thirteen", ""])
async def test_wrong_version_is_answered_with_the_right_one(site: Streaming, version: str) -> None:
    client = await site.stream("health")
    client.head = b""
    client.transport.write(f"{HANDSHAKE}Sec-WebSocket-Version: {version}\r\n\r\n".encode())
    await until(site.reactor, lambda: bool(client.head))
    head = client.head.lower()
    assert b"http/1.1 426" in head
    assert b"sec-websocket-version: 13" in head
    assert b"upgrade: websocket" in head


async def test_handshake_without_a_version_is_malformed(site: Streaming) -> None:
    client = await site.stream("health")
    client.head = b""
    client.transport.write(f"{HANDSHAKE}\r\n".encode())
    await until(site.reactor, lambda: bool(client.head))
    assert b"HTTP/1.1 400" in client.head


async def test_server_waits_for_the_clients_close_before_it_ends_tcp(
    site: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "ANSWER", 60.0)
    client = await site.socket("?stream=public")
    client.answers_close = False
    await site.settled()
    [live] = site.microblog.dispatcher.registry.subscribers
    live.reader.end("revoked")
    await until(site.reactor, lambda: client.closed == 1008)
    client.transport.write(masked(0x81, b"{}"))  # crossed: ignored
    await until(site.reactor, lambda: site.microblog.dispatcher.readers == 0)
    assert not client.gone
    assert client.messages == []
    client.transport.write(masked(0x88, b"\x03\xe8"))
    await until(site.reactor, lambda: client.gone)


async def test_client_that_does_not_answer_the_close_frame_is_cut_off(
    site: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "ANSWER", 0.05)
    client = await site.socket("?stream=public")
    client.answers_close = False
    await site.settled()
    [live] = site.microblog.dispatcher.registry.subscribers
    live.reader.end("suspended")
    await until(site.reactor, lambda: client.closed == 1008 and client.gone)


async def test_clients_close_is_answered_and_ends_tcp_at_once(site: Streaming) -> None:
    client = await site.socket("?stream=public")
    await site.settled()
    client.transport.write(masked(0x88, b"\x03\xe8"))
    await until(site.reactor, lambda: client.gone)
    assert client.closed == 1000


async def test_flood_after_the_close_frame_ends_tcp(site: Streaming) -> None:
    client = await site.socket("?stream=public")
    client.answers_close = False
    await site.settled()
    [live] = site.microblog.dispatcher.registry.subscribers
    live.reader.end("revoked")
    client.transport.write(b"\x8a\x80abcd" * 3 * sockets.MAX_MESSAGES)
    await until(site.reactor, lambda: client.gone)
