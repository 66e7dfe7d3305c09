"""TCP ports that several processes can share, and that lose no connection when they close.

Endpoint strings stay Twisted's: ``serverFromString`` gets :class:`Ports` in place of the reactor, so that ``tcp:``,
``tcp6:`` and ``ssl:`` make a :class:`Port`. ``unix:`` and ``systemd:`` pass through.

When a port closes, the kernel cuts the connections that wait to be accepted. So :class:`Port` accepts them first, in
the same turn of the reactor, and draining answers them. Only a client in the middle of its handshake is lost. With
shared ports (``SO_REUSEPORT``) and ``net.ipv4.tcp_migrate_req = 1``, Linux passes it and waiting connections to another
process.
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

#: The largest number of connections to accept while a port closes, so that closing ends under a flood.
MOST_AT_CLOSE: Final = 2000

#: Connections that may wait to be accepted, where an endpoint sets no number (Twisted's default is 50). All readers of
#: a site that restarts reconnect in the same second, and a client that the kernel refuses waits for at least another.
BACKLOG: Final = 1024
_TWISTED_DEFAULT: Final = 50

_MIGRATE: Final = Path("/proc/sys/net/ipv4/tcp_migrate_req")


class Port(tcp.Port):
    """A listening socket.  Several processes may share a ``shared`` port; the kernel spreads connections."""

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
        """Accept the connections that wait, then refuse further ones."""
        waiting = select.poll()
        waiting.register(self.socket, select.POLLIN)
        before: int = self.sessionno
        while waiting.poll(0) and self.sessionno - before < MOST_AT_CLOSE:
            accepted: int = self.sessionno
            self.doRead()
            if self.sessionno == accepted:
                break  # the clients have gone, were refused, or no descriptor is left
        try:
            # Before anything is logged: a moment later another connection might wait.
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the socket is closed anyway


class Ports:
    """A reactor that listens with :class:`Port`."""

    def __init__(self, reactor: Any, *, shared: bool = False) -> None:
        self._reactor = reactor
        self._shared = shared

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(
        self, port: int, factory: IProtocolFactory, backlog: int = _TWISTED_DEFAULT, interface: str = ""
    ) -> Port:
        waiting = BACKLOG if backlog == _TWISTED_DEFAULT else backlog
        made = Port(port, factory, waiting, interface, self._reactor, shared=self._shared)
        made.startListening()
        return made

    def listenSSL(
        self,
        port: int,
        factory: IProtocolFactory,
        contextFactory: Any,  # noqa: N803 - IReactorSSL's name
        backlog: int = _TWISTED_DEFAULT,
        interface: str = "",
    ) -> Port:
        encrypted: Any = TLSMemoryBIOFactory(contextFactory, False, factory)
        made = self.listenTCP(port, encrypted, backlog, interface)
        made._type = "TLS"
        return made


def migrates() -> bool | None:
    """Return whether the system moves connections that wait at a closed shared port; None if it can't."""
    try:
        return _MIGRATE.read_text().strip() == "1"
    except OSError:
        return None
