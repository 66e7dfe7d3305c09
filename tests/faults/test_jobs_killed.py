"""A worker killed inside a job, and two workers at once: each mail is sent once, each day is counted once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.harness import Person, Server, ask, soon

Start = Callable[..., Server]


class StuckMailServer:
    """Takes a mail's envelope, and then says nothing more."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.reached = threading.Event()
        self._held: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._held.append(client)
            client.sendall(b"220 stuck\r\n")
            file = client.makefile("rb")
            for line in file:
                word = line[:4].upper()
                if word == b"DATA":
                    self.reached.set()
                    break
                client.sendall(b"250 go on\r\n")
            file.close()

    def close(self) -> None:
        self._listening.close()
        for each in self._held:
            each.close()


def mails(folder: Path, to: str) -> list[Path]:
    found = (folder / "var" / "mail" / "new").glob("*")
    return [
        each for each in found if f"{to}@example.org" in each.read_text(errors="replace").split("\n\n", 1)[0]
    ]


def due(dsn: str) -> None:
    """All jobs are due, and the leases of dead workers are over: minutes that nobody has to wait here."""
    ask(
        dsn,
        "UPDATE jobs SET run_at = now(), leased_until = now() WHERE leased_until IS NULL OR lease IS NOT NULL",
    )


@pytest.mark.long
def test_a_worker_killed_inside_a_job_has_it_run_again(start: Start, folder: Path, dsn: str) -> None:
    stuck = StuckMailServer()
    try:
        server = start(dsn)
        bob, alice = Person(server.http, "bob"), Person(server.http, "alice")
        assert bob.name != alice.name
        soon(lambda: ask(dsn, "SELECT count(*) FROM jobs") == [(0,)])  # the welcome mails are gone
        assert server.stop() == 0
        before = len(mails(folder, "bob"))
        server = start(dsn, http=server.http, smtp=f"smtp://127.0.0.1:{stuck.port}")
        assert alice.write("Hello @bob.", "k") == 303
        due(dsn)
        assert stuck.reached.wait(30)
        assert ask(dsn, "SELECT count(*) FROM jobs WHERE lease IS NOT NULL AND leased_until > now()") == [
            (1,)
        ]
        server.kill()
    finally:
        stuck.close()
    server = start(dsn)
    due(dsn)
    soon(lambda: len(mails(folder, "bob")) == before + 1)
    soon(lambda: ask(dsn, "SELECT count(*) FROM jobs") == [(0,)])
    assert len(mails(folder, "bob")) == before + 1
    assert server.stop() == 0


@pytest.mark.long
def test_two_workers_send_one_mail_and_count_a_day_once(start: Start, folder: Path, dsn: str) -> None:
    first, second = start(dsn), start(dsn)
    people = [Person(first.http, f"person{number}") for number in range(6)]
    alice = Person(second.http, "alice")
    soon(lambda: ask(dsn, "SELECT count(*) FROM jobs") == [(0,)])
    before = {each.name: len(mails(folder, each.name)) for each in people}
    for each in people:
        assert alice.write(f"Hello @{each.name}.", each.name) == 303
    due(dsn)
    soon(lambda: ask(dsn, "SELECT count(*) FROM jobs") == [(0,)])
    for each in people:
        assert len(mails(folder, each.name)) == before[each.name] + 1
    # As if the site had been there for three days: each process looks once a minute, and at its start.
    assert first.stop() == second.stop() == 0
    ask(dsn, "UPDATE accounts SET created_at = created_at - interval '3 days'")
    third, fourth = start(dsn, ready=False), start(dsn, ready=False)
    soon(lambda: ask(dsn, "SELECT count(*) FROM statistic_days") >= [(3,)])
    third.wait_until_ready()
    fourth.wait_until_ready()
    assert ask(dsn, "SELECT count(*), count(DISTINCT day) FROM statistic_days") == [(3, 3)]
    [[signed_up]] = ask(dsn, "SELECT sum(value)::int FROM daily_statistics WHERE measure = 'sign_ups'")
    assert signed_up == 7
    assert third.tracebacks == fourth.tracebacks == 0
