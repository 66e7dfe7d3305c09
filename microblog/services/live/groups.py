"""Groups of live readers, and the batches of events that they get.

A group decides once for all of its readers which events they get, and a batch renders each event once for each format.
What is left for each reader is one call that writes one piece of bytes. A fault in one event or in one reader costs no
other event and no other reader anything.

A group writes to a reader's buffer itself where the reader names one. That costs 0.13 µs beside the 1.4 to 5 µs of the
socket's ``send``. A call of `Reader.deliver`, which then writes to the buffer, costs 0.35 to 0.65 µs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from microblog.domain.accounts import Viewer
from microblog.domain.events import Event
from microblog.domain.streams import Relationships, Stream, belongs
from microblog.services.live.faults import FAULTS, Faults

Render = Callable[[Event], bytes]


class Reader(Protocol):
    """A live connection. The reactor's thread calls its methods, which must not raise."""

    def deliver(self, batch: Batch) -> None:
        """Write the events of a batch to the client."""

    def end(self, reason: str) -> None:
        """Tell the client why and close the connection.

        ``reason``: "revoked", "suspended", "closing", "gone" (its cursor is too old) or "error" (it failed here).
        """


class Buffer(Protocol):
    """The write buffer of a connection: see `net.write_buffer`."""

    def write(self, data: bytes) -> None:
        """Send ``data``, after the bytes that wait."""


class Subscriber(Protocol):
    """A reader with its viewer and streams, as groups and the registry know it: see `subscription.Subscription`."""

    reader: Reader
    #: where batches in ``form`` go, as ``render`` makes them; None: to `Reader.deliver`
    buffer: Buffer | None
    form: str
    render: Render
    viewer: Viewer | None
    group: SubscriberGroup | None
    closed: bool

    @property
    def streams(self) -> frozenset[Stream]: ...

    def fail(self, batch: Batch) -> None:
        """Cut the reader off with the cursor from before ``batch``."""

    def fall_behind(self, after: int) -> None:
        """Read the events above ``after`` from the log instead of getting the next batch."""


class Batch:
    """Events for the readers of one group. ``position`` is the cursor after the batch.

    ``rendered`` holds what was rendered already, by format and position; batches of several groups share it.
    """

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
        """The cursor before the batch."""
        return self.events[0].position - 1 if self.events else self.position

    def joined(self, form: str, render: Render) -> bytes:
        """Return all events in ``form`` as one piece of bytes, made once for all readers of the batch."""
        joined = self._joined.get(form)
        if joined is None:
            joined = self._joined[form] = b"".join([self.piece(event, form, render) for event in self.events])
        return joined

    def piece(self, event: Event, form: str, render: Render) -> bytes:
        """Return one event in ``form``. An event that can't be rendered is reported, and empty."""
        name = (form, event.position)
        # An event with the results of one viewer's filters must not reach other viewers: only `joined` shares it.
        piece = None if event.filtered else self._rendered.get(name)
        if piece is None:
            try:
                piece = render(event)
            except Exception:  # noqa: BLE001 - the fault is in this event in this form alone
                self._faults.failed(
                    f"An event of the kind {event.kind.value!r} can't be shown and is left out."
                )
                piece = b""
            if not event.filtered:
                self._rendered[name] = piece
        return piece


class SubscriberGroup:
    """The subscribers with the same viewer and the same streams."""

    __slots__ = ("batches", "from_log", "pending", "relationships", "streams", "subscribers")

    def __init__(self, streams: frozenset[Stream], relationships: Relationships | None) -> None:
        self.streams = streams
        self.relationships = relationships
        self.subscribers: set[Subscriber] = set()
        #: events that the next batch brings
        self.pending: list[Event] = []
        #: whether the viewer's filters take too long on ``pending``, so that the subscribers read it from the log
        self.from_log = False
        #: number of batches delivered: a heartbeat compares it to learn whether anything was sent
        self.batches = 0

    def wants(self, event: Event) -> bool:
        """Return whether an event belongs on one of the streams."""
        return any(belongs(event, stream, self.relationships) for stream in self.streams)

    def deliver(self, batch: Batch) -> None:
        """Give a batch to each subscriber, also to those that a write to an earlier one pauses."""
        self.batches += 1
        form, data = "", b""
        for subscriber in tuple(self.subscribers):
            if subscriber.closed:
                continue
            try:
                if subscriber.buffer is None:
                    subscriber.reader.deliver(batch)
                    continue
                if subscriber.form is not form:
                    form = subscriber.form
                    data = batch.joined(form, subscriber.render)
                subscriber.buffer.write(data)
            except Exception:  # noqa: BLE001 - the fault of one reader must not keep events from the others
                subscriber.fail(batch)
