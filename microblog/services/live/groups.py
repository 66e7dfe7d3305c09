"""GroupIndex: the readers that want the same streams with the same eyes, and the batches of events that they get.

Which events a feed gets is decided once for all of its readers, and a batch is rendered once for each format. What is
left for each reader is one call with one piece of bytes. An event that can't be rendered, and a reader that fails, cost
no other event and no other reader anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from microblog.domain.events import Event
from microblog.domain.streams import Relationships, Stream, belongs
from microblog.services.live.faults import FAULTS, Faults


class Reader(Protocol):
    """An open connection of somebody who reads. Its methods are called from the reactor and must not raise."""

    def deliver(self, batch: Batch) -> None: ...

    def fell_short(self, data: bytes, sent: int) -> None:
        """Of ``data``, which went the short way (`Subscription.straight`), only ``sent`` bytes were taken."""

    def end(self, reason: str) -> None:
        """Say goodbye and close.

        ``reason``: "revoked", "suspended", "closing", "gone" (its cursor is too old) or "error" (it failed here).
        """


class Subscriber(Protocol):
    """What a feed knows of a reader's subscriptions: see `live.Subscription`."""

    reader: Reader
    closed: bool
    send: Callable[[bytes], int] | None
    form: str
    render: Callable[[Event], bytes]

    def fail(self, batch: Batch) -> None:
        """Cut the reader off with the cursor from before ``batch``."""

    def fall_behind(self, after: int) -> None:
        """Read from the log above ``after`` instead of getting the next batch."""


class Batch:
    """Events for the readers of one feed; ``position`` is the cursor after it."""

    __slots__ = ("_faults", "_joined", "_rendered", "events", "position")

    def __init__(
        self,
        events: tuple[Event, ...],
        position: int,
        rendered: dict[tuple[str, int], bytes] | None = None,
        faults: Faults = FAULTS,
    ) -> None:
        self.events = events
        self.position = position
        self._rendered = {} if rendered is None else rendered
        self._joined: dict[str, bytes] = {}
        self._faults = faults

    @property
    def after(self) -> int:
        """The cursor before it."""
        return self.events[0].position - 1 if self.events else self.position

    def joined(self, form: str, render: Callable[[Event], bytes]) -> bytes:
        """All events in one piece, each rendered once a format over all readers, joined once a feed."""
        joined = self._joined.get(form)
        if joined is None:
            joined = self._joined[form] = b"".join([self.piece(event, form, render) for event in self.events])
        return joined

    def piece(self, event: Event, form: str, render: Callable[[Event], bytes]) -> bytes:
        """One of the events in ``form``; empty when it can't be rendered, which is reported, and costs no other."""
        name = (form, event.position)
        # What one viewer's filters say is not for others: `joined` alone shares it.
        piece = None if event.filtered else self._rendered.get(name)
        if piece is None:
            try:
                piece = render(event)
            except Exception:  # noqa: BLE001 - whatever is wrong is wrong with this one event in this form
                self._faults.failed(
                    f"An event of the kind {event.kind.value!r} can't be shown and is left out."
                )
                piece = b""
            if not event.filtered:
                self._rendered[name] = piece
        return piece


class SubscriberGroup:
    """The readers that want the same streams with the same eyes."""

    __slots__ = ("_plan", "batches", "heavy", "pending", "readers", "relationships", "streams")

    def __init__(self, streams: frozenset[Stream], relationships: Relationships | None) -> None:
        self.streams = streams
        self.relationships = relationships
        self.readers: set[Subscriber] = set()
        self.pending: list[Event] = []
        self.heavy = False  #: whether what is pending is too much to be judged at once
        self.batches = 0  #: handed out so far: who wants to know whether anything came compares
        self._plan: _Plan | None = None

    def wants(self, event: Event) -> bool:
        return any(belongs(event, stream, self.relationships) for stream in self.streams)

    def changed(self) -> None:
        """Somebody came or left, or takes another way: to be said before the next batch."""
        self._plan = None

    def hand_out(self, batch: Batch) -> None:
        """To all readers, those that take bytes straight by one call each: nothing else counts with thousands.

        So the sockets' own functions are kept in lists: to look at each reader costs a tenth of what sending does.
        """
        self.batches += 1
        plan = self._plan
        if plan is None:
            plan = self._plan = _Plan(self.readers)
        for number, (form, render, lives, sends) in enumerate(plan.straight):
            data = batch.joined(form, render)
            size = len(data)
            if not size:
                continue
            for done, send in enumerate(sends):
                try:
                    sent = send(data)
                except OSError:
                    sent = 0  # full, or lost: the reader's transport meets the same error, and tells it
                except Exception:  # noqa: BLE001 - as in _one_by_one
                    lives[done].fail(batch)
                    sent = -1
                if sent != size:
                    if sent >= 0:
                        self._fell_short(lives[done], batch, data, sent)
                    if (
                        self._plan is not plan
                    ):  # what goes to it from here on has to wait, on its other streams, too
                        later = [live for group in plan.straight[number + 1 :] for live in group[2]]
                        self._one_by_one(batch, [*lives[done + 1 :], *later, *plan.others])
                        return
        self._one_by_one(batch, plan.others)

    def _one_by_one(self, batch: Batch, lives: Iterable[Subscriber]) -> None:
        """The same, each asked for its way when it is its turn."""
        for live in lives:
            if live.closed:
                continue
            try:
                send = live.send
                if send is None:
                    live.reader.deliver(batch)
                    continue
                data = batch.joined(live.form, live.render)
                if not data:
                    continue
                try:
                    sent = send(data)
                except OSError:
                    sent = 0
            except Exception:  # noqa: BLE001 - whatever is wrong with this reader must not keep events from others
                live.fail(batch)
                continue
            if sent != len(data):
                self._fell_short(live, batch, data, sent)

    @staticmethod
    def _fell_short(live: Subscriber, batch: Batch, data: bytes, sent: int) -> None:
        try:
            live.reader.fell_short(data, sent)
        except Exception:  # noqa: BLE001 - as in _one_by_one
            live.fail(batch)


_Straight = tuple[str, "Callable[[Event], bytes]", "list[Subscriber]", "list[Callable[[bytes], int]]"]


class _Plan:
    """Which readers of a feed get what by which way."""

    __slots__ = ("others", "straight")

    def __init__(self, readers: Iterable[Subscriber]) -> None:
        self.others: list[Subscriber] = []
        by_form: dict[str, _Straight] = {}
        for live in readers:
            if live.send is None:
                self.others.append(live)
            else:
                _, _, lives, sends = by_form.setdefault(live.form, (live.form, live.render, [], []))
                lives.append(live)
                sends.append(live.send)
        self.straight = tuple(by_form.values())
