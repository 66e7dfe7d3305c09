"""Bytes on their way to one reader: over TCP past the transport, over TLS through it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions, DefaultOpenSSLContextFactory

from microblog.net.write_buffer import WriteBuffer, write_directly
from tests.certificates import certificate
from tests.waiting import until

PIECES = [
    f"{number:06}".encode() * 3000 for number in range(300)
]  # 18 kB each, 5.4 MB: no kernel takes that at once
LIMIT = 1_000_000


class Server(Protocol):
    """Writes through a WriteBuffer."""

    filled = 0
    drained = 0
    received = b""
    lost = False

    def connectionMade(self) -> None:
        from twisted.internet import reactor

        self.outgoing = WriteBuffer(self.transport, LIMIT, reactor.seconds, self.on_filled, self.on_drained)  # type: ignore[attr-defined]

    def on_filled(self) -> None:
        self.filled += 1

    def on_drained(self) -> None:
        self.drained += 1

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: object = None) -> None:
        self.lost = True
        self.outgoing.abandon()


class Reader(Protocol):
    received = b""
    lost = False

    def connectionMade(self) -> None:
        if hasattr(self.transport, "socket"):
            self.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262_144)

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: object = None) -> None:
        self.lost = True


class Pair:
    def __init__(self, reactor: Any, pem: Path | None = None) -> None:
        self.reactor = reactor
        self.server, self.reader = Server(), Reader()
        listening, connecting = Factory(), Factory()
        listening.buildProtocol = lambda address: self.server  # type: ignore[method-assign]
        if pem is None:
            self.port = reactor.listenTCP(0, listening, interface="127.0.0.1")
        else:
            context = DefaultOpenSSLContextFactory(str(pem), str(pem))
            self.port = reactor.listenSSL(0, listening, context, interface="127.0.0.1")
        self.tls = pem is not None
        self.connecting = connecting

    async def open(self) -> None:
        from twisted.internet.endpoints import SSL4ClientEndpoint, TCP4ClientEndpoint, connectProtocol

        number = self.port.getHost().port
        if self.tls:
            endpoint: Any = SSL4ClientEndpoint(
                self.reactor, "127.0.0.1", number, CertificateOptions(verify=False)
            )
        else:
            endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", number)
        await connectProtocol(endpoint, self.reader)
        await until(self.reactor, lambda: self.server.transport is not None)

    async def close(self) -> None:
        await self.port.stopListening()
        for side in (self.server, self.reader):
            if side.transport is not None and not side.lost:
                side.transport.abortConnection()
        await until(self.reactor, lambda: self.server.lost and self.reader.lost)


@pytest_twisted.async_yield_fixture
async def tcp(reactor_: Any) -> AsyncIterator[Pair]:
    pair = Pair(reactor_)
    await pair.open()
    yield pair
    await pair.close()


@pytest_twisted.async_yield_fixture
async def tls(reactor_: Any, tmp_path: Path) -> AsyncIterator[Pair]:
    pair = Pair(reactor_, certificate(tmp_path))
    await pair.open()
    yield pair
    await pair.close()


async def test_bytes_are_sent_at_once_while_nothing_waits(tcp: Pair) -> None:
    tcp.server.outgoing.write(b"hello")
    assert not tcp.server.outgoing.blocked
    assert tcp.server.outgoing.backlog == 0
    await until(tcp.reactor, lambda: tcp.reader.received == b"hello")


async def test_bytes_that_have_to_wait_arrive_in_order(tcp: Pair) -> None:
    tcp.reader.transport.pauseProducing()
    for piece in PIECES:
        tcp.server.outgoing.write(piece)
    outgoing = tcp.server.outgoing
    assert outgoing.blocked
    assert 0 < outgoing.backlog < sum(map(len, PIECES))
    tcp.reader.transport.resumeProducing()
    await until(tcp.reactor, lambda: len(tcp.reader.received) == sum(map(len, PIECES)))
    assert tcp.reader.received == b"".join(PIECES)
    await until(tcp.reactor, lambda: not outgoing.blocked)
    assert outgoing.backlog == 0
    assert tcp.server.drained >= 1


async def test_connection_is_read_while_bytes_wait(tcp: Pair) -> None:
    tcp.reader.transport.pauseProducing()
    for piece in PIECES:
        tcp.server.outgoing.write(piece)
    tcp.reader.transport.write(b"still here")
    await until(tcp.reactor, lambda: tcp.server.received == b"still here")


async def test_finish_sends_waiting_bytes_first(tcp: Pair) -> None:
    tcp.reader.transport.pauseProducing()
    for piece in PIECES:
        tcp.server.outgoing.write(piece)
    tcp.server.outgoing.finish()
    tcp.server.outgoing.write(b"never said")
    tcp.reader.transport.resumeProducing()
    await until(tcp.reactor, lambda: tcp.reader.lost)
    assert tcp.reader.received == b"".join(PIECES)


async def test_write_to_a_lost_connection_does_nothing(tcp: Pair) -> None:
    tcp.reader.transport.abortConnection()
    await until(tcp.reactor, lambda: tcp.server.lost)
    tcp.server.outgoing.write(b"to nobody")


async def test_bytes_arrive_in_order_over_tls(tls: Pair) -> None:
    for piece in PIECES:
        tls.server.outgoing.write(piece)
    tls.reader.transport.write(b"hello")
    await until(tls.reactor, lambda: len(tls.reader.received) == sum(map(len, PIECES)))
    assert tls.reader.received == b"".join(PIECES)
    assert tls.server.received == b"hello"
    await until(tls.reactor, lambda: not tls.server.outgoing.blocked)
    tls.server.outgoing.finish()
    await until(tls.reactor, lambda: tls.reader.lost)


async def test_slow_client_blocks_over_tls(tls: Pair) -> None:
    tls.server.outgoing.write(b"hello")
    await until(tls.reactor, lambda: tls.reader.received == b"hello")
    tls.reader.transport.pauseProducing()
    for piece in PIECES:
        tls.server.outgoing.write(piece)
    await until(tls.reactor, lambda: tls.server.outgoing.blocked)
    tls.server.outgoing.write(b"later")
    assert tls.server.outgoing.backlog >= 5
    tls.reader.transport.resumeProducing()
    await until(tls.reactor, lambda: tls.reader.received.endswith(b"later"))
    assert tls.server.drained >= 1


async def test_full_buffer_says_so_once_until_it_has_drained(tcp: Pair) -> None:
    server, buffer = tcp.server, tcp.server.outgoing
    for rounds in (1, 2):
        tcp.reader.transport.pauseProducing()
        for piece in PIECES:
            buffer.write(piece)
        assert server.filled == rounds
        assert buffer.blocked_for >= 0
        tcp.reader.transport.resumeProducing()
        await until(tcp.reactor, lambda: not buffer.blocked)
        assert buffer.blocked_for == 0
        assert server.drained == rounds
    await until(tcp.reactor, lambda: tcp.reader.received == b"".join(PIECES * 2))


async def test_direct_writes_keep_their_order_beside_another_writer(tcp: Pair) -> None:
    """The transport has other writers too, as the website's connections have."""
    transport = tcp.server.transport
    write_directly(transport, b"first ")
    assert transport.dataBuffer == b""
    assert transport._tempDataBuffer == []
    transport.write(b"second ")
    write_directly(transport, b"third ")
    await until(tcp.reactor, lambda: tcp.reader.received == b"first second third ")
    write_directly(transport, b"fourth")
    await until(tcp.reactor, lambda: tcp.reader.received.endswith(b"fourth"))


async def test_direct_write_that_falls_short_leaves_the_rest_to_the_transport(tcp: Pair) -> None:
    transport = tcp.server.transport
    tcp.reader.transport.pauseProducing()
    for piece in PIECES:
        write_directly(transport, piece)
    tcp.reader.transport.resumeProducing()
    await until(tcp.reactor, lambda: len(tcp.reader.received) == sum(map(len, PIECES)))
    assert tcp.reader.received == b"".join(PIECES)


async def test_direct_writes_over_tls_go_through_the_transport(tls: Pair) -> None:
    write_directly(tls.server.transport, b"hello")
    await until(tls.reactor, lambda: tls.reader.received == b"hello")
