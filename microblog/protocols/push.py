"""The factory of the push port: what all connections share.

``docs/push-protocol.md`` describes the protocol for authors of clients.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from microblog.domain.addresses import address_key
from microblog.domain.buckets import Bucket
from microblog.domain.errors import RateLimited, Unavailable
from microblog.protocols.connection import HEARTBEAT, PushConnection
from microblog.protocols.context import Connection
from microblog.protocols.rendering import Rendering
from microblog.protocols.replies import Err, to_bytes
from microblog.services.live.connection_limit import AddressLimit

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

log = Logger()


class _Refusal(Protocol):
    """A connection that is told why it is refused, and closed."""

    transport: Any

    def __init__(self, line: Err) -> None:
        self._line = line

    def connectionMade(self) -> None:
        self.transport.write(to_bytes(self._line))
        self.transport.loseConnection()


class PushFactory(Factory):
    """All connections of one or more push ports; the `PushContext` of each.

    ``clock`` is the reactor. Limits are settings: ``live_connections``, ``push_connections_per_host``, ``push_buffer``,
    ``rate_limits``.
    """

    noisy = False

    def __init__(self, microblog: Microblog, clock: IReactorTime) -> None:
        config = microblog.config
        self.microblog = microblog
        self.clock = clock
        self.buffer = config.push_buffer
        #: bytes of the longest line, with room for the longest post in any script
        self.max_line = max(16_384, 1024 + 32 * config.post_length)
        self.rendering = Rendering(config.public_url, config.zone, microblog.now)
        self.greeting = (
            f"{config.site_name}: Microblog push protocol 1. You read the public stream as it is written. "
            "HELP says what can be said; reading needs no AUTH."
        )
        self.gaps = 0
        self.cut = 0
        self._hosts = AddressLimit("push connections")
        self._connections: set[Connection] = set()
        self._slots: list[set[Connection]] = [set() for _ in range(HEARTBEAT)]
        self._slot = 0
        self._draining = False
        self._drained: list[Deferred[None]] = []
        self._pulse = LoopingCall(self._beat)
        self._pulse.clock = clock

    # -- Twisted's side

    def startFactory(self) -> None:
        self._pulse.start(1.0, now=False)

    def stopFactory(self) -> None:
        if self._pulse.running:
            self._pulse.stop()

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        if self._draining:
            return None
        host = address_key(getattr(addr, "host", None) or "unix")
        try:
            self._hosts.check(host, self.microblog.config.push_connections_per_host)
            self.microblog.dispatcher.connection_limit.check(self.microblog.config.live_connections)
        except (RateLimited, Unavailable) as full:
            return _Refusal(Err("too-many-connections", full.text))
        connection = PushConnection(self, host)
        connection.factory = self
        return connection

    def joined(self, connection: Connection) -> None:
        self._connections.add(connection)
        self.microblog.dispatcher.connection_limit.acquire()
        self._hosts.acquire(connection.host)
        min(self._slots, key=len).add(connection)

    def left(self, connection: Connection) -> None:
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        self.microblog.dispatcher.connection_limit.release()
        for slot in self._slots:
            slot.discard(connection)
        self._hosts.release(connection.host)
        if not self._connections:
            waiting, self._drained = self._drained, []
            for drained in waiting:
                drained.callback(None)

    # -- what connections share

    def __len__(self) -> int:
        """Return the number of connections."""
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._connections))

    def spend_command(self, bucket: Bucket) -> None:
        self.microblog.rate_limits.spend_from(bucket, "push_command")

    def spend_log_in(self, host: str) -> None:
        self.microblog.rate_limits.spend("push_login", host)

    def spend_post(self, account_id: int) -> None:
        """Take a post from the account's budget of the push port, and from the one that all adapters share."""
        key = f"account:{account_id}"
        self.microblog.rate_limits.spend("push_post", key)
        self.microblog.rate_limits.spend("post", key)

    async def drain(self) -> None:
        """Refuse new connections, send ``BYE restart <cursor>`` to all others, and wait until they are closed.

        Running commands are finished. This ends within LINGER seconds of the last answer.
        """
        self._draining = True
        for connection in self:
            connection.end("closing")
        if self._connections:
            drained: Deferred[None] = Deferred()
            self._drained.append(drained)
            await drained

    def _beat(self) -> None:
        """Tick one slot of connections each second, so that not all get their PING at once."""
        self._slot = (self._slot + 1) % HEARTBEAT
        for connection in tuple(self._slots[self._slot]):
            try:
                connection.tick()
            except Exception:  # noqa: BLE001 - a LoopingCall ends at the first exception, and the heartbeat with it
                log.failure("The heartbeat of a push connection failed.")
