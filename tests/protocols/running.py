"""A push port on a real socket, over the real services, and somebody who is connected to it."""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.protocols.basic import LineReceiver

from microblog.config.load import Config
from microblog.domain.accounts import Viewer
from microblog.domain.posts import Draft, Post
from microblog.protocols.push import PushFactory
from microblog.services.microblog import Microblog
from tests.factories import create_viewer
from tests.waiting import until


class Person(LineReceiver):
    """Somebody with netcat."""

    delimiter = b"\r\n"
    MAX_LENGTH = 1 << 20

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.lines: list[str] = []
        self.gone = False

    def lineReceived(self, line: bytes) -> None:
        self.lines.append(line.decode())

    def connectionLost(self, reason: object = None) -> None:
        self.gone = True

    def say(self, *lines: str) -> None:
        self.transport.write("".join(f"{line}\n" for line in lines).encode())

    async def hears(self) -> str:
        """The next line."""
        await until(self.reactor, lambda: bool(self.lines) or self.gone)
        return self.lines.pop(0)

    async def ask(self, line: str) -> str:
        self.say(line)
        return await self.hears()


class Running:
    """A microblog with an open push port."""

    def __init__(self, dsn: str, reactor: Any, **settings: object) -> None:
        self.reactor = reactor
        self.dsn = dsn
        self.settings = settings
        self.people: dict[str, Viewer] = {}
        self.clients: list[Person] = []
        self.port_number = 0

    async def start(self) -> None:
        config = Config.load({"push_connections_per_host": 1000, **self.settings}, {})
        self.microblog = Microblog(config, self.dsn, self.reactor)
        await self.microblog.start()
        self.factory = PushFactory(self.microblog, self.reactor)
        self.port = self.reactor.listenTCP(self.port_number, self.factory, interface="127.0.0.1")
        self.port_number = self.port.getHost().port

    async def stop(self) -> None:
        await self.port.stopListening()
        await self.factory.drain()
        await self.microblog.stop()
        for client in self.clients:
            await until(self.reactor, lambda client=client: client.gone)
        self.clients.clear()

    async def person(self, name: str) -> Viewer:
        if name not in self.people:
            self.people[name] = await create_viewer(self.microblog.db, name)
        return self.people[name]

    async def post(self, text: str, name: str = "alice", **draft: Any) -> Post:
        return await self.microblog.posts.publish(await self.person(name), Draft(text, **draft))

    async def connect(self) -> Person:
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", self.port_number)
        client = await connectProtocol(endpoint, Person(self.reactor))
        self.clients.append(client)
        assert (await client.hears()).startswith("* ")
        return client
