"""A batch goes to each reader of a feed once and in order, whatever happens to them while it is handed out."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from microblog.domain.events import Event, Kind
from microblog.services.live.subscription import Batch, SubscriberGroup, Subscription


class Reader:
    """Takes so many bytes at once; then it is slow, and all that comes later goes the long way."""

    def __init__(self, feed: SubscriberGroup, room: int = 1000, forms: tuple[str, ...] = ("a",)) -> None:
        self.room = room
        self.got = b""
        self.slow = False
        self.lives = [self._live(feed, form) for form in forms]

    def _live(self, feed: SubscriberGroup, form: str) -> Subscription:
        live = Subscription(SimpleNamespace(position=0), self, None)  # type: ignore[arg-type]
        live.feed = feed
        feed.readers.add(live)
        live.straight(self.take, form, lambda event: f"{form}{event.position} ".encode())
        return live

    def take(self, data: bytes) -> int:
        assert not self.slow, "something waits: this overtakes it"
        if self.room == 0:
            raise BlockingIOError
        taken = data[: self.room]
        self.room -= len(taken)
        self.got += taken
        return len(taken)

    def deliver(self, batch: Batch) -> None:
        for live in self.lives:
            if live.send is None:
                self.got += f"{live.form or 'late'}{batch.position} ".encode()

    def fell_short(self, data: bytes, sent: int) -> None:
        self.slow = True
        self.got += data[sent:]
        for live in self.lives:
            live.straight(None)

    def end(self, reason: str) -> None: ...


@pytest.fixture
def feed() -> SubscriberGroup:
    return SubscriberGroup(frozenset({"public"}), None)


def batch(position: int) -> Batch:
    return Batch((Event(position, Kind.POST, datetime(2026, 1, 1, tzinfo=UTC), 1, None),), position)


def test_each_form_is_made_once_and_goes_to_all_who_read_it(feed: SubscriberGroup) -> None:
    readers = [Reader(feed, forms=(form,)) for form in "abab"]
    for position in (1, 2):
        feed.hand_out(batch(position))
    assert [each.got for each in readers] == [b"a1 a2 ", b"b1 b2 ", b"a1 a2 ", b"b1 b2 "]
    assert feed.batches == 2


@pytest.mark.parametrize("room", [0, 1, 2])
def test_who_falls_short_waits_and_nobody_else_does(feed: SubscriberGroup, room: int) -> None:
    readers = [Reader(feed) for _ in range(5)]
    slow = Reader(feed, room)
    readers += [Reader(feed) for _ in range(5)]
    feed.hand_out(batch(1))
    assert {each.got for each in [*readers, slow]} == {b"a1 "}
    feed.hand_out(batch(2))
    assert {each.got for each in readers} == {b"a1 a2 "}
    assert slow.got == b"a1 late2 "


@pytest.mark.parametrize("count", [1, 4])
def test_a_connection_that_falls_short_on_one_stream_is_not_overtaken_on_its_other(
    feed: SubscriberGroup, count: int
) -> None:
    """Both are in the feed, and the second one's turn comes in the same batch."""
    good = [Reader(feed, forms=("a", "b")) for _ in range(count)]
    slow = [Reader(feed, 1, forms=("a", "b")) for _ in range(count)]
    feed.hand_out(batch(1))
    assert {each.got for each in good} <= {b"a1 b1 ", b"b1 a1 "}
    for each in slow:
        assert each.got in (b"a1 late1 ", b"b1 late1 ", b"a1 late1 late1 ", b"b1 late1 late1 ")


def test_who_came_left_or_takes_another_way_is_heeded_by_the_next_batch(feed: SubscriberGroup) -> None:
    first, second = Reader(feed), Reader(feed)
    feed.hand_out(batch(1))
    third = Reader(feed)
    second.lives[0].straight(None)
    feed.readers.discard(first.lives[0])
    feed.changed()
    feed.hand_out(batch(2))
    assert (first.got, second.got, third.got) == (b"a1 ", b"a1 late2 ", b"a2 ")


def test_an_empty_form_is_sent_to_nobody(feed: SubscriberGroup) -> None:
    reader: Any = Reader(feed)
    reader.lives[0].straight(reader.take, "none", lambda event: b"")
    feed.hand_out(batch(1))
    assert reader.got == b""
