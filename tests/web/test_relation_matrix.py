"""Each listing, page and stream for each relation between a viewer and an account: `relation_surfaces` is the table."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from wsproto.events import Request

from microblog.domain.accounts import Viewer
from microblog.domain.posts import Draft, Post, Span
from microblog.domain.streams import OPEN, PERSONAL, WITH_ID
from microblog.domain.visibility import Visibility
from microblog.http.dispatcher import HTTPDispatcher
from microblog.http.factory import HTTPFactory
from microblog.protocols.push import PushFactory
from microblog.services.microblog import Microblog
from microblog.store.mail import mail
from microblog.web import api, streaming
from microblog.web.html import TABLES, error_pages
from microblog.web.streaming.names import _PLAIN
from tests.factories import create_viewer
from tests.protocols.running import Person as Netcat
from tests.waiting import until
from tests.web.api.api_site import ApiSite
from tests.web.html.test_live import Page as LivePage
from tests.web.relation_surfaces import (
    CHANNELS,
    LISTINGS,
    NO_LISTINGS,
    OFFERED,
    POST,
    RELATIONS,
    STREAMS,
)
from tests.web.streaming.clients import WebSocket

DECLARED = sorted(
    {route.path for table in (*TABLES, streaming.routes) for route in table if route.method == "GET"}
    | {each.route.path for one in api.APIS for each in one.endpoints if each.route.method == "GET"}
)
END = "oyster"


def classified(path: str) -> bool:
    return path in LISTINGS or any(
        path == each or (each.endswith("*") and path.startswith(each[:-1])) for each in NO_LISTINGS
    )


def test_every_route_is_in_the_table() -> None:
    """A new page or endpoint is in ``LISTINGS`` with its relations, or in ``NO_LISTINGS`` with the reason."""
    unknown = [path for path in DECLARED if not classified(path)]
    assert not unknown, f"add to tests/web/relation_surfaces.py: {unknown}"
    assert not set(LISTINGS) - set(DECLARED), "these listings are gone"


def test_every_stream_is_in_the_table() -> None:
    assert set(STREAMS) == OPEN | PERSONAL | WITH_ID | {"tag"}
    assert set(CHANNELS) == set(_PLAIN) | {"hashtag", "hashtag:local", "list"}


class Site:
    """A site with all its surfaces: adam writes, fred boosts and answers, vera looks."""

    adam: Viewer
    fred: Viewer
    vera: Viewer

    def __init__(self, microblog: Microblog, reactor: Any) -> None:
        self.microblog, self.reactor = microblog, reactor
        self.api_site = ApiSite(microblog, reactor)
        self.api_site.dispatcher = HTTPDispatcher(
            self.api_site.web,
            [table.bind(microblog) for table in (*TABLES, *api.TABLES, streaming.routes)],
            errors=error_pages.answer,
        )
        self.api_site.site = HTTPFactory(self.api_site.dispatcher, reactor)
        self.push = PushFactory(microblog, reactor)
        self.ports: list[Any] = []
        self.clients: list[Any] = []
        self.lives: dict[str, LivePage] = {}
        self.netcats: dict[str, Netcat] = {}
        self.named: dict[str, Any] = {}

    async def start(self) -> None:
        for factory in (self.api_site.site, self.push):
            self.ports.append(self.reactor.listenTCP(0, factory, interface="127.0.0.1"))

    async def stop(self) -> None:
        for port in self.ports:
            await port.stopListening()
        for live in self.lives.values():
            live.connection.hang_up()
        for client in self.clients:
            client.transport.abortConnection()
        await until(self.reactor, lambda: all(each.gone for each in self.clients))
        await self.push.drain()
        await until(self.reactor, lambda: self.microblog.dispatcher.readers == 0)

    async def sql(self, statement: str, *parameters: object) -> None:
        async with self.microblog.db.transaction() as tx:
            await tx.run(statement, parameters)

    async def publish(
        self, author: Viewer, text: str, to: Post | None = None, visibility: Visibility = Visibility.PUBLIC
    ) -> Post:
        draft = Draft(text, visibility=visibility, reply_to_id=to.id if to else None)
        return await self.microblog.posts.publish(author, draft)

    # ------------------------------------------------------------------------------------------------ before

    async def fill(self, relation: str) -> None:
        """What there is before vera blocks or mutes adam."""
        site, db = self.microblog, self.microblog.db
        await create_viewer(db, "olga", role="owner")
        self.adam, self.fred = await create_viewer(db, "adam"), await create_viewer(db, "fred")
        self.vera = await create_viewer(db, "vera", locked=True)
        adam, fred, vera = self.adam, self.fred, self.vera
        await site.follows.follow(vera, fred.id)
        await site.follows.follow(fred, adam.id)
        await site.follows.follow(adam, fred.id)
        await site.follows.follow(adam, vera.id)  # which waits, as she is locked
        await site.endorsements.endorse(fred, adam.id)
        chosen = await site.lists.create(vera, "A list")
        await site.lists.add(vera, chosen.id, [fred.id])
        thread = await self.publish(fred, "A question")
        post = await self.publish(adam, f"{POST} tusk #tusks #ivory")
        reply = await self.publish(adam, f"{POST} says", to=thread)
        answer = await self.publish(fred, "An answer to that", to=reply)
        await self.publish(adam, f"@vera {POST}", visibility=Visibility.DIRECT)
        await site.posts.boost(fred, post.id)
        for act in (site.posts.favourite, site.posts.boost):
            await act(adam, thread.id)
        for act in (site.posts.favourite, site.posts.bookmark):
            await act(vera, post.id)
        await site.pins.pin(adam, post.id)
        await self.sql("INSERT INTO trending_posts (post_id, score) VALUES (%s, 1)", post.id)
        if relation != "stranger":
            await site.follows.follow(vera, adam.id)
            await site.lists.add(vera, chosen.id, [adam.id])
            await site.endorsements.endorse(vera, adam.id)
        (mention,) = [
            each
            for each in (await site.notifications.page(vera, Span())).items
            if each.kind.value == "mention"
        ]
        self.thread = thread
        self.named = {
            "adam": adam.id,
            "fred": fred.id,
            "list": chosen.id,
            "post": post.id,
            "thread": thread.id,
            "answer": answer.id,
            "notification": mention.id,
        }

    async def relate(self, relation: str) -> None:
        follows = self.microblog.follows
        match relation:
            case "blocked":
                await follows.block(self.adam, self.vera.id)
            case "blocking":
                await follows.block(self.vera, self.adam.id)
            case "muted":
                await follows.mute(self.vera, self.adam.id)
            case "mute expired":
                await follows.mute(self.vera, self.adam.id)
                await self.sql("UPDATE mutes SET expires_at = clock_timestamp() - interval '1 s'")
            case "suspended":
                await self.sql("UPDATE accounts SET state = 'suspended' WHERE id = %s", self.adam.id)
            case "deleted":
                await self.sql("DELETE FROM accounts WHERE id = %s", self.adam.id)
        await self.settled()

    async def settled(self) -> None:
        dispatcher = self.microblog.dispatcher
        dispatcher.poke()
        await until(self.reactor, lambda: dispatcher.idle)

    # ------------------------------------------------------------------------------------------------ streams

    async def connect(self, relation: str) -> None:
        """Vera reads each stream: on a page, on the push port; and each channel, on one WebSocket."""
        arguments = {
            "user": self.adam.account.name,
            "thread": self.thread.id,
            "tag": "tusks",
            "list": self.named["list"],
        }
        browser = await self.api_site.browser(self.vera)
        program = await self.api_site.other(self.vera, ("read", "write"))
        for kind in STREAMS:
            if relation == "deleted" and kind == "user":
                continue
            argument = arguments.get(kind)
            spoken = kind if argument is None else f"{kind}:{argument}"
            ours = f"user:{self.adam.id}" if kind == "user" else spoken
            if relation != "suspended" or kind != "user":
                self.lives[kind] = LivePage(browser, self.reactor, ours)
                await self.lives[kind].ready()
                await self._netcat(kind, spoken, program.token)
        self.socket = await self._socket(program.token)
        for channel in CHANNELS:
            self.socket.say(type="subscribe", stream=channel, tag="tusks", list=str(self.named["list"]))
        # The answer to what is no stream comes when the subscriptions before it are made.
        self.socket.say(type="subscribe", stream="nonsense")
        await until(self.reactor, lambda: any("error" in each for each in self.socket.messages))
        self.socket.messages.clear()
        readers = self.microblog.dispatcher.registry.subscribers
        await until(self.reactor, lambda: all(each.group is not None for each in readers if each.streams))

    async def _connected(self, port: int, protocol: Any) -> Any:
        address = self.ports[port].getHost()
        self.clients.append(protocol)
        return await connectProtocol(TCP4ClientEndpoint(self.reactor, "127.0.0.1", address.port), protocol)

    async def _netcat(self, kind: str, stream: str, token: str | None) -> None:
        client = await self._connected(1, Netcat(self.reactor))
        assert (await client.hears()).startswith("* ")
        assert (await client.ask(f"AUTH {token}")).startswith("OK")
        for each in (stream, *(["user:fred"] if kind == "user" else [])):
            client.say(f"SUBSCRIBE {each} LAST 20")
            await until(
                self.reactor, lambda each=each: any(f"OK SUBSCRIBE {each}" in line for line in client.lines)
            )
        self.netcats[kind] = client

    async def _socket(self, token: str | None) -> WebSocket:
        client: WebSocket = await self._connected(0, WebSocket(self.reactor))
        opening = Request(host="localhost:8000", target=f"/api/v1/streaming?access_token={token}")
        client.transport.write(client.wire.send(opening))
        await until(self.reactor, lambda: client.accepted is not None or client.rejected is not None)
        assert client.accepted is not None
        return client

    # ------------------------------------------------------------------------------------------------ after

    async def go_on(self) -> list[Post]:
        """What adam does while vera reads."""
        made = [
            await self.publish(self.adam, f"{POST} again #tusks"),
            await self.publish(self.adam, f"@vera {POST} again"),
            await self.publish(self.adam, f"{POST} again", to=self.thread),
            await self.publish(self.adam, f"@vera {POST} again", visibility=Visibility.DIRECT),
        ]
        await self.microblog.posts.boost(self.fred, made[0].id)
        await self.settled()
        return made

    async def finish(self) -> None:
        """The last posts, by fred, which come on every stream, behind all that adam did."""
        await self.publish(self.fred, f"@vera {END} #tusks", to=self.thread)
        await self.publish(self.fred, f"@vera {END}", visibility=Visibility.DIRECT)
        for client in self.netcats.values():
            await until(self.reactor, lambda client=client: any(END in line for line in client.lines))
        wanted = {name for name in CHANNELS if CHANNELS[name]}
        await until(self.reactor, lambda: wanted <= self.heard_by_socket(END))
        await self.settled()

    def heard_by_socket(self, word: str) -> set[str]:
        """The channels on which a message with the word came."""
        found = set()
        for message in self.socket.messages:
            if word in json.dumps(message):
                name = message["stream"]
                found.add(name[0])
        return found


@pytest_twisted.async_yield_fixture
async def site(empty_site: Microblog, reactor_: Any) -> AsyncIterator[Site]:
    made = Site(empty_site, reactor_)
    await made.start()
    yield made
    await made.stop()


def said(text: str) -> str:
    """An answer without what was typed into its search field."""
    return re.sub(r"<title>.*?</title>", "", text)


@pytest.mark.parametrize("relation", RELATIONS)
async def test_each_surface_shows_an_account_as_the_table_declares(site: Site, relation: str) -> None:
    await site.fill(relation)
    await site.relate(relation)
    wrong: list[str] = []

    def check(surface: str, shows: bool, shown_to: frozenset[str]) -> None:
        if shows != (relation in shown_to):
            wrong.append(f"{surface} {'shows' if shows else 'does not show'} adam")

    fresh = await site.microblog.sessions.viewer_of(site.vera.id)
    assert fresh is not None
    check("badge", bool(fresh.unread), OFFERED)
    news = await mail(site.microblog.db.reads).news(site.vera.id, ["mention", "reply"], 10)
    check("mail", bool(news), OFFERED)

    browser = await site.api_site.browser(site.vera)
    program = await site.api_site.other(site.vera, ("read", "write", "follow"))
    # The API first: the page of notifications flags them as read.
    for path in sorted(LISTINGS, key=lambda path: not path.startswith("/api/")):
        for probe in LISTINGS[path]:
            client = program if probe.path.startswith("/api/") else browser
            answer = await client.get(
                probe.path.format_map(site.named), headers={"Accept-Encoding": "identity"}, follow=True
            )
            assert answer.status < 500, probe.path
            shows = answer.status == 200 and re.search(probe.mark, said(answer.text)) is not None
            check(probe.path, shows, probe.shown_to)

    await site.connect(relation)
    before = {kind: len(page.events) for kind, page in site.lives.items()}
    if relation not in ("suspended", "deleted"):
        await site.go_on()
    heard = {kind: page.events[before[kind] :] for kind, page in site.lives.items()}
    await site.finish()
    for kind, client in site.netcats.items():
        check(f"push {kind}", any(POST in line for line in client.lines), STREAMS[kind])
    for kind, events in heard.items():
        by_adam = any(each["author"] in (str(site.adam.id), str(site.fred.id)) for each in events)
        check(f"live {kind}", by_adam, STREAMS[kind])
    on_socket = site.heard_by_socket(POST)
    for channel, shown_to in CHANNELS.items():
        check(f"socket {channel}", channel in on_socket, shown_to)
    assert not wrong, "\n".join(wrong)
