"""kill -9 of the embedded PostgreSQL while people write: what was acknowledged is there, and all comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psutil
import pytest

from tests.faults.harness import Person, Reader, Server, ask, soon

Start = Callable[..., Server]
Read = Callable[..., Reader]


@pytest.mark.long
def test_every_acknowledged_post_is_there_after_postgresql_was_killed(start: Start, read: Read) -> None:
    server = start()
    assert ask(server.dsn, "SHOW fsync") == [("on",)]  # else this would prove nothing
    alice = Person(server.http, "alice")
    reader = read(server.push, "SUBSCRIBE public")
    sent: dict[str, int] = {}
    stopped = threading.Event()

    def write_on() -> None:
        while not stopped.is_set():
            key = f"k{len(sent)}"
            sent[key] = 0
            sent[key] = alice.write(f"This is {key}.", key)

    writer = threading.Thread(target=write_on)
    writer.start()
    for _ in range(2):
        written = len(sent)
        soon(lambda written=written: len(sent) > written + 5)  # type: ignore[misc]
        kill(server.postmaster)
        soon(lambda: server.status("/ready") == 200)
        written = len(sent)
        soon(lambda written=written: sum(status == 303 for status in list(sent.values())[written:]) > 5)  # type: ignore[misc]
    stopped.set()
    writer.join()

    # Nobody was left without an answer, and nobody got one that was not clear.
    assert set(sent.values()) <= {303, 503}
    acknowledged = {key for key, status in sent.items() if status == 303}
    kept = {key for (key,) in ask(server.dsn, "SELECT key FROM idempotency_keys")}
    assert acknowledged <= kept
    # The stream went through it: each post once, in the order of the log.
    [[last]] = ask(server.dsn, "SELECT text FROM posts ORDER BY id DESC LIMIT 1")
    heard: list[str] = []
    while not heard or last not in heard[-1]:
        heard.append(reader.line())
    told = [line.split("This is ", 1)[1].split(".", 1)[0] for line in heard if "This is " in line]
    assert len(told) == len(set(told))
    assert set(told) == kept
    assert server.process.poll() is None
    assert server.tracebacks == 0, server.text
    assert server.stop() == 0


def kill(postmaster: psutil.Process) -> None:
    """With all its children, as when the machine dies; the files are what the disk has."""
    family = [postmaster, *postmaster.children(recursive=True)]
    for each in family:
        try:
            each.kill()
        except psutil.NoSuchProcess:
            pass
    end = time.monotonic() + 20
    while any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in family):
        assert time.monotonic() < end
        time.sleep(0.01)
