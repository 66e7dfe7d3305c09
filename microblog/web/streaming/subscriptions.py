"""The readers that a WebSocket has at the dispatcher: one for the socket itself, and one for each of its streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from microblog.web.streaming.conversations import Conversations
from microblog.web.streaming.frames import Frames, message

if TYPE_CHECKING:
    from microblog.domain.accounts import Viewer
    from microblog.domain.events import Event
    from microblog.net.write_buffer import WriteBuffer
    from microblog.services.live.subscription import Batch, Subscription
    from microblog.services.microblog import Microblog
    from microblog.web.streaming.names import Channel


class EventSocket(Protocol):
    """What the readers call of their socket."""

    microblog: Microblog
    frames: Frames
    out: WriteBuffer

    def write_events(self, data: bytes) -> None:
        """Write whole frames, or nothing after the Close frame."""

    def end(self, reason: str) -> None:
        """Close the socket: see `services.live.groups.Reader`."""


class SocketReader:
    """The socket itself as a reader without streams, so that a revocation ends it even when it has none."""

    __slots__ = ("live", "socket")

    def __init__(self, socket: EventSocket, viewer: Viewer) -> None:
        self.socket = socket
        self.live: Subscription = socket.microblog.dispatcher.connect(self, viewer)

    def deliver(self, batch: Batch) -> None:
        """Do nothing: a reader without streams gets no events."""

    def end(self, reason: str) -> None:
        self.socket.end(reason)


class StreamReader:
    """One stream of a socket as a reader."""

    __slots__ = ("_channel", "live", "socket")

    def __init__(self, socket: EventSocket, channel: Channel, viewer: Viewer | None) -> None:
        self.socket = socket
        self._channel = channel
        connect = socket.microblog.dispatcher.connect
        self.live: Subscription
        if channel.name == "direct" and viewer is not None:
            conversations = Conversations(socket.microblog, viewer, self._write_conversation, socket.end)
            self.live = connect(conversations, viewer)
        else:
            self.live = connect(self, viewer)
            self.live.write_to(socket.out, *socket.frames.socket(channel))

    def deliver(self, batch: Batch) -> None:
        self.socket.write_events(batch.joined(self.live.form, self.live.render))

    def end(self, reason: str) -> None:
        self.socket.end(reason)

    def _write_conversation(self, payload: str, event: Event) -> None:
        self.socket.write_events(message(self._channel, "conversation", payload))
