"""Shared ports, and ports that close without losing connections."""

from __future__ import annotations

import socket
from typing import Any, cast

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread

from microblog.runtime.ports import Ports, migrates
from microblog.runtime.process import StartError, listen


class Answering(Protocol):
    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"here\r\n")
        self.transport.loseConnection()


async def turns(reactor: Any, number: int) -> None:
    for _ in range(number):
        turned: Deferred[None] = Deferred()
        reactor.callLater(0, turned.callback, None)
        await turned


async def test_only_shared_ports_can_be_opened_twice(reactor_: Any) -> None:
    factory = Factory.forProtocol(Answering)
    first = listen("tcp:0:interface=127.0.0.1", factory, reactor_, setting="http", shared=True)
    await first.startService()
    assert first.port is not None
    endpoint = f"tcp:{cast(IPv4Address, first.port.getHost()).port}:interface=127.0.0.1"
    second = listen(endpoint, factory, reactor_, setting="http", shared=True)
    await second.startService()
    lonely = listen(endpoint, factory, reactor_, setting="http")
    with pytest.raises(StartError, match="in use"):
        await lonely.startService()
    await first.stopService()
    await second.stopService()


async def test_tls_endpoints_can_be_shared(reactor_: Any) -> None:
    from twisted.internet.ssl import ClientContextFactory

    ports = Ports(reactor_, shared=True)
    first = ports.listenSSL(0, Factory.forProtocol(Answering), ClientContextFactory(), interface="127.0.0.1")
    second = ports.listenSSL(
        cast(IPv4Address, first.getHost()).port,
        Factory.forProtocol(Answering),
        ClientContextFactory(),
        interface="127.0.0.1",
    )
    await first.stopListening()
    await second.stopListening()


async def test_connections_waiting_at_a_closing_port_are_answered(reactor_: Any) -> None:
    ports = Ports(reactor_)
    port = ports.listenTCP(0, Factory.forProtocol(Answering), interface="127.0.0.1")
    closing = port.stopListening()  # no longer watched; it closes in the reactor's next turn
    address = cast(IPv4Address, port.getHost())
    clients = [socket.create_connection(("127.0.0.1", address.port)) for _ in range(30)]
    await closing
    await turns(reactor_, 3)
    for client in clients:
        client.settimeout(10)
        assert await deferToThread(client.recv, 100) == b"here\r\n"
        client.close()


async def test_closed_port_refuses_connections(reactor_: Any) -> None:
    port = Ports(reactor_).listenTCP(0, Factory.forProtocol(Answering), interface="127.0.0.1")
    number = port.getHost().port
    await port.stopListening()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", number))


def test_connection_migration_of_the_system_is_reported() -> None:
    assert migrates() in (True, False, None)


@pytest.mark.parametrize(("endpoint", "backlog"), [("tcp:0", 1024), ("tcp:0:backlog=7", 7)])
async def test_backlog_is_larger_than_twisteds_unless_set(reactor_: Any, endpoint: str, backlog: int) -> None:
    made = listen(f"{endpoint}:interface=127.0.0.1", Factory.forProtocol(Answering), reactor_, setting="push")
    await made.startService()
    assert cast(Any, made.port).backlog == backlog
    await made.stopService()
