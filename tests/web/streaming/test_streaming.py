"""Streaming over real sockets, on a real database: what clients of the Mastodon protocol say and hear."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, RejectConnection, Request, TextMessage

from microblog.config import Config
from microblog.domain.accounts import Viewer
from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from microblog.services.microblog import Microblog
from microblog.web import streaming
from microblog.web.streaming import frames, sockets
from tests.testrig import person, until
from tests.web import rig


class WebSocket(Protocol):
    """A client: ``messages`` are parsed, ``closed`` is the code that the server closed with."""

    transport: Any

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.wire = WSConnection(ConnectionType.CLIENT)
        self.messages: list[dict[str, Any]] = []
        self.accepted: AcceptConnection | None = None
        self.rejected: int | None = None
        self.closed: int | None = None
        self.pings = 0
        self.gone = False
        self._text = ""

    def dataReceived(self, data: bytes) -> None:
        self.wire.receive_data(data)
        for event in self.wire.events():
            if isinstance(event, AcceptConnection):
                self.accepted = event
            elif isinstance(event, RejectConnection):
                self.rejected = event.status_code
            elif isinstance(event, TextMessage):
                self._text += event.data
                if event.message_finished:
                    self.messages.append(json.loads(self._text))
                    self._text = ""
            elif isinstance(event, Ping):
                self.pings += 1
            elif isinstance(event, CloseConnection):
                self.closed = event.code

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self.gone = True

    def say(self, **message: Any) -> None:
        self.say_text(json.dumps(message))

    def say_text(self, text: str) -> None:
        self.transport.write(self.wire.send(TextMessage(text)))

    async def hears(self) -> dict[str, Any]:
        """The next message; what is JSON within JSON is parsed, too."""
        await until(self.reactor, lambda: bool(self.messages) or self.gone)
        message = self.messages.pop(0)
        if message.get("event") not in (None, "delete"):
            message["payload"] = json.loads(message["payload"])
        return message


class EventStream(Protocol):
    """A client of server-sent events: ``events`` as (name, id, data)."""

    transport: Any

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.events: list[tuple[str, str, str]] = []
        self.head = b""
        self.gone = False
        self._rest = b""

    def dataReceived(self, data: bytes) -> None:
        self._rest += data
        if not self.head and b"\r\n\r\n" in self._rest:
            self.head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        # Chunks (RFC 9112, 7.1): a whole event comes in one, between lines of sizes.
        while b"\n\n" in self._rest:
            block, _, self._rest = self._rest.partition(b"\n\n")
            fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if ": " in line)
            if "event" in fields:
                self.events.append((fields["event"], fields["id"], fields["data"]))

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self.gone = True

    async def hears(self) -> tuple[str, str, str]:
        await until(self.reactor, lambda: bool(self.events) or self.gone)
        return self.events.pop(0)


class Streaming:
    """A site that has nothing but streaming."""

    def __init__(self, dsn: str, reactor: Any, folder: Path) -> None:
        self.reactor = reactor
        self.microblog = Microblog(Config.load({"push_buffer": "16384"}, {}), dsn, reactor)
        self.made = rig.make(folder, streaming.routes.bind(self.microblog), reactor=reactor)
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
        await until(self.reactor, lambda: self.microblog.notifier.readers == 0)
        await self.microblog.stop()

    async def viewer(self, name: str) -> Viewer:
        if name not in self.people:
            self.people[name] = await person(self.microblog.db, name)
        return self.people[name]

    async def token(self, name: str, *scopes: str) -> str:
        return await self.microblog.tokens.create(await self.viewer(name), scopes or ("read",))

    async def post(self, name: str, text: str, **more: Any) -> Any:
        return await self.microblog.posts.publish(await self.viewer(name), Draft(text, **more))

    async def _connected(self, protocol: Any) -> Any:
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", self.number)
        self.clients.append(protocol)
        return await connectProtocol(endpoint, protocol)

    async def socket(
        self, query: str = "", *, headers: dict[str, str] | None = None, subprotocol: str = ""
    ) -> WebSocket:
        client = await self._connected(WebSocket(self.reactor))
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
        notifier = self.microblog.notifier
        await until(self.reactor, lambda: sum(live.feed is not None for live in notifier._all) >= streams)

    async def stream(self, path: str, headers: str = "") -> EventStream:
        client = await self._connected(EventStream(self.reactor))
        client.transport.write(
            f"GET /api/v1/streaming/{path} HTTP/1.1\r\nHost: localhost:8000\r\n{headers}\r\n".encode()
        )
        await until(self.reactor, lambda: bool(client.head))
        return client


@pytest_twisted.async_yield_fixture
async def site(dsn: str, reactor_: Any, tmp_path: Path) -> AsyncIterator[Streaming]:
    made = Streaming(dsn, reactor_, tmp_path)
    await made.start()
    yield made
    await made.stop()


# -- WebSocket


async def test_a_stranger_hears_public_posts_their_edits_and_deletions(site: Streaming) -> None:
    client = await site.socket("?stream=public")
    await site.settled()
    post = await site.post("ann", "Hello #cats")
    heard = await client.hears()
    assert (heard["stream"], heard["event"]) == (["public"], "update")
    assert (heard["payload"]["id"], heard["payload"]["account"]["acct"]) == (str(post.id), "ann")
    await site.microblog.posts.edit(await site.viewer("ann"), post.id, Draft("Hello #dogs"))
    heard = await client.hears()
    assert (heard["event"], heard["payload"]["tags"][0]["name"]) == ("status.update", "dogs")
    await site.microblog.posts.delete(await site.viewer("ann"), post.id)
    assert await client.hears() == {"stream": ["public"], "event": "delete", "payload": str(post.id)}


async def test_many_streams_on_one_socket_each_message_says_of_which_it_is(site: Streaming) -> None:
    token = await site.token("bob")
    client = await site.socket(subprotocol=token)
    assert client.accepted is not None
    assert client.accepted.subprotocol == token, "a browser refuses a socket that doesn't echo it"
    for message in ({"stream": "user"}, {"stream": "hashtag", "tag": "#Cats"}, {"stream": "public:local"}):
        client.say(type="subscribe", **message)
    await site.settled(streams=3)
    await site.post("ann", "All about #cats for @bob")
    heard = [await client.hears() for _ in range(3)]
    assert sorted((*each["stream"], each["event"]) for each in heard) == [
        ("hashtag", "cats", "update"),
        ("public:local", "update"),
        ("user", "notification"),
    ]
    client.say(type="unsubscribe", stream="hashtag", tag="cats")
    client.say(type="unsubscribe", stream="user")
    client.say(type="subscribe", stream="nothing")
    assert await client.hears() == {"error": "Unknown stream type", "status": 400}
    await site.post("ann", "More about #cats")
    assert (await client.hears())["stream"] == ["public:local"]
    await site.post("ann", "the last one")
    assert (await client.hears())["payload"]["content"] == "<p>the last one</p>"


@pytest.mark.parametrize("way", ["query", "header", "subprotocol"])
async def test_a_token_comes_three_ways(site: Streaming, way: str) -> None:
    token = await site.token("bob")
    client = await {
        "query": lambda: site.socket(f"?stream=user&access_token={token}"),
        "header": lambda: site.socket("?stream=user", headers={"Authorization": f"Bearer {token}"}),
        "subprotocol": lambda: site.socket("?stream=user", subprotocol=token),
    }[way]()
    await site.settled()
    await site.post("bob", "mine", visibility=Visibility.DIRECT)
    assert (await client.hears())["payload"]["content"] == "<p>mine</p>"


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("?stream=user", {}, 401),
        ("?stream=public&access_token=wrong", {}, 401),
        ("?stream=nothing", {}, 422),
        ("?stream=hashtag", {}, 422),
        ("?stream=public", {"Origin": "https://elsewhere.example"}, 403),
        ("?stream=public", {"Origin": "null"}, 403),
        ("?stream=public", {"Origin": "http://[::1"}, 403),
        ("?stream=public", {"Origin": "http://localhost:8000.evil.example"}, 403),
    ],
)
async def test_who_may_not_is_refused_before_the_upgrade(
    site: Streaming, query: str, headers: dict[str, str], status: int
) -> None:
    assert (await site.socket(query, headers=headers)).rejected == status


async def test_pages_of_this_site_and_of_others_that_have_a_token_may_connect(site: Streaming) -> None:
    token = await site.token("bob")
    assert (await site.socket("?stream=public", headers={"Origin": "http://localhost:8000"})).accepted
    assert (await site.socket(f"?access_token={token}", headers={"Origin": "https://app.example"})).accepted


async def test_a_scope_that_a_token_lacks_is_refused(site: Streaming) -> None:
    token = await site.token("bob", "read:notifications")
    client = await site.socket(subprotocol=token)
    client.say(type="subscribe", stream="user")
    assert (await client.hears())["status"] == 401
    client.say(type="subscribe", stream="user:notification")
    await site.settled()
    await site.post("ann", "@bob")
    assert (await client.hears())["payload"]["type"] == "mention"


async def test_user_is_without_notifications_where_they_are_outside_the_scopes(site: Streaming) -> None:
    token = await site.token("bob", "read:statuses")
    client = await site.socket("?stream=user", subprotocol=token)
    stream = await site.stream("user", f"Authorization: Bearer {token}\r\n")
    all_of_it = await site.stream("user", f"Authorization: Bearer {await site.token('bob')}\r\n")
    await site.settled(streams=3)
    await site.post("ann", "hello @bob")  # whom bob does not follow: a notification alone
    assert (await all_of_it.hears())[0] == "notification"
    mine = await site.post("bob", "mine")
    assert (await client.hears())["payload"]["id"] == str(mine.id)
    assert json.loads((await stream.hears())[2])["id"] == str(mine.id)


async def test_a_direct_post_is_a_conversation(site: Streaming) -> None:
    client = await site.socket("?stream=direct", subprotocol=await site.token("bob"))
    await site.settled()
    post = await site.post("ann", "psst @bob", visibility=Visibility.DIRECT)
    heard = await client.hears()
    assert (heard["stream"], heard["event"]) == (["direct"], "conversation")
    assert heard["payload"]["last_status"]["id"] == str(post.id)
    assert [each["acct"] for each in heard["payload"]["accounts"]] == ["ann"]


async def test_a_message_that_is_too_long_ends_the_connection(site: Streaming) -> None:
    client = await site.socket()
    client.say_text(" " * (sockets.MAX_MESSAGE + 1))
    await until(site.reactor, lambda: client.gone)
    assert client.closed == 1009


async def test_what_is_no_json_is_answered(site: Streaming) -> None:
    client = await site.socket()
    client.say_text("{")
    assert await client.hears() == {"error": "Error parsing JSON", "status": 400}
    client.say_text('{"x":' + "[" * 4000 + "]" * 4000 + "}")
    assert await client.hears() == {"error": "Error parsing JSON", "status": 400}


async def test_too_many_messages_end_the_connection(site: Streaming) -> None:
    client = await site.socket()
    for _ in range(sockets.MAX_MESSAGES + 1):
        client.say(type="unsubscribe", stream="public")
    await until(site.reactor, lambda: client.gone)
    assert client.closed == 1008


async def test_garbage_instead_of_frames_ends_the_connection(site: Streaming) -> None:
    client = await site.socket()
    client.transport.write(b"\xff" * 64)
    await until(site.reactor, lambda: client.gone)
    assert client.closed == 1002


async def test_a_revoked_token_ends_the_socket(site: Streaming) -> None:
    client = await site.socket("?stream=user", subprotocol=await site.token("bob"))
    await site.settled()
    bob = await site.viewer("bob")
    [token] = await site.microblog.tokens.all(bob)
    await site.microblog.tokens.revoke(bob, token.id)
    await until(site.reactor, lambda: client.gone, seconds=3)
    assert client.closed == 1008


async def test_a_token_that_runs_out_ends_what_it_opened(
    site: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await site.token("bob")
    async with site.microblog.db.transaction() as tx:
        await tx.run("UPDATE tokens SET expires_at = clock_timestamp() + interval '1 hour'")
    monkeypatch.setattr(site.microblog.notifier, "_now", lambda: datetime.now(UTC) + timedelta(hours=1))
    client = await site.socket("?stream=public", subprotocol=token)
    assert client.accepted
    await until(site.reactor, lambda: client.gone)
    assert client.closed == 1008
    await site.stream("user", f"Authorization: Bearer {token}\r\n")
    await until(site.reactor, lambda: site.microblog.notifier.readers == 0)


async def test_a_site_that_drains_says_come_back(site: Streaming) -> None:
    client = await site.socket("?stream=public")
    stream = await site.stream("public")
    await site.settled(streams=2)
    site.made.site.drain()
    await until(site.reactor, lambda: client.gone and stream.gone)
    assert client.closed == 1001


async def test_a_client_that_does_not_read_gets_everything_later(site: Streaming) -> None:
    client = await site.socket("?stream=public")
    await site.settled()
    [live] = site.microblog.notifier._all
    client.transport.pauseProducing()
    posts = 0
    while not live.paused:
        posts += 1
        assert posts < 4000
        await site.post("ann", f"{posts} " + "x" * 480)
    await site.post("ann", "the end")
    client.transport.resumeProducing()
    await until(site.reactor, lambda: len(client.messages) == posts + 1)
    texts = [json.loads(each["payload"])["content"] for each in client.messages]
    assert [int(text[3:].split()[0]) for text in texts[:-1]] == list(range(1, posts + 1))
    assert texts[-1] == "<p>the end</p>"


# -- server-sent events


async def test_server_sent_events_resume_by_their_id(site: Streaming) -> None:
    stream = await site.stream("public")
    await site.settled()
    await site.post("ann", "one")
    name, cursor, data = await stream.hears()
    assert (name, json.loads(data)["content"]) == ("update", "<p>one</p>")
    assert b"text/event-stream" in stream.head
    stream.transport.abortConnection()
    await site.post("ann", "two")
    await site.post("ann", "three")
    again = await site.stream("public", f"Last-Event-ID: {cursor}\r\n")
    assert [json.loads((await again.hears())[2])["content"] for _ in range(2)] == [
        "<p>two</p>",
        "<p>three</p>",
    ]


async def test_streams_that_share_a_cursor_are_replayed_in_one_order(site: Streaming) -> None:
    """Else who is cut off in the middle would resume from where the one is, and miss what the other has before."""
    bearer = f"Authorization: Bearer {await site.token('bob')}\r\n"
    await site.microblog.follows.follow(await site.viewer("bob"), (await site.viewer("ann")).id)
    stream = await site.stream("user", bearer)
    await site.settled()
    await site.post("ann", "first")
    _, cursor, _ = await stream.hears()
    for number in range(3):
        await site.post("ann", f"{number} @bob")
    again = await site.stream("user", f"{bearer}Last-Event-ID: {cursor}\r\n")
    heard = [await again.hears() for _ in range(6)]
    positions = [int(position) for _, position, _ in heard]
    assert positions == sorted(positions)
    assert sorted(name for name, _, _ in heard) == ["notification"] * 3 + ["update"] * 3


async def test_a_stream_that_is_not_read_waits_in_the_log_and_loses_nothing(site: Streaming) -> None:
    stream = await site.stream("public")
    await site.settled()
    [live] = site.microblog.notifier._all
    stream.transport.pauseProducing()
    posts = 0
    while not live.paused:
        posts += 1
        assert posts < 4000
        await site.post("ann", f"{posts} " + "x" * 480)
    for _ in range(300):  # more than a stream that could not wait may owe
        posts += 1
        await site.post("ann", f"{posts} " + "x" * 480)
    stream.transport.resumeProducing()
    await until(site.reactor, lambda: len(stream.events) == posts or stream.gone)
    texts = [json.loads(data)["content"] for _, _, data in stream.events]
    assert [int(text[3:].split()[0]) for text in texts] == list(range(1, posts + 1))
    assert not stream.gone


@pytest.mark.parametrize(
    ("path", "heard"),
    [
        ("public", True),
        ("public/local", True),
        ("public/remote", False),
        ("public?only_media=true", False),
        ("hashtag?tag=cats", True),
        ("hashtag/local?tag=CATS", True),
        ("hashtag?tag=dogs", False),
        ("user", True),
        ("user/notification", True),
    ],
)
async def test_each_address_has_its_events(site: Streaming, path: str, heard: bool) -> None:
    token = await site.token("bob")
    ann, bob = await site.viewer("ann"), await site.viewer("bob")
    await site.microblog.follows.follow(bob, ann.id)
    stream = await site.stream(path, f"Authorization: Bearer {token}\r\n")
    last = await site.stream("user", f"Authorization: Bearer {token}\r\n")
    if heard:
        await site.settled(streams=2)
    await until(site.reactor, lambda: any(live.feed for live in site.microblog.notifier._all))
    await site.post("ann", "#cats for @bob")
    await last.hears()
    if heard:
        await stream.hears()
    else:
        assert stream.events == []


async def test_health_is_ok(site: Streaming) -> None:
    stream = await site.stream("health")
    assert stream.head.startswith(b"HTTP/1.1 200")


async def test_personal_streams_want_a_token(site: Streaming) -> None:
    for path in ("user", "user/notification", "direct", "list?list=1"):
        assert (await site.stream(path)).head.startswith(b"HTTP/1.1 401")


# -- frames


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 200_000])
def test_a_frame_is_what_a_client_reads(size: int) -> None:
    client, server = WSConnection(ConnectionType.CLIENT), WSConnection(ConnectionType.SERVER)
    server.receive_data(client.send(Request(host="a", target="/")))
    client.receive_data(server.send(AcceptConnection()))
    list(client.events())
    client.receive_data(frames.text_frame(b"x" * size) * 2)
    heard = "".join(event.data for event in client.events() if isinstance(event, TextMessage))
    assert heard == "x" * size * 2


# -- the document


def test_each_address_is_in_the_document() -> None:
    document = (Path(__file__).parents[3] / "docs" / "streaming.md").read_text(encoding="utf-8")
    for route in streaming.routes:
        assert f"`{route.method} {route.path}`" in document, route.path
