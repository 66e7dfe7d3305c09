"""Live connections end with the session or token that opened them, also when that ended while they were being opened.

Each surface is tried with each way of revoking what the viewer holds. The revocation is committed, and its event is
dispatched, right after the surface has looked up the viewer and before it registers the connection: the moment at
which neither the look-up nor the event can see the other.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone

import microblog
from microblog.config.load import Config
from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from microblog.protocols.push import PushFactory
from microblog.services.microblog import Microblog
from microblog.web import streaming
from microblog.web.html import live
from tests.factories import create_viewer
from tests.http import harness
from tests.waiting import until

SECRET = "a text that only ann may read"
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def get(path: str, headers: str = "") -> str:
    return f"GET {path} HTTP/1.1\r\nHost: localhost:8000\r\n{headers}\r\n"


@dataclass(frozen=True)
class Surface:
    """``module`` registers the connection with the dispatcher; ``opening`` is what a client sends, with its secret."""

    module: str
    port: str
    holds: str  #: "token" or "session"
    opening: Callable[[str], str]


SURFACES = {
    "websocket": Surface(
        "web/streaming/subscriptions.py",
        "web",
        "token",
        lambda secret: get(f"/api/v1/streaming?access_token={secret}", UPGRADE),
    ),
    "websocket with a stream": Surface(
        "web/streaming/subscriptions.py",
        "web",
        "token",
        lambda secret: get(f"/api/v1/streaming?stream=user&access_token={secret}", UPGRADE),
    ),
    "websocket of conversations": Surface(
        "web/streaming/subscriptions.py",
        "web",
        "token",
        lambda secret: get(f"/api/v1/streaming?stream=direct&access_token={secret}", UPGRADE),
    ),
    "server-sent events": Surface(
        "web/streaming/routes.py",
        "web",
        "token",
        lambda secret: get("/api/v1/streaming/user", f"Authorization: Bearer {secret}\r\n"),
    ),
    "an open page": Surface(
        "web/html/live.py",
        "web",
        "session",
        lambda secret: get("/live?streams=home,notifications", f"Cookie: session={secret}\r\n"),
    ),
    "push port": Surface(
        "protocols/connection.py", "push", "token", lambda secret: f"AUTH {secret}\nSUBSCRIBE home\n"
    ),
    "push port without a stream": Surface(
        "protocols/connection.py", "push", "token", lambda secret: f"UNSUBSCRIBE ALL\nAUTH {secret}\n"
    ),
}


class Raw(Protocol):
    """A client that keeps what it got."""

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self.gone = False

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self.gone = True


class Live:
    """A site with all its live surfaces, and Ann, who holds a token and a session."""

    def __init__(self, dsn: str, reactor: Any, folder: Path) -> None:
        self.reactor = reactor
        self.microblog = Microblog(Config.load({}, {}), dsn, reactor)
        bound = [streaming.routes.bind(self.microblog), live.routes.bind(self.microblog)]
        self.made = harness.make(folder, *bound, reactor=reactor)
        object.__setattr__(self.made.web, "sessions", self.microblog.sessions)
        self.push = PushFactory(self.microblog, reactor)
        self.clients: list[Raw] = []

    async def start(self) -> None:
        await self.microblog.start()
        factories: dict[str, Any] = {"web": self.made.site, "push": self.push}
        self.ports = {
            name: self.reactor.listenTCP(0, factory, interface="127.0.0.1")
            for name, factory in factories.items()
        }
        self.ann = await create_viewer(self.microblog.db, "ann")
        self.session = await self.microblog.sessions.open_for(self.ann.account)
        self.token = await self.microblog.tokens.create(self.ann, ["read"])

    async def stop(self) -> None:
        for port in self.ports.values():
            await port.stopListening()
        for client in self.clients:
            client.transport.abortConnection()
        await until(self.reactor, lambda: self.made.site.connections == 0 and len(self.push) == 0)
        await until(self.reactor, lambda: self.microblog.dispatcher.readers == 0)
        await self.microblog.stop()

    async def open(self, surface: Surface) -> Raw:
        secret = self.token if surface.holds == "token" else self.session
        port = self.ports[surface.port].getHost().port
        client: Raw = await connectProtocol(TCP4ClientEndpoint(self.reactor, "127.0.0.1", port), Raw())
        self.clients.append(client)
        client.transport.write(surface.opening(secret).encode())
        return client

    async def settled(self) -> None:
        """All that is committed was dispatched to whoever is registered."""
        dispatcher = self.microblog.dispatcher
        dispatcher.poke()
        await until(self.reactor, lambda: dispatcher.idle)

    def right_after_the_lookup(self, do: Callable[[], Awaitable[None]]) -> None:
        """Have ``do`` done once, between the next look-up of a viewer and what is made of it."""
        armed = [do]

        def between(service: Any, name: str) -> None:
            look_up = getattr(service, name)

            async def looked_up(*given: Any, **more: Any) -> Any:
                found = await look_up(*given, **more)
                if found is not None and armed:
                    await armed.pop()()
                    await self.settled()
                return found

            setattr(service, name, looked_up)

        between(self.microblog.tokens, "bearer")
        between(self.microblog.tokens, "viewer")
        between(self.microblog.sessions, "viewer")


async def _end_it(site: Live) -> None:
    for session in await site.microblog.sessions.all(site.ann):
        await site.microblog.sessions.end(site.ann, session.id)
    for token in await site.microblog.tokens.all(site.ann):
        await site.microblog.tokens.revoke(site.ann, token.id)


async def _suspend(site: Live) -> None:
    await site.microblog.moderation.suspend("ann")


async def _set_password(site: Live) -> None:
    await site.microblog.credentials.reset_password("ann")


async def _delete(site: Live) -> None:
    async def proven(*_: Any, **__: Any) -> Any:
        return await site.microblog.accounts.user(site.ann)

    site.microblog.credentials.prove_password = proven  # type: ignore[method-assign]
    await site.microblog.deletion.delete(site.ann, "")


REVOCATIONS: dict[str, Callable[[Live], Awaitable[None]]] = {
    "it is revoked": _end_it,
    "the account is suspended": _suspend,
    "the password is changed": _set_password,
    "the account is deleted": _delete,
}


@pytest_twisted.async_yield_fixture
async def live_site(dsn: str, reactor_: Any, tmp_path: Path) -> AsyncIterator[Live]:
    made = Live(dsn, reactor_, tmp_path)
    await made.start()
    yield made
    await made.stop()


def test_every_module_that_registers_live_connections_is_tried() -> None:
    folder = Path(microblog.__file__).parent
    calls = re.compile(r"(?<!def )\bread_live\(|dispatcher\.connect\(")
    modules = {
        str(path.relative_to(folder)) for path in folder.rglob("*.py") if calls.search(path.read_text())
    }
    assert modules - {"web/live_reader.py"} == {surface.module for surface in SURFACES.values()}


@pytest.mark.parametrize("revocation", REVOCATIONS)
@pytest.mark.parametrize("surface", SURFACES)
async def test_a_revocation_while_the_connection_is_opened_ends_it(
    live_site: Live, surface: str, revocation: str
) -> None:
    revoked: list[bool] = []

    async def revoke() -> None:
        await REVOCATIONS[revocation](live_site)
        revoked.append(True)

    live_site.right_after_the_lookup(revoke)
    client = await live_site.open(SURFACES[surface])
    await until(live_site.reactor, lambda: bool(revoked))
    await until(live_site.reactor, lambda: client.gone or client.received.endswith(b"0\r\n\r\n"), seconds=5)


@pytest.mark.parametrize("revocation", REVOCATIONS)
@pytest.mark.parametrize("surface", SURFACES)
async def test_a_revocation_ends_an_open_connection(live_site: Live, surface: str, revocation: str) -> None:
    client = await live_site.open(SURFACES[surface])
    await until(
        live_site.reactor, lambda: live_site.ann.id in live_site.microblog.dispatcher.registry.by_viewer
    )
    await REVOCATIONS[revocation](live_site)
    await until(live_site.reactor, lambda: client.gone or client.received.endswith(b"0\r\n\r\n"), seconds=5)


async def test_a_socket_does_not_subscribe_with_a_revoked_token(live_site: Live) -> None:
    """Not even before the event of the revocation has reached this process."""
    from wsproto import ConnectionType
    from wsproto.connection import Connection
    from wsproto.events import TextMessage

    client = await live_site.open(SURFACES["websocket"])
    await until(
        live_site.reactor, lambda: live_site.ann.id in live_site.microblog.dispatcher.registry.by_viewer
    )
    await live_site.settled()
    live_site.microblog.dispatcher._poller.stop()
    live_site.microblog.dispatcher._started = False
    await _end_it(live_site)
    said = TextMessage('{"type":"subscribe","stream":"user"}')
    client.transport.write(Connection(ConnectionType.CLIENT).send(said))
    await until(live_site.reactor, lambda: client.gone, seconds=5)
    live_site.microblog.dispatcher._started = True
    live_site.microblog.dispatcher._poller.start(1.0, now=False)
    draft = Draft(SECRET, visibility=Visibility.DIRECT)
    await live_site.microblog.posts.publish(live_site.ann, draft)
    await live_site.settled()
    assert SECRET.encode() not in client.received
