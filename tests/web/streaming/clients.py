"""Clients of streaming: a WebSocket and server-sent events, over real sockets."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, CloseConnection, Ping, RejectConnection, TextMessage

from tests.waiting import until


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
        self.answers_close = True
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
                if self.answers_close and self.wire.state is ConnectionState.REMOTE_CLOSING:
                    self.transport.write(self.wire.send(event.response()))

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
        self.received = b""
        self._rest = b""

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self._rest += data
        if not self.head and b"\r\n\r\n" in self._rest:
            self.head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        # Chunks (RFC 9112, 7.1): a whole event comes in one, between lines of sizes.
        while b"\n\n" in self._rest:
            block, _, self._rest = self._rest.partition(b"\n\n")
            fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if ": " in line)
            if "event" in fields:
                self.events.append((fields["event"], fields.get("id", ""), fields["data"]))

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self.gone = True

    async def hears(self) -> tuple[str, str, str]:
        await until(self.reactor, lambda: bool(self.events) or self.gone)
        return self.events.pop(0)
