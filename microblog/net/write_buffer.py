"""What waits to be sent to one reader: bounded, counted, and mostly nothing.

Twisted's ``transport.write`` costs three system calls a reader and message: the reactor is told to watch for
writability, ``send``, and told to stop.  While nothing waits, :class:`WriteBuffer` calls the socket's own
``send``, once a batch; what that does not take (the reader is slow, the kernel's buffer full) goes to
``transport.write``, and everything later queues here, in order, until the transport says that it is empty.

The transport says so as to a producer.  A TCP transport has this one as a pull producer while something waits: it asks
for more each time that its buffer has gone (setting ``bufferSize`` to 0 instead would make it read nothing, too:
``doRead`` uses the same number).  TLS and other transports are always written through, this being their push producer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer


def straight(transport: Any) -> Callable[[bytes], int] | None:
    """The socket's own send of a TCP connection, where nothing waits before it; None else.

    For whoever leaves the rest to ``transport.write`` when that takes less, and then asks again before the next.  It
    reads what Twisted keeps to itself (``_tempDataLen``): tests/test_outgoing.py fails if that changes.
    """
    if (
        isinstance(transport, Connection)
        and not transport.TLS
        and transport.connected
        and not transport.disconnecting
        and transport.offset == len(transport.dataBuffer)
        and not transport._tempDataLen
    ):
        send: Callable[[bytes], int] = transport.socket.send
        return send
    return None


@implementer(IPushProducer)
class WriteBuffer:
    """Writes to ``transport``; calls ``drained()`` whenever everything that had to wait has gone.

    It never refuses: whoever writes asks :attr:`backlog` and stops in time.
    """

    __slots__ = (
        "_asking",
        "_closed",
        "_drained",
        "_handed",
        "_send",
        "_transport",
        "_waiting",
        "_waiting_size",
        "blocked",
        "wrote",
    )

    def __init__(self, transport: Any, drained: Callable[[], None]) -> None:
        self._transport = transport
        self._drained = drained
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        #: bytes that the transport was given when it could not send them at once: an upper bound of what it still has
        self._handed = 0
        self._asking = False
        self._closed = False
        #: whether something waits for the reader
        self.blocked = False
        #: whether anything was written since somebody set this to False: the heartbeat asks
        self.wrote = False
        #: the socket's send, where bytes may go past the transport
        self._send: Callable[[bytes], int] | None = None
        if isinstance(transport, Connection) and not transport.TLS:
            self._send = transport.socket.send
        else:
            transport.registerProducer(self, True)

    @property
    def straight(self) -> Callable[[bytes], int] | None:
        """The socket's own send while nothing waits, for whoever says :meth:`fell_short` when it took less."""
        return None if self.blocked or self._closed else self._send

    def fell_short(self, data: bytes, sent: int) -> None:
        """``data`` was given to :attr:`straight`, which took ``sent`` bytes of it: the rest waits."""
        if not self._closed:
            self._wait_with(data[sent:])

    @property
    def backlog(self) -> int:
        """Bytes that wait for the reader. What is in the buffer of a TLS transport (64 KiB) is not seen."""
        return self._handed + self._waiting_size if self.blocked else 0

    def write(self, data: bytes) -> None:
        """Sends ``data``, now or after what waits. Nothing after :meth:`finish`."""
        if self._closed or not data:
            return
        self.wrote = True
        if self.blocked:
            self._waiting.append(data)
            self._waiting_size += len(data)
        elif self._send is None:
            self._handed = len(data)
            self._transport.write(data)  # may call pauseProducing
        else:
            try:
                sent = self._send(data)
            except OSError:
                # The kernel's buffer is full; or the connection is lost: then the transport meets the same error,
                # and tells the protocol in the usual way.
                sent = 0
            if sent < len(data):
                self._wait_with(data[sent:])

    def finish(self) -> None:
        """Hands over what waits, and closes the connection when that has gone."""
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
        """Forgets what waits: the connection is gone, or about to be."""
        self._closed = True
        self._waiting.clear()
        self._waiting_size = 0
        self._handed = 0

    def _wait_with(self, rest: bytes) -> None:
        self.blocked = True
        self._handed = len(rest)
        self._transport.write(rest)
        self._asking = True  # a pull producer is asked at once, before anything was sent: that doesn't count
        self._transport.registerProducer(self, False)
        self._asking = False

    # -- called by the transport

    def pauseProducing(self) -> None:
        self.blocked = True

    def resumeProducing(self) -> None:
        if self._asking or self._closed:
            return
        if self._send is not None:
            self._transport.unregisterProducer()
        self.blocked = False
        self._handed = 0
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._waiting_size = 0
            self.write(data)
        if not self.blocked and not self._closed:
            self._drained()

    def stopProducing(self) -> None:
        self.abandon()
