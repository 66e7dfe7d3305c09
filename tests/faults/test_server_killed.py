"""kill -9 of the server at any moment: a post, its idempotency key, its notification and its event are there, or none.

``MICROBLOG_TEST_KILLS`` says how often (by default 4).
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable

import pytest

from tests.faults.harness import Person, Server, ask, soon

KILLS = int(os.environ.get("MICROBLOG_TEST_KILLS", "4"))

Start = Callable[..., Server]


@pytest.mark.long
def test_what_was_acknowledged_is_there_and_nothing_is_there_by_halves(start: Start, dsn: str) -> None:
    server = start(dsn)
    ports = {"http": server.http, "push": server.push}
    bob, alice = Person(server.http, "bob"), Person(server.http, "alice")
    assert bob.name == "bob"
    sent: dict[str, int] = {}

    def write_on(stopped: threading.Event) -> None:
        while not stopped.is_set():
            key = f"k{len(sent)}"
            sent[key] = 0
            sent[key] = alice.write(f"Hello @bob, this is {key} #killed", key, timeout=5)

    for _ in range(KILLS):
        stopped = threading.Event()
        writer = threading.Thread(target=write_on, args=(stopped,))
        writer.start()
        time.sleep(random.uniform(0.1, 0.7))  # the moment of the kill is what varies here
        server.kill()
        stopped.set()
        writer.join()
        _nothing_by_halves(dsn)
        server = start(dsn, **ports)

    acknowledged = {key for key, status in sent.items() if status == 303}
    assert acknowledged
    assert acknowledged <= _kept(dsn)
    # A client that got no answer sends the post again with the same key, and it exists once.
    for key in sent.keys() - acknowledged:
        assert alice.write(f"Hello @bob, this is {key} #killed", key) == 303
    assert _kept(dsn) == sent.keys()
    [[posts]] = ask(dsn, "SELECT count(*) FROM posts")
    assert posts == len(sent)
    # Live again: all that was written has its place in the log, in one piece.
    soon(lambda: ask(dsn, "SELECT count(*) FROM outbox") == [(0,)])
    [[placed, different]] = ask(
        dsn, "SELECT count(*), count(DISTINCT post_id) FROM events WHERE kind = 'post'"
    )
    assert placed == different == len(sent)
    assert server.stop() == 0
    _nothing_by_halves(dsn)


def _kept(dsn: str) -> set[str]:
    return {key for (key,) in ask(dsn, "SELECT key FROM idempotency_keys")}


def _nothing_by_halves(dsn: str) -> None:
    # A commit that was on its way when the server died may still come.
    soon(
        lambda: (
            ask(
                dsn,
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
            )
            == [(0,)]
        )
    )
    [[posts, keys, told, events, jobs]] = ask(
        dsn,
        """
        SELECT (SELECT count(*) FROM posts),
            (SELECT count(*) FROM idempotency_keys k JOIN posts p ON p.id = k.post_id
                WHERE position(k.key IN p.text) > 0),
            (SELECT count(*) FROM notifications WHERE kind = 'mention'),
            (SELECT count(*) FROM outbox WHERE kind = 'post') + (SELECT count(*) FROM events WHERE kind = 'post'),
            (SELECT count(*) FROM jobs WHERE kind = 'mail.notifications')
        """,
    )
    assert posts == keys == told == events
    assert (jobs == 1) == (posts > 0)
