"""What a push connection and its session need from the factory that made them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from microblog.domain.buckets import Bucket
    from microblog.protocols.rendering import Rendering
    from microblog.services.microblog import Microblog


class Connection(Protocol):
    """A connection as the factory knows it."""

    host: str

    def end(self, reason: str) -> None:
        """Say why and close."""

    def tick(self) -> None:
        """Do what is due at each heartbeat."""


class PushContext(Protocol):
    """Settings, services and limits that all connections of a push port share."""

    microblog: Microblog
    clock: IReactorTime
    rendering: Rendering
    #: the first line that a client gets
    greeting: str
    #: bytes of the longest line
    max_line: int
    #: bytes that may wait for a client before its events wait in the log
    buffer: int
    #: how often a client was too slow and had to catch up
    gaps: int
    #: how many slow clients were cut off
    cut: int

    def joined(self, connection: Connection) -> None:
        """Count a new connection."""

    def left(self, connection: Connection) -> None:
        """Count a connection no longer."""

    def spend_command(self, bucket: Bucket) -> None:
        """Count a command of a connection. Raises RateLimited."""

    def spend_log_in(self, host: str) -> None:
        """Count a login from an address. Raises RateLimited."""

    def spend_post(self, account_id: int) -> None:
        """Count a post of an account. Raises RateLimited."""
