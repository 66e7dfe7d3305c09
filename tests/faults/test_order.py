"""The proof of the order: every event once, in one order, for readers cut at random bytes, while everything fails.

Two servers share a database. Writers hold overlapping transactions open, commit in any order, and roll some back; one
backend after the other is terminated, theirs and the servers'; servers are killed and come back. Readers connect to
either server, are cut after a random number of bytes, and go on from the last cursor that they read whole.

``MICROBLOG_TEST_ORDER_SECONDS`` says how long (by default 6), ``MICROBLOG_TEST_SEED`` which of all runs it is.
That a reader which pages by id would fail this is shown in tests/services/test_notifier.py.
"""

from __future__ import annotations

import json
import os
import random
import socket
import threading
import time
from collections.abc import Callable

import psycopg2
import pytest

from tests.faults.harness import Server, ask, soon

SECONDS = float(os.environ.get("MICROBLOG_TEST_ORDER_SECONDS", "6"))
SEED = int(os.environ.get("MICROBLOG_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
WRITERS, READERS = 6, 4

#: What is kept with the deletion of a public post: an event that needs no post.
AUDIENCE = json.dumps(
    {
        "author_id": 1, "author_name": "ann", "visibility": "public", "mentioned_ids": [], "tags": [],
        "thread_id": 1, "reply_to_account_id": None, "is_boost": False,
    }
)  # fmt: skip

Start = Callable[..., Server]


class Writer(threading.Thread):
    """Commits marks, in transactions that overlap with those of the others. ``committed``: those it was told of."""

    def __init__(self, dsn: str, number: int, stopped: threading.Event) -> None:
        super().__init__(daemon=True)
        self.committed: list[int] = []
        self._dsn, self._number, self._stopped = dsn, number, stopped
        self._chance = random.Random(SEED * 100 + number)

    def run(self) -> None:
        mark = self._number * 1_000_000
        connection = None
        while not self._stopped.is_set():
            try:
                if connection is None:
                    connection = psycopg2.connect(self._dsn)
                marks = range(mark, mark + self._chance.randint(1, 5))
                mark = marks.stop
                with connection.cursor() as cursor:
                    for each in marks:
                        cursor.execute(
                            "INSERT INTO outbox (kind, account_id, post_id, detail) VALUES ('delete', 1, %s, %s)",
                            (each, AUDIENCE),
                        )
                        self._stopped.wait(self._chance.expovariate(100))
                if self._chance.random() < 0.1:
                    connection.rollback()
                else:
                    connection.commit()
                    self.committed += marks
            except psycopg2.Error:  # terminated: whether it was committed, the log says
                connection = None


class Cut(threading.Thread):
    """A reader that is cut again and again. ``seen``: (cursor, mark) of each whole line, in the order of arrival."""

    def __init__(self, ports: list[int], number: int) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[int, int]] = []
        self.cursor = 0
        self.cuts = 0
        self.finishing = threading.Event()
        self._ports = ports
        self._chance = random.Random(SEED * 1000 + number)
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()
        self.join(30)

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                with socket.create_connection(
                    ("127.0.0.1", self._chance.choice(self._ports)), 2
                ) as connection:
                    self._read(connection)
            except OSError:
                time.sleep(0.05)

    def _read(self, connection: socket.socket) -> None:
        connection.settimeout(0.5)
        connection.sendall(f"UNSUBSCRIBE\nFORMAT json\nSUBSCRIBE public SINCE {self.cursor}\n".encode())
        left = 10**9 if self.finishing.is_set() else int(self._chance.expovariate(1 / 4000))
        rest = b""
        while left > 0 and not self._stopped.is_set():
            try:
                data = connection.recv(min(left, self._chance.randint(1, 2000)))
            except TimeoutError:
                return  # nothing comes: somewhere else, perhaps
            if not data:
                return
            left -= len(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.startswith(b"{"):
                    event = json.loads(line)
                    self.cursor = int(event["cursor"])
                    self.seen.append((self.cursor, int(event["id"])))
                elif line.startswith(b"ERR gone"):
                    raise AssertionError(line)
        self.cuts += 1


@pytest.mark.long
def test_every_reader_sees_every_event_once_in_one_order_whatever_fails(start: Start, dsn: str) -> None:
    chance = random.Random(SEED)
    servers = [start(dsn, push_connections_per_host="1000") for _ in range(2)]
    stopped = threading.Event()
    writers = [Writer(dsn, number, stopped) for number in range(1, WRITERS + 1)]
    readers = [Cut([server.push for server in servers], number) for number in range(READERS)]
    for thread in (*writers, *readers):
        thread.start()

    end = time.monotonic() + SECONDS
    kills = terminated = 0
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.05, 0.4))
        if chance.random() < 0.15:
            which = chance.randrange(2)
            servers[which].kill()
            kills += 1
            servers[which] = start(
                dsn, http=servers[which].http, push=servers[which].push, push_connections_per_host="1000"
            )
        else:
            terminated += len(
                ask(
                    dsn,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1",
                )
            )
    stopped.set()
    for writer in writers:
        writer.join(30)
    for reader in readers:
        reader.finishing.set()
    soon(lambda: ask(dsn, "SELECT count(*) FROM outbox") == [(0,)])
    log = [
        (int(at), int(mark))
        for at, mark in ask(dsn, "SELECT position, post_id FROM events ORDER BY position")
    ]
    soon(lambda: all(reader.cursor >= log[-1][0] for reader in readers))
    for reader in readers:
        reader.stop()

    committed = {mark for writer in writers for mark in writer.committed}
    assert len(committed) > 50
    assert committed <= {mark for _, mark in log}, "what was committed is in the log"
    assert len({mark for _, mark in log}) == len(log), "once"
    for reader in readers:
        assert reader.seen == log, f"MICROBLOG_TEST_SEED={SEED}"
    assert sum(reader.cuts for reader in readers) > READERS
    assert terminated + kills > 0
    for server in servers:
        assert server.stop() == 0
