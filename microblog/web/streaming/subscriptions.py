"""What a WebSocket has at the dispatcher: its presence there, and one subscription for each of its streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from microblog.web.streaming.conversations import Conversations
from microblog.web.streaming.frames import message

if TYPE_CHECKING:
    from microblog.domain.accounts import Viewer
    from microblog.domain.events import Event
    from microblog.services.live.subscription import Batch, Subscription
    from microblog.web.streaming.names import Channel
    from microblog.web.streaming.sockets import Socket


class Presence:
    """The socket itself as a reader without streams, so that a revocation ends it whether it subscribed or not."""

    __slots__ = ("end", "live")

    def __init__(self, socket: Socket, viewer: Viewer) -> None:
        self.end = socket.end
        self.live: Subscription = socket.microblog.dispatcher.connect(self, viewer)

    def deliver(self, batch: Batch) -> None:
        """Nothing: without streams, no event comes."""

    def fell_short(self, data: bytes, sent: int) -> None:
        """Nothing, for the same reason."""


class StreamSubscription:
    """One stream of a socket, as the dispatcher sees it."""

    __slots__ = ("channel", "live", "reader", "socket")

    def __init__(self, socket: Socket, channel: Channel, viewer: Viewer | None) -> None:
        self.socket = socket
        self.channel = channel
        dispatcher = socket.microblog.dispatcher
        if channel.name == "direct" and viewer is not None:
            self.reader: Any = Conversations(socket.microblog, viewer, self._told, socket.end)
        else:
            self.reader = self
        self.live: Subscription = dispatcher.connect(self.reader, viewer)

    @property
    def shared(self) -> bool:
        """Whether its messages are the same for everybody who reads it."""
        return self.reader is self

    def deliver(self, batch: Batch) -> None:
        self.socket.send_events(batch.joined(*self.socket.frames.socket(self.channel)))

    def fell_short(self, data: bytes, sent: int) -> None:
        self.socket.fell_short(data, sent)

    def end(self, reason: str) -> None:
        self.socket.end(reason)

    def choose_way(self) -> None:
        """Straight to the TCP connection, as long as nothing waits."""
        if self.shared:
            self.live.straight(self.socket.straight, *self.socket.frames.socket(self.channel))

    def _told(self, payload: str, event: Event) -> None:
        self.socket.send_events(message(self.channel, "conversation", payload))
