"""What an idle server takes."""

from __future__ import annotations

from collections.abc import Callable

import psutil

from tests.faults.rig import Person, Server

#: Bytes of resident memory of the server's process, its PostgreSQL apart.
MOST = 90_000_000


def test_an_idle_server_stays_small(start: Callable[..., Server]) -> None:
    server = start()
    alice = Person(server.http, "alice")
    assert alice.write("Hello.", "k") == 303
    for path in ("/public", "/home", "/@alice", "/about/stats", "/metrics"):
        assert alice.get(path).status == 200
    assert psutil.Process(server.pid).memory_info().rss < MOST
