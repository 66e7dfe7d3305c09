"""Several processes on one port and one database; restarts that turn nobody away; SIGTERM while requests run."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.harness import Person, Reader, Server, ask, free_port, request, soon

Start = Callable[..., Server]
Read = Callable[..., Reader]


class Visitors:
    """Who read without a pause: one on new connections, one on a connection that is kept as long as it may be."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answered = 0
        self.failed: list[str] = []
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._come_and_go, self._stay)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _come_and_go(self) -> None:
        while not self._stopped.is_set():
            try:
                self._heard(request(self.port, "GET", "/public").status)
            except OSError as error:
                self.failed.append(repr(error))
            time.sleep(0.01)

    def _stay(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while not self._stopped.is_set():
            try:
                connection.request("GET", "/public")
                answer = connection.getresponse()
                answer.read()  # and when it says Connection: close, the next request is on a new one
                self._heard(answer.status)
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                connection.close()
            time.sleep(0.01)
        connection.close()

    def _heard(self, status: int) -> None:
        self.answered += 1
        if status != 200:
            self.failed.append(str(status))


class Follower:
    """A program that reads the public stream, and comes back with its cursor whenever it is told to."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.told: list[str] = []
        self.farewells = 0
        self._cursor: str | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(30)

    def _read(self) -> None:
        while not self._stopped.is_set():
            since = "" if self._cursor is None else f" SINCE {self._cursor}"
            with Reader(self.port, "FORMAT json") as reader:
                answer = reader.say(f"SUBSCRIBE public{since}")
                self._cursor = self._cursor or answer.split()[4]
                while not self._stopped.is_set():
                    line = reader.line()
                    if line.startswith("BYE"):
                        self._cursor = line.split()[-1]
                        self.farewells += 1
                        break
                    if line.startswith("{"):
                        event = json.loads(line)
                        self._cursor = str(event["cursor"])
                        self.told.append(re.sub("<[^>]+>", "", event["status"]["content"]))


@pytest.mark.long
def test_a_rolling_restart_of_two_fails_no_request_and_no_stream(start: Start, dsn: str) -> None:
    ports = {"http": free_port(), "push": free_port()}
    first, second = start(dsn, **ports, reuse_port="on"), start(dsn, **ports, reuse_port="on")
    alice = Person(first.http, "alice")
    follower, visitors = Follower(first.push), Visitors(first.http)
    statuses: list[int] = []
    stopped = threading.Event()

    def write_on() -> None:
        while not stopped.is_set():
            statuses.append(alice.write(f"This is k{len(statuses)}.", f"k{len(statuses)}"))
            time.sleep(0.02)

    writer = threading.Thread(target=write_on)
    writer.start()
    running = [first, second]
    for _ in range(2):
        # A new one comes before an old one goes, so that there are two all the time.
        running.append(start(dsn, **ports, reuse_port="on", ready=False))
        running[-1].wait_for_log("push port")
        old = running.pop(0)
        assert old.stop() == 0
        written = len(statuses)
        soon(lambda written=written: len(statuses) > written + 5)  # type: ignore[misc]
    stopped.set()
    writer.join()
    visitors.stop()
    assert visitors.failed == []
    assert visitors.answered > 20
    assert set(statuses) == {303}
    soon(lambda: len(follower.told) >= len(statuses))
    follower.stop()
    assert follower.told == [f"This is k{number}." for number in range(len(statuses))]
    assert follower.farewells >= 1
    for server in running:
        assert server.stop() == 0
        assert server.tracebacks == 0, server.text


@pytest.mark.long
def test_each_process_sees_the_others_events_and_losing_one_loses_nothing(
    start: Start, read: Read, dsn: str
) -> None:
    metrics = free_port()
    web = start(dsn, roles="web")
    push = start(dsn, roles="push", ready=False, metrics=f"tcp:{metrics}:interface=127.0.0.1")
    tasks = start(dsn, roles="tasks", ready=False)
    push.wait_for_log("push port")
    reader = read(push.push, "SUBSCRIBE public")
    bob, alice = Person(web.http, "bob"), Person(web.http, "alice")
    assert alice.write("Hello @bob.", "hello") == 303
    assert "Hello @bob." in reader.line()
    # Who has no website has a port of its own to be watched through.
    assert "microblog_live_readers 1.0" in request(metrics, "GET", "/metrics").text
    assert request(metrics, "GET", "/ready").status == 200
    tasks.kill()
    web.kill()
    assert alice.write("To nobody.", "again") == 0
    again = start(dsn, roles="web,tasks", http=web.http)
    assert alice.write("Hello again.", "again") == 303
    assert "Hello again." in reader.line()
    # The mail that was due when its process was killed is sent by the next one.
    ask(dsn, "UPDATE jobs SET run_at = now(), leased_until = now()")
    soon(lambda: ask(dsn, "SELECT count(*) FROM jobs") == [(0,)])
    assert bob.get("/notifications").status == 200
    assert again.stop() == push.stop() == 0


def test_a_second_process_on_a_port_says_so_unless_ports_are_shared(start: Start, dsn: str) -> None:
    first = start(dsn)
    second = start(dsn, http=first.http, ready=False)
    assert second.process.wait(60) == 1
    assert f"Can't listen on tcp:{first.http}" in second.text
    assert second.tracebacks == 0


def test_sigterm_finishes_what_runs_says_goodbye_and_ends_with_0(start: Start, read: Read, dsn: str) -> None:
    server = start(dsn)
    alice = Person(server.http, "alice")
    reader = read(server.push, "SUBSCRIBE public")
    # A request that waits in the database for a row that another connection has locked.
    import psycopg2

    holding = psycopg2.connect(dsn)
    try:
        with holding.cursor() as cursor:
            cursor.execute("LOCK TABLE posts IN EXCLUSIVE MODE")
        statuses: list[int] = []
        writer = threading.Thread(target=lambda: statuses.append(alice.write("Just in time.", "k")))
        writer.start()
        soon(
            lambda: (
                ask(dsn, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'posts'::regclass")
                == [(1,)]
            )
        )
        server.terminate()
        soon(lambda: "Received SIGTERM" in server.text)
        assert reader.line().startswith("BYE restart ")
        assert reader.line() == ""
        with pytest.raises(OSError, match="refused"):
            request(server.http, "GET", "/public")
        assert server.process.poll() is None
    finally:
        holding.rollback()
        holding.close()
    writer.join()
    assert statuses == [303]
    assert server.process.wait(30) == 0
    assert ask(dsn, "SELECT text FROM posts") == [("Just in time.",)]
    assert "all that was begun is finished" in server.text.splitlines()[-1]
    assert server.tracebacks == 0


def test_the_log_says_what_a_stop_cut_off_and_how_long_it_took(start: Start, dsn: str) -> None:
    server = start(dsn, drain_timeout="1")
    with socket.create_connection(("127.0.0.1", server.http)) as unfinished:
        unfinished.sendall(b"GET /public HTTP/1.1\r\nHost: loc")
        # The connection is noticed before the signal.
        assert server.status("/public") == 200
        assert server.stop() == 0
    assert "The website cuts off requests that were not whole: 1." in server.text
    last = server.text.splitlines()[-1]
    assert re.search(r"Stopped in 2\.\d s; left behind: website\.$", last), last


@pytest.mark.long
def test_readers_are_summed_over_processes(start: Start, read: Read, dsn: str) -> None:
    first, second = start(dsn), start(dsn)
    for server in (first, first, second):
        read(server.push, "SUBSCRIBE public")
    # Each process notes its own number within a quarter of a minute.
    soon(lambda: ask(dsn, "SELECT coalesce(sum(readers), 0) FROM reader_samples") >= [(3,)], 40, 0.2)
    [[most]] = ask(dsn, "SELECT max(sum) FROM (SELECT sum(readers) FROM reader_samples GROUP BY at) minutes")
    assert most <= 3


def test_systemd_can_hold_the_ports(folder: Path, dsn: str) -> None:
    """Socket activation: another process opens the sockets, and they outlive this one."""
    import os
    import subprocess
    import sys

    from tests.faults.harness import CHECKOUT, url_of

    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        script = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_PID=str(os.getpid()), "
            "LISTEN_FDS='1', LISTEN_FDNAMES='web'); os.execv(sys.argv[2], sys.argv[2:])"
        )
        command = [
            sys.executable, "-c", script, str(held.fileno()),
            str(Path(sys.executable).with_name("twistd")), "-n", "--pidfile=", "microblog",
            "--data-dir", str(folder / "var"), "--database", url_of(dsn),
            "--roles", "web", "--http", "systemd:domain=INET:name=web",
        ]  # fmt: skip
        log = (folder / "log").open("wb")
        variables = {name: value for name, value in os.environ.items() if not name.startswith("MICROBLOG_")}
        with log:
            for _ in range(2):
                process = subprocess.Popen(
                    command, stdout=log, stderr=log, env=variables, cwd=CHECKOUT, pass_fds=[held.fileno()]
                )
                try:
                    # A client that connects before the server is ready waits in the socket's queue.
                    assert request(port, "GET", "/health", timeout=60).status == 200
                    process.terminate()
                    assert process.wait(30) == 0, (folder / "log").read_text()
                finally:
                    process.kill()
                    process.wait()
