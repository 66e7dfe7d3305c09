"""A group gives each batch to each of its subscribers, whatever happens to them meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count

import pytest

from microblog.domain.accounts import Viewer
from microblog.domain.events import Event, Kind
from microblog.domain.streams import Stream
from microblog.services.live.faults import Faults
from microblog.services.live.groups import Batch, Buffer, SubscriberGroup


class Subscriber:
    """A subscriber that is its own reader, and writes what it gets in one format."""

    def __init__(self, group: SubscriberGroup, form: str = "a", *, direct: bool = False) -> None:
        self.reader = self
        self.viewer: Viewer | None = None
        self.group: SubscriberGroup | None = group
        self.closed = False
        self.buffer: Buffer | None = self if direct else None
        self.form = form
        self.written = b""
        self.failed: list[int] = []
        self.react: Callable[[], None] = lambda: None
        group.subscribers.add(self)

    @property
    def streams(self) -> frozenset[Stream]:
        return frozenset({"public"})

    def render(self, event: Event) -> bytes:
        return f"{self.form}{event.position} ".encode()

    def write(self, data: bytes) -> None:
        self.react()
        self.written += data

    def deliver(self, batch: Batch) -> None:
        self.write(batch.joined(self.form, self.render))

    def end(self, reason: str) -> None: ...

    def fail(self, batch: Batch) -> None:
        self.failed.append(batch.position)

    def fall_behind(self, after: int) -> None: ...


Create = Callable[..., Subscriber]


@pytest.fixture
def group() -> SubscriberGroup:
    return SubscriberGroup(frozenset({"public"}), None)


@pytest.fixture(params=["deliver", "buffer", "both"])
def create(request: pytest.FixtureRequest, group: SubscriberGroup) -> Create:
    """Create subscribers that are written to by their readers, by the group itself, or by turns."""
    numbers = count()

    def make(form: str = "a") -> Subscriber:
        direct = {"deliver": False, "buffer": True, "both": next(numbers) % 2 == 0}[request.param]
        return Subscriber(group, form, direct=direct)

    return make


def batch(position: int) -> Batch:
    return Batch((Event(position, Kind.POST, datetime(2026, 1, 1, tzinfo=UTC), 1, None),), position)


def test_each_subscriber_gets_each_batch_in_its_format(group: SubscriberGroup, create: Create) -> None:
    subscribers = [create(form) for form in "abab"]
    for position in (1, 2):
        group.deliver(batch(position))
    assert [each.written for each in subscribers] == [b"a1 a2 ", b"b1 b2 ", b"a1 a2 ", b"b1 b2 "]
    assert group.batches == 2


def test_events_of_a_batch_are_rendered_once_for_each_format(
    group: SubscriberGroup, create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[str] = []
    monkeypatch.setattr(
        Subscriber, "render", lambda self, event: rendered.append(self.form) or self.form.encode()
    )
    for form in "abab":
        create(form)
    group.deliver(batch(1))
    assert sorted(rendered) == ["a", "b"]


def test_subscriber_that_fails_is_cut_off_and_the_others_get_the_batch(
    group: SubscriberGroup, create: Create
) -> None:
    subscribers = [create() for _ in range(5)]

    def broken() -> None:
        raise ValueError("no file descriptor")

    subscribers[2].react = broken
    group.deliver(batch(1))
    assert [each.failed for each in subscribers] == [[], [], [1], [], []]
    assert [each.written for each in subscribers] == [b"a1 ", b"a1 ", b"", b"a1 ", b"a1 "]


def test_subscriber_that_an_earlier_one_pauses_still_gets_the_batch(
    group: SubscriberGroup, create: Create
) -> None:
    """Two subscribers of a connection can be in the group. The batch is before the cursor of the paused one."""
    subscribers = [create(form) for form in "ab"]
    for each in subscribers:
        each.react = group.subscribers.clear
    group.deliver(batch(1))
    group.deliver(batch(2))
    assert [each.written for each in subscribers] == [b"a1 ", b"b1 "]


def test_subscriber_that_an_earlier_one_closes_gets_nothing(group: SubscriberGroup, create: Create) -> None:
    subscribers = [create() for _ in range(2)]

    def close_all() -> None:
        for each in subscribers:
            each.closed = True

    for each in subscribers:
        each.react = close_all
    group.deliver(batch(1))
    assert sorted(each.written for each in subscribers) == [b"", b"a1 "]


def test_event_that_cannot_be_rendered_is_empty() -> None:
    class Log:
        def failure(self, *_: object, **__: object) -> None: ...

    def render(event: Event) -> bytes:
        raise RuntimeError("no words for it")

    faults = Faults(Log())  # type: ignore[arg-type]
    events = batch(1).events
    assert Batch(events, 1, faults=faults).joined("a", render) == b""
    assert sum(faults.counts.values()) == 1
