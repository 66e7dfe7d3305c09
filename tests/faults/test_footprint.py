"""What an idle server takes."""

from __future__ import annotations

from collections.abc import Callable

import psutil
import pytest

from tests.faults.harness import Person, Server

#: Bytes of resident memory of the server's process, its PostgreSQL apart.
MOST = 90_000_000


@pytest.mark.long
def test_an_idle_server_stays_small(start: Callable[..., Server]) -> None:
    server = start()
    assert psutil.Process(server.pid).memory_info().rss < MOST
    # With its templates and tables in use it may take a little more, and then no more.
    alice = Person(server.http, "alice")
    assert alice.write("Hello.", "k") == 303
    pages = ("/public", "/home", "/@alice", "/about/stats", "/metrics")
    for path in pages:
        assert alice.get(path).status == 200
    in_use = psutil.Process(server.pid).memory_info().rss
    assert in_use < MOST + 12_000_000
    for path in pages * 20:
        assert alice.get(path).status == 200
    assert psutil.Process(server.pid).memory_info().rss - in_use < 8_000_000
