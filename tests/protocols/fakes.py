"""The services as the push port sees them, in memory: the real ``Subscription`` over a log that is a list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import Logger

from microblog.config.load import Config
from microblog.domain.accounts import Account, Viewer
from microblog.domain.errors import Gone, InvalidInput, NotFound
from microblog.domain.events import Audience, Event, Kind, Notification, NotificationKind
from microblog.domain.posts import Draft, Mention, Page, Post, Span, Thread
from microblog.domain.rate_limits import RateLimits
from microblog.domain.replies import Reply, participants
from microblog.domain.streams import Relationships, belongs
from microblog.domain.text import parse
from microblog.domain.visibility import Visibility, may_see
from microblog.protocols.connection import PushConnection
from microblog.protocols.push import PushFactory
from microblog.services.live.connection_limit import ConnectionLimit
from microblog.services.live.faults import Faults
from microblog.services.live.subscription import Batch, Reader, Subscription
from tests.factories import make_account, make_post, make_viewer

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def account(account_id: int, name: str, **more: Any) -> Account:
    return make_account(account_id, name, **{"display_name": name.title(), "created_at": NOON, **more})


ALICE, BOB, CAROL = account(1, "alice"), account(2, "bob"), account(3, "carol")
PEOPLE = {person.name: person for person in (ALICE, BOB, CAROL)}


def post(post_id: int, text: str = "Hello", author: Account = ALICE, **more: Any) -> Post:
    parsed = parse(text)
    fields: dict[str, Any] = {
        "created_at": NOON,
        "mentions": tuple(
            Mention(PEOPLE[each.name].id, each.name) for each in parsed.mentions if each.name in PEOPLE
        ),
        "tags": tuple(each.key for each in parsed.hashtags),
        **more,
    }
    return make_post(post_id, author, parsed.text, **fields)


def viewer(who: Account, *scopes: str, token_id: int = 1) -> Viewer:
    return make_viewer(who, *(scopes or ("read", "write")), token_id=token_id)


class FakeDispatcher:
    """A dispatcher with its log and registry in one, over a list; ``publish`` is a commit that is seen at once."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.connection_limit = ConnectionLimit(lambda: None)
        self.faults = Faults(Logger())
        self.log = self.registry = self
        self.oldest = 1
        self.all: set[Subscription] = set()
        self.attached: set[Subscription] = set()
        self.batches = 0

    @property
    def position(self) -> int:
        return self.events[-1].position if self.events else 0

    def connect(self, reader: Reader, viewer: Viewer | None) -> Subscription:
        live = Subscription(self, self, reader, viewer)  # type: ignore[arg-type]
        self.all.add(live)
        return live

    def publish(self, *written: Post | Event) -> None:
        """Posts (as new), or events whose position is given here; all in one batch."""
        events: list[Event] = []
        for item in written:
            event = item if isinstance(item, Event) else about(Kind.POST, item)
            self.events.append(replace(event, position=self.position + 1))
            events.append(self.events[-1])
        self.batches += 1
        for live in list(self.attached):
            relationships = Relationships(live.viewer.id) if live.viewer else None
            wanted = tuple(
                each for each in events if any(belongs(each, s, relationships) for s in live.streams)
            )
            if wanted:
                live.reader.deliver(Batch(wanted, self.position))

    # what a subscription calls of the registry

    def add(self, live: Subscription) -> None:
        self.all.add(live)

    def remove(self, live: Subscription) -> None:
        self.all.discard(live)

    def attach(self, live: Subscription, relationships: Relationships | None = None) -> None:
        live.group = self  # type: ignore[assignment]
        self.attached.add(live)

    def detach(self, live: Subscription) -> None:
        live.group = None
        self.attached.discard(live)

    async def confirm(self, live: Subscription) -> None:
        """Every viewer still holds their token here."""

    async def relationships(self, viewer: Viewer | None) -> Relationships | None:
        return Relationships(viewer.id) if viewer else None

    def is_stale(self, relationships: Relationships | None) -> bool:
        return False

    # what it calls of the log

    async def check(self, stream: str, since: int | None, viewer: Viewer | None) -> None:
        if since is not None:
            await self.check_cursor(since)

    async def check_cursor(self, cursor: int) -> None:
        if cursor < self.oldest - 1 or cursor > self.position:
            raise Gone("That cursor is too old.")

    async def wait_for(self, position: int) -> None:
        pass

    async def read(self, after: int, up_to: int, limit: int) -> tuple[list[Event], int]:
        events = [event for event in self.events if after < event.position <= up_to][:limit]
        return events, events[-1].position if events else up_to


def about(kind: Kind, item: Post, **more: Any) -> Event:
    values: dict[str, Any] = {
        "position": 0,
        "kind": kind,
        "at": NOON,
        "account_id": item.author.id,
        "recipient_id": None,
        "post_id": item.id,
        "post": item if kind is not Kind.DELETE else None,
        "audience": Audience.of(item),
    }
    return Event(**{**values, **more})


def notified(notification_id: int, kind: NotificationKind, actor: Account, item: Post | None = None) -> Event:
    notification = Notification(notification_id, BOB.id, kind, actor, NOON, item)
    return Event(
        0, Kind.NOTIFICATION, NOON, actor.id, BOB.id, item.id if item else None, notification=notification
    )


class FakeMicroblog:
    """Enough of the facade, with three people, and tokens named after them."""

    def __init__(self, **settings: object) -> None:
        self.config = Config.load({"public_url": "https://site.example", **settings}, {})
        self.dispatcher = FakeDispatcher()
        self.rate_limits: RateLimits
        self.posted: list[Post] = []
        self.drafts: list[Draft] = []
        self.viewers = {
            "alice-token": viewer(ALICE),
            "bob-token": viewer(BOB, token_id=2),
            "reader-token": viewer(BOB, "read", token_id=3),
            "writer-token": viewer(BOB, "write", token_id=4),
        }
        self.accounts = SimpleNamespace(by_name=self._by_name)
        self.tokens = SimpleNamespace(viewer=self._viewer)
        self.posts = SimpleNamespace(
            publish=self._publish, by_id=self._by_id, thread=self._thread, reply_to=self._reply_to
        )
        self.timelines = SimpleNamespace(
            public=lambda viewer, span, local=False: self._page(span, lambda each: True),
            account=lambda viewer, account_id, span, replies=False, boosts=True: self._page(
                span, lambda each: each.author.id == account_id
            ),
            tag=lambda viewer, tag, span: self._page(span, lambda each: tag in each.tags),
            home=lambda viewer, span: self._page(span, lambda each: each.author.id == viewer.id),
        )
        self.notifications = SimpleNamespace(page=self._notifications)

    def now(self) -> datetime:
        return NOON

    def add(self, *items: Post) -> None:
        self.posted.extend(items)

    def hold_posts(self) -> Deferred[None]:
        """From now on no post is published before the Deferred that this returns has fired."""
        held: Deferred[None] = Deferred()

        async def publish(viewer: Viewer, draft: Draft) -> Post:
            await held
            return await self._publish(viewer, draft)

        self.posts.publish = publish
        return held

    async def _by_name(self, name: str) -> Account:
        if name.lower() not in PEOPLE:
            raise NotFound
        return PEOPLE[name.lower()]

    async def _viewer(self, token: str) -> Viewer | None:
        return self.viewers.get(token)

    async def _by_id(self, viewer: Viewer | None, post_id: int) -> Post:
        for item in self.posted:
            if item.id == post_id and may_see(item.visibility):
                return item
        raise NotFound

    async def _reply_to(self, viewer: Viewer, answered: Post) -> Reply:
        people = participants(answered.content, viewer.id)
        return Reply(answered.content, tuple(people.values()), answered.content.visibility)

    async def _thread(self, viewer: Viewer | None, post_id: int) -> Thread:
        first = await self._by_id(viewer, post_id)
        rest = [(1, each) for each in self.posted if each.thread_id == first.id and each is not first]
        return Thread(first, [], rest)

    async def _page(self, span: Span, wanted: Any) -> Page[Post]:
        found = sorted((each for each in self.posted if wanted(each)), key=lambda each: -each.id)
        found = [each for each in found if span.max_id is None or each.id < span.max_id]
        return Page(found[: span.limit], found[span.limit - 1].id if len(found) > span.limit else None)

    async def _notifications(self, viewer: Viewer, span: Span) -> Page[Notification]:
        found = [
            event.notification
            for event in reversed(self.dispatcher.events)
            if event.notification and event.recipient_id == viewer.id
        ]
        return Page(found[: span.limit])

    async def _publish(self, viewer: Viewer, draft: Draft) -> Post:
        if draft.text == "too long":
            raise InvalidInput("A post has at most 500 characters.", "text", "too_long")
        self.drafts.append(draft)
        made = post(
            1000 + len(self.posted),
            draft.text,
            viewer.account,
            visibility=draft.visibility or Visibility.PUBLIC,
        )
        self.add(made)
        self.dispatcher.publish(made)
        return made


class Port:
    """A push port without a network: ``connect`` gives clients."""

    def __init__(self, **settings: object) -> None:
        self.clock = Clock()
        self.microblog = FakeMicroblog(**settings)
        self.microblog.rate_limits = RateLimits(self.clock.seconds, enabled=self.microblog.config.rate_limits)
        self.factory = PushFactory(self.microblog, self.clock)  # type: ignore[arg-type]
        self.factory.doStart()

    def connect(self, host: str = "192.0.2.1") -> Client:
        return Client(self, host)

    def publish(self, *written: Post | Event) -> None:
        self.microblog.dispatcher.publish(*written)

    def pass_time(self, seconds: int) -> None:
        self.clock.pump([1.0] * seconds)


class SlowTransport(StringTransport):
    """Takes bytes as the network does: while ``stopped``, whatever is written waits."""

    stopped = False
    aborted = False

    def __init__(self, host: str) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", host, 50_000))

    def write(self, data: bytes) -> None:
        super().write(data)
        if self.stopped and self.producer is not None:
            self.producer.pauseProducing()

    def go_on(self) -> None:
        self.stopped = False
        if self.producer is not None:
            self.producer.resumeProducing()

    def abortConnection(self) -> None:
        self.aborted = True
        super().abortConnection()


class Client:
    """What somebody at the other end does and sees."""

    def __init__(self, port: Port, host: str) -> None:
        self.port = port
        self.transport = SlowTransport(host)
        built = port.factory.buildProtocol(IPv4Address("TCP", host, 50_000))
        assert built is not None
        self.protocol = built
        built.makeConnection(self.transport)

    @property
    def connection(self) -> PushConnection:
        assert isinstance(self.protocol, PushConnection)
        return self.protocol

    def send(self, *lines: str) -> None:
        self.send_bytes("".join(f"{line}\n" for line in lines).encode())

    def send_bytes(self, data: bytes) -> None:
        self.protocol.dataReceived(data)

    def heard(self) -> list[str]:
        """The lines since it was last asked; each ends with CR LF."""
        data: bytes = self.transport.value()
        self.transport.clear()
        assert not data or data.endswith(b"\r\n")
        return [line.decode() for line in data.split(b"\r\n")[:-1]]

    def ask(self, *lines: str) -> list[str]:
        self.heard()
        self.send(*lines)
        return self.heard()

    @property
    def closing(self) -> bool:
        return bool(self.transport.disconnecting or self.transport.disconnected)

    def hang_up(self) -> None:
        from twisted.internet.error import ConnectionDone
        from twisted.python.failure import Failure

        self.protocol.connectionLost(Failure(ConnectionDone()))


def texts(lines: Iterable[str]) -> list[str]:
    """Of lines of events for people: without time and id."""
    return [line.split(" ", 1)[1].rsplit(" [", 1)[0] for line in lines]
