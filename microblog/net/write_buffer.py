"""The write buffer of one live connection: bounded, counted, and mostly empty.

Twisted's ``transport.write`` costs three system calls for each reader and message: the reactor is told to watch for
writability, ``send``, and told to stop. While nothing waits, `WriteBuffer` calls the socket's own ``send`` instead. The
rest of a short write (the client is slow, the kernel's buffer full) goes to ``transport.write``, and everything later
queues here, in order, until the transport reports that its buffer is empty.

The transport reports this as to a producer. On TCP the buffer is a pull producer while something waits: the transport
asks for more whenever its own buffer is empty. (``bufferSize = 0`` instead would stop reading as well, because
``doRead`` uses the same number.) On TLS and other transports, all bytes go through ``transport.write``, and the buffer
is a push producer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer


def write_directly(transport: Any, data: bytes) -> None:
    """Write to a transport that has other writers too, past its buffer where that is empty.

    This reads the private ``_tempDataLen`` of Twisted. A test in tests/net/ fails if that changes.
    """
    sent = 0
    if (
        isinstance(transport, Connection)
        and not transport.TLS
        and transport.connected
        and not transport.disconnecting
        and transport.offset == len(transport.dataBuffer)
        and not transport._tempDataLen
    ):
        try:
            sent = transport.socket.send(data)
        except OSError:
            pass  # as in WriteBuffer.write
    if sent < len(data):
        transport.write(data[sent:] if sent else data)


@implementer(IPushProducer)
class WriteBuffer:
    """Writes to ``transport``, which has no other writer.

    It never refuses bytes. It calls ``filled`` once when more than ``limit`` bytes wait, and ``drained`` whenever
    everything that had to wait has gone. ``seconds`` is the clock.
    """

    __slots__ = (
        "_blocked_since",
        "_closed",
        "_drained",
        "_filled",
        "_full",
        "_in_transport",
        "_limit",
        "_registering",
        "_seconds",
        "_send",
        "_transport",
        "_waiting",
        "_waiting_size",
        "blocked",
        "wrote",
    )

    def __init__(
        self,
        transport: Any,
        limit: int,
        seconds: Callable[[], float],
        filled: Callable[[], None],
        drained: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._limit = limit
        self._seconds = seconds
        self._filled = filled
        self._drained = drained
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        #: bytes that the transport could not send at once: an upper bound of what it still has
        self._in_transport = 0
        self._registering = False
        self._closed = False
        self._full = False
        self._blocked_since = 0.0
        #: whether bytes wait for the client
        self.blocked = False
        #: whether anything was written; a heartbeat resets it
        self.wrote = False
        #: the socket's own send, where bytes may bypass the transport
        self._send: Callable[[bytes], int] | None = None
        if isinstance(transport, Connection) and not transport.TLS:
            self._send = transport.socket.send
        else:
            transport.registerProducer(self, True)

    @property
    def backlog(self) -> int:
        """Bytes that wait for the client. The buffer of a TLS transport (64 KiB) is not included."""
        return self._in_transport + self._waiting_size if self.blocked else 0

    @property
    def blocked_for(self) -> float:
        """Seconds since bytes began to wait."""
        return self._seconds() - self._blocked_since if self.blocked else 0.0

    def write(self, data: bytes) -> None:
        """Send ``data`` now, or after the bytes that wait. Do nothing after `finish`."""
        if self._closed or not data:
            return
        self.wrote = True
        if self.blocked:
            self._waiting.append(data)
            self._waiting_size += len(data)
            self._check_limit()
        elif self._send is None:
            self._in_transport = len(data)
            self._transport.write(data)  # may call pauseProducing
            self._check_limit()
        else:
            try:
                sent = self._send(data)
            except OSError:
                # The kernel's buffer is full or the connection is lost. Then the transport meets the same error, and
                # tells the protocol in the usual way.
                sent = 0
            if sent < len(data):
                self._wait_with(data[sent:])
                self._check_limit()

    def finish(self) -> None:
        """Hand over the bytes that wait, and close the connection when they have gone."""
        if self._closed:
            return
        self._closed = True
        if self.blocked or self._send is None:
            self._transport.unregisterProducer()
        if self._waiting:
            self._transport.write(b"".join(self._waiting))
            self._waiting.clear()
        self._transport.loseConnection()

    def abandon(self) -> None:
        """Drop the bytes that wait: the connection is lost, or about to be."""
        self._closed = True
        self._waiting.clear()
        self._waiting_size = 0
        self._in_transport = 0

    def _check_limit(self) -> None:
        if not self._full and self.backlog > self._limit:
            self._full = True
            self._filled()

    def _wait_with(self, rest: bytes) -> None:
        self._block()
        self._in_transport = len(rest)
        self._transport.write(rest)
        self._registering = (
            True  # a pull producer is asked at once, before anything was sent: that doesn't count
        )
        self._transport.registerProducer(self, False)
        self._registering = False

    def _block(self) -> None:
        if not self.blocked:
            self.blocked = True
            self._blocked_since = self._seconds()

    # -- called by the transport

    def pauseProducing(self) -> None:
        self._block()

    def resumeProducing(self) -> None:
        if self._registering or self._closed:
            return
        if self._send is not None:
            self._transport.unregisterProducer()
        blocked_since = self._blocked_since
        self.blocked = False
        self._in_transport = 0
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._waiting_size = 0
            self.write(data)
        if self.blocked:
            self._blocked_since = blocked_since
        elif not self._closed:
            self._full = False
            self._drained()

    def stopProducing(self) -> None:
        self.abandon()
