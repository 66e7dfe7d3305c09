"""The clock an hour back and a day forward, while the monotonic one goes on: timers hold, no day is lost or doubled."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.harness import Person, Reader, Server, ask, soon

Start = Callable[..., Server]
Read = Callable[..., Reader]

_PLACES = (
    *Path("/usr/lib").glob("*/faketime/libfaketime.so.1"),
    Path("/usr/local/lib/faketime/libfaketime.so.1"),
)
LIBRARY = next((place for place in _PLACES if place.exists()), None)


@pytest.mark.skipif(
    LIBRARY is None, reason="libfaketime is not installed (Debian: apt-get install libfaketime)"
)
@pytest.mark.parametrize("shift", ["-1h", "+1d"])
def test_a_clock_that_jumps_changes_nothing_live(
    start: Start, read: Read, folder: Path, dsn: str, shift: str
) -> None:
    clock = folder / "clock"
    clock.write_text("+0\n")
    server = start(
        dsn,
        environment={
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PATH": os.environ["PATH"],
        },
    )
    alice = Person(server.http, "alice")
    reader = read(server.push, "SUBSCRIBE public")
    clock.write_text(f"{shift}\n")
    assert alice.get("/home").status == 200  # her session is the database's to judge
    assert alice.write("Hello @alice.", "k") == 303
    assert "Hello @alice." in reader.line()
    ask(dsn, "UPDATE jobs SET run_at = now()")
    soon(lambda: ask(dsn, "SELECT count(*) FROM jobs") == [(0,)])
    # The day is the database's, too: today is not over.
    assert ask(dsn, "SELECT count(*) FROM statistic_days WHERE day >= (now() AT TIME ZONE 'UTC')::date") == [
        (0,)
    ]
    assert server.stop() == 0  # in time: its deadlines are counted by the monotonic clock
    assert server.tracebacks == 0, server.text
