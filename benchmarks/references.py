"""The references of the benchmarks, each a process of its own: ``python -m benchmarks.references NAME PORT [FILE]``.

``klein``        a bare Klein app that says hello: as little as this stack can do for a request
``klein-bytes``  a bare Klein app that answers with the bytes of FILE, as JSON; packed by gzip, if its name says so
``broadcaster``  a bare Twisted server that sends each line to all connections, through ``transport.write``
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any, ClassVar

from klein import Klein
from twisted.internet import reactor as _reactor
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver
from twisted.web.server import Site

reactor: Any = _reactor


def klein() -> Any:
    app = Klein()

    @app.route("/")
    def hello(request: Any) -> bytes:
        return b"hello"

    site: Any = Site(app.resource())  # type: ignore[no-untyped-call]
    site.log = lambda request: None
    return site


def klein_bytes(file: str) -> Any:
    app = Klein()
    body = Path(file).read_bytes()
    packed = file.endswith(".gz")

    @app.route("/")
    def same(request: Any) -> bytes:
        request.setHeader(b"Content-Type", b"application/json; charset=utf-8")
        if packed:
            request.setHeader(b"Content-Encoding", b"gzip")
        return body

    site: Any = Site(app.resource())  # type: ignore[no-untyped-call]
    site.log = lambda request: None
    return site


class Broadcast(LineOnlyReceiver):
    """Send each line to all connections, its writer included."""

    delimiter = b"\n"
    transport: Any
    connections: ClassVar[set[Broadcast]] = set()

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self.connections.add(self)

    def lineReceived(self, line: bytes) -> None:
        data = line + b"\n"
        for each in self.connections:
            each.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.connections.discard(self)


def broadcaster() -> Any:
    return Factory.forProtocol(Broadcast)


if __name__ == "__main__":
    name, port, *files = sys.argv[1:]
    made = {"klein": klein, "klein-bytes": klein_bytes, "broadcaster": broadcaster}[name](*files)
    reactor.listenTCP(int(port), made, backlog=4096, interface="127.0.0.1")
    gc.freeze()
    reactor.run()
