"""A TCP proxy that does what networks do: delays, drips, drops, half-closes, and talks rubbish.

It stands between a client and a server, or between a server and its database.  Its faults are attributes, and can be
changed while connections are open.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass


@dataclass
class Faults:
    """What happens to what the server says; ``refuse`` and ``silent`` happen to the client."""

    delay: float = 0.0  #: seconds before each piece is passed on
    drip: int = 0  #: bytes passed on at a time, a hundredth of a second apart; 0 for all
    drop_answers: bool = (
        False  #: read the server's answers, pass none on, and cut the connection after the first
    )
    half_close: bool = False  #: pass the first piece on, then say no more, and leave the connection open
    garbage: bytes = b""  #: said to the client in place of the server's next piece
    refuse: bool = False  #: cut new connections at once
    silent: bool = False  #: take all that is sent, on either side, and pass nothing on


class FaultProxy:
    """Listens on ``port`` of the loopback, for ``target``: a port of the loopback, or the path of a Unix socket."""

    def __init__(self, target: int | str) -> None:
        self.faults = Faults()
        self._target = target
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()
        self.cut()

    @property
    def connections(self) -> int:
        return len(self._pairs)

    def cut(self) -> None:
        """Ends all connections, with a reset."""
        for pair in list(self._pairs):
            self._end(pair, reset=True)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self.faults.refuse:
                client.close()
                continue
            try:
                server = self._connect()
            except OSError:
                client.close()
                continue
            pair = (client, server)
            self._pairs.add(pair)
            threading.Thread(target=self._pump, args=(client, server, pair, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, pair, True), daemon=True).start()

    def _connect(self) -> socket.socket:
        if isinstance(self._target, str):
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._target)
            return server
        return socket.create_connection(("127.0.0.1", self._target))

    def _pump(
        self,
        source: socket.socket,
        sink: socket.socket,
        pair: tuple[socket.socket, socket.socket],
        answers: bool,
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                faults = self.faults
                if faults.silent:
                    continue
                if answers:
                    if faults.drop_answers:
                        self._end(pair, reset=True)
                        return
                    if faults.garbage:
                        piece, faults.garbage = faults.garbage, b""
                    time.sleep(faults.delay)
                    if faults.drip:
                        for start in range(0, len(piece), faults.drip):
                            sink.sendall(piece[start : start + faults.drip])
                            time.sleep(0.01)
                        continue
                sink.sendall(piece)
                if answers and faults.half_close:
                    sink.shutdown(socket.SHUT_WR)
                    while source.recv(65536):
                        pass  # the server goes on talking to nobody
                    return
        self._end(pair)

    def _end(self, pair: tuple[socket.socket, socket.socket], *, reset: bool = False) -> None:
        self._pairs.discard(pair)
        for each in pair:
            with contextlib.suppress(OSError):
                if reset and each.family == socket.AF_INET:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                each.shutdown(socket.SHUT_RDWR)
            each.close()
