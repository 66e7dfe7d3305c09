"""Ports that are shared, and ports that close: nobody who has come is turned away."""

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


async def test_shared_ports_are_had_twice_and_others_once(reactor_: Any) -> None:
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


async def test_tls_endpoints_are_shared_too(reactor_: Any) -> None:
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


async def test_who_waits_when_a_port_closes_is_still_answered(reactor_: Any) -> None:
    ports = Ports(reactor_)
    port = ports.listenTCP(0, Factory.forProtocol(Answering), interface="127.0.0.1")
    closing = port.stopListening()  # watched no more; it closes in the next turn of the reactor
    address = cast(IPv4Address, port.getHost())
    clients = [socket.create_connection(("127.0.0.1", address.port)) for _ in range(30)]
    await closing
    await turns(reactor_, 3)
    for client in clients:
        client.settimeout(10)
        assert await deferToThread(client.recv, 100) == b"here\r\n"
        client.close()


async def test_a_closed_port_is_closed(reactor_: Any) -> None:
    port = Ports(reactor_).listenTCP(0, Factory.forProtocol(Answering), interface="127.0.0.1")
    number = port.getHost().port
    await port.stopListening()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", number))


def test_whether_the_system_hands_connections_on_is_known_or_not() -> None:
    assert migrates() in (True, False, None)


@pytest.mark.parametrize(("endpoint", "backlog"), [("tcp:0", 1024), ("tcp:0:backlog=7", 7)])
async def test_more_may_wait_to_be_accepted_than_twisted_says_unless_somebody_chose(
    reactor_: Any, endpoint: str, backlog: int
) -> None:
    made = listen(f"{endpoint}:interface=127.0.0.1", Factory.forProtocol(Answering), reactor_, setting="push")
    await made.startService()
    assert cast(Any, made.port).backlog == backlog
    await made.stopService()
