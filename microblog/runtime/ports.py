"""TCP ports that several processes can share, and that lose nobody when they close.

Twisted's endpoint strings stay as they are: ``serverFromString`` gets :class:`Ports` in place of the reactor, and what
it makes for ``tcp:``, ``tcp6:`` and ``ssl:`` is a :class:`Port` of ours.  ``unix:`` and ``systemd:`` pass through.

A port that is closed makes the kernel cut the connections that wait to be accepted.  So they are accepted first, in
the turn of the reactor that closes it: whoever drains answers them.  What is left is a client whose handshake is under
way in that very moment.  With ports that are shared (``SO_REUSEPORT``), Linux hands it to another process, and those
that wait as well, when the system says ``net.ipv4.tcp_migrate_req = 1``.
"""

from __future__ import annotations

import select
import socket
from pathlib import Path
from typing import Any, Final

from twisted.internet import tcp
from twisted.internet.interfaces import IProtocolFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

#: How many are accepted at most while a port closes: under a flood it has to end.
MOST_AT_CLOSE: Final = 2000

#: Handshakes that may wait to be accepted, where an endpoint says nothing (Twisted then says 50): all readers of a
#: site that restarts come back in the same second, and whom the kernel turns away waits for at least another.
BACKLOG: Final = 1024
_UNSAID: Final = 50

_MIGRATE: Final = Path("/proc/sys/net/ipv4/tcp_migrate_req")


class Port(tcp.Port):
    """A listening socket.  A ``shared`` one may be had by several processes; the kernel spreads connections."""

    def __init__(self, *args: Any, shared: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._shared = shared

    def createInternetSocket(self) -> socket.socket:
        made: socket.socket = super().createInternetSocket()
        if self._shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return made

    def connectionLost(self, reason: Failure) -> None:
        self._accept_all()
        super().connectionLost(reason)

    def _accept_all(self) -> None:
        waiting = select.poll()
        waiting.register(self.socket, select.POLLIN)
        before: int = self.sessionno
        while waiting.poll(0) and self.sessionno - before < MOST_AT_CLOSE:
            accepted: int = self.sessionno
            self.doRead()
            if self.sessionno == accepted:
                break  # they were gone again, turned away, or there is no descriptor left for them
        try:
            # At once, and not after the log's line: a moment later somebody else might wait.
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is closed in any case


class Ports:
    """A reactor whose TCP ports are ours."""

    def __init__(self, reactor: Any, *, shared: bool = False) -> None:
        self._reactor = reactor
        self._shared = shared

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(
        self, port: int, factory: IProtocolFactory, backlog: int = _UNSAID, interface: str = ""
    ) -> Port:
        waiting = BACKLOG if backlog == _UNSAID else backlog
        made = Port(port, factory, waiting, interface, self._reactor, shared=self._shared)
        made.startListening()
        return made

    def listenSSL(
        self,
        port: int,
        factory: IProtocolFactory,
        contextFactory: Any,  # noqa: N803 - IReactorSSL's name
        backlog: int = _UNSAID,
        interface: str = "",
    ) -> Port:
        encrypted: Any = TLSMemoryBIOFactory(contextFactory, False, factory)
        made = self.listenTCP(port, encrypted, backlog, interface)
        made._type = "TLS"
        return made


def migrates() -> bool | None:
    """Whether the system hands waiting connections of a closed, shared port to another process; None: it can't."""
    try:
        return _MIGRATE.read_text().strip() == "1"
    except OSError:
        return None
