"""A site that has nothing but streaming, on a real database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from wsproto.events import Request

from microblog.config.load import Config
from microblog.domain.accounts import Viewer
from microblog.domain.posts import Draft
from microblog.services.microblog import Microblog
from microblog.web import streaming
from tests.factories import create_viewer
from tests.http import harness
from tests.waiting import until
from tests.web.streaming.clients import EventStream, WebSocket


class Streaming:
    """A site that has nothing but streaming."""

    def __init__(self, dsn: str, reactor: Any, folder: Path) -> None:
        self.reactor = reactor
        self.microblog = Microblog(Config.load({"push_buffer": "16384"}, {}), dsn, reactor)
        self.made = harness.make(folder, streaming.routes.bind(self.microblog), reactor=reactor)
        self.people: dict[str, Viewer] = {}
        self.clients: list[Any] = []

    async def start(self) -> None:
        await self.microblog.start()
        self.port = self.reactor.listenTCP(0, self.made.site, interface="127.0.0.1")
        self.number = self.port.getHost().port

    async def stop(self) -> None:
        await self.port.stopListening()
        for client in self.clients:
            client.transport.abortConnection()
        await until(self.reactor, lambda: self.made.site.connections == 0)
        assert self.made.site.running == 0
        await until(self.reactor, lambda: self.microblog.dispatcher.readers == 0)
        await self.microblog.stop()

    async def viewer(self, name: str) -> Viewer:
        if name not in self.people:
            self.people[name] = await create_viewer(self.microblog.db, name)
        return self.people[name]

    async def token(self, name: str, *scopes: str) -> str:
        return await self.microblog.tokens.create(await self.viewer(name), scopes or ("read",))

    async def post(self, name: str, text: str, **more: Any) -> Any:
        return await self.microblog.posts.publish(await self.viewer(name), Draft(text, **more))

    async def post_until(self, name: str, holds: Callable[[], bool]) -> int:
        """Numbered posts, until that holds: how many they were."""
        posts = 0
        while not holds():
            posts += 1
            assert posts < 4000
            await self.numbered(name, posts)
        return posts

    async def numbered(self, name: str, number: int) -> None:
        await self.post(name, f"{number} " + "x" * 480)

    async def _connected(self, protocol: Any) -> Any:
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", self.number)
        self.clients.append(protocol)
        return await connectProtocol(endpoint, protocol)

    async def opened(self) -> WebSocket:
        """A connection on which nothing was said."""
        client: WebSocket = await self._connected(WebSocket(self.reactor))
        return client

    async def socket(
        self, query: str = "", *, headers: dict[str, str] | None = None, subprotocol: str = ""
    ) -> WebSocket:
        client = await self.opened()
        opening = Request(
            host="localhost:8000",
            target=f"/api/v1/streaming{query}",
            extra_headers=[(name.encode(), value.encode()) for name, value in (headers or {}).items()],
            subprotocols=[subprotocol] if subprotocol else [],
        )
        client.transport.write(client.wire.send(opening))
        await until(self.reactor, lambda: client.accepted is not None or client.rejected is not None)
        return client

    async def settled(self, *subscribed: WebSocket, streams: int = 1) -> None:
        """So many subscriptions are live."""
        dispatcher = self.microblog.dispatcher
        await until(
            self.reactor,
            lambda: sum(live.group is not None for live in dispatcher.registry.subscribers) >= streams,
        )

    async def stream(self, path: str, headers: str = "", *, version: str = "1.1") -> EventStream:
        client = await self._connected(EventStream(self.reactor))
        client.transport.write(
            f"GET /api/v1/streaming/{path} HTTP/{version}\r\nHost: localhost:8000\r\n{headers}\r\n".encode()
        )
        await until(self.reactor, lambda: bool(client.head))
        return client
