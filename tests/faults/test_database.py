"""A database that is away, frozen, or only to be read: clear answers in time, no wedged pool, and all heals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from tests.faults.harness import Answer, Person, Reader, Server, ask, soon
from tests.faults.proxy import FaultProxy

Start = Callable[..., Server]
Read = Callable[..., Reader]

_TERMINATE = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


def test_backends_that_are_terminated_cost_no_reader_anything(start: Start, read: Read, dsn: str) -> None:
    server = start(dsn)
    alice = Person(server.http, "alice")
    reader = read(server.push, "SUBSCRIBE public")
    for number in range(5):
        assert server.status("/public") == 200
        ask(dsn, _TERMINATE)
        assert server.status("/public") == 200
        assert alice.write(f"Post {number}.", f"k{number}") == 303
        assert f"Post {number}." in reader.line()
    assert server.tracebacks == 0, server.text


def test_a_backend_terminated_inside_a_transaction_is_a_503_or_it_happened_once(
    start: Start, dsn: str
) -> None:
    server = start(dsn)
    alice = Person(server.http, "alice")
    stopped = threading.Event()

    def terminate_on() -> None:
        while not stopped.is_set():
            ask(dsn, _TERMINATE)
            time.sleep(0.03)

    terminator = threading.Thread(target=terminate_on)
    terminator.start()
    statuses = {f"k{number}": alice.write(f"This is k{number}.", f"k{number}") for number in range(60)}
    stopped.set()
    terminator.join()
    assert set(statuses.values()) <= {303, 503}
    # Each that was refused, or whose answer said that nobody knows, is sent again with its key.
    for key, status in statuses.items():
        if status == 503:
            assert alice.write(f"This is {key}.", key) == 303
    assert ask(dsn, "SELECT count(*), count(DISTINCT text) FROM posts") == [(60, 60)]
    assert server.tracebacks == 0, server.text


@pytest.mark.long
def test_a_frozen_postgresql_is_a_503_in_time_and_then_all_is_well(start: Start, read: Read) -> None:
    server = start(statement_timeout="1", pool_size="4")
    alice = Person(server.http, "alice")
    reader = read(server.push, "SUBSCRIBE public")
    assert alice.write("Before.", "before") == 303
    assert "Before." in reader.line()
    postmaster = server.postmaster
    family = [postmaster, *postmaster.children(recursive=True)]
    for each in family:
        each.suspend()
    try:
        began = time.monotonic()
        with ThreadPoolExecutor(12) as people:
            answers = list(people.map(lambda _: server.get("/@alice", 60), range(12)))
        # One statement's patience, a wait for a connection, and a connection that is not to be had: never longer.
        assert time.monotonic() - began < 25
        assert {answer.status for answer in answers} == {503}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        assert alice.write("While.", "while", timeout=60) == 503
        assert server.status("/health") == 200
        assert server.status("/ready", 60) == 503
        assert metric(server, "microblog_database_up") == 0
    finally:
        for each in family:
            try:
                each.resume()
            except psutil.NoSuchProcess:
                pass
    soon(lambda: server.status("/ready") == 200)
    with ThreadPoolExecutor(12) as people:
        assert {each.status for each in people.map(lambda _: server.get("/@alice"), range(24))} == {200}
    assert alice.write("While.", "while") == 303
    assert alice.write("After.", "after") == 303
    assert "While." in reader.line()
    assert "After." in reader.line()
    assert metric(server, "microblog_database_waiting") == 0
    assert metric(server, 'microblog_database_connections{state="lent"}') <= 1  # the one that counts
    assert server.tracebacks == 0, server.text
    assert server.stop() == 0


def test_a_database_that_can_only_be_read_is_said_so_and_read(start: Start, dsn: str) -> None:
    server = start(dsn)
    alice = Person(server.http, "alice")
    assert alice.write("Before.", "before") == 303
    name = parse_dsn(dsn)["dbname"]
    ask(dsn, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    ask(dsn, _TERMINATE)
    soon(lambda: alice.write("Refused.", "refused") == 503)
    refused = alice.send("/posts", text="Refused.", visibility="public", language="en", key="refused")
    assert refused.status == 503
    assert "can only be read" in refused.text
    assert int(refused.headers["Retry-After"]) > 0
    for path in ("/public", "/@alice"):
        assert server.status(path) == 200
    for path in ("/home", "/notifications", "/settings"):
        assert alice.get(path).status == 200
    lines = len(server.text.splitlines())
    time.sleep(3)  # what loops would do so by now
    assert len(server.text.splitlines()) - lines <= 3, server.text
    # From another database: this one can only be read.
    ask(
        make_dsn(dsn, dbname="template1"),
        f"ALTER DATABASE {name} RESET default_transaction_read_only",
    )
    ask(dsn, _TERMINATE)
    soon(lambda: alice.write("After.", "after") == 303)
    assert server.tracebacks == 0, server.text


@pytest.mark.long
def test_a_network_that_swallows_the_databases_answers(start: Start, dsn: str) -> None:
    with FaultProxy(target(dsn)) as proxy:
        server = start(through(dsn, proxy), statement_timeout="1", pool_size="3")
        alice = Person(server.http, "alice")
        proxy.faults.delay = 0.05
        assert alice.write("Slowly.", "slowly") == 303
        proxy.faults.delay = 0
        proxy.faults.silent = True
        began = time.monotonic()
        assert alice.get("/home", 60).status == 503
        assert time.monotonic() - began < 15
        assert alice.write("Lost.", "lost", timeout=60) == 503
        proxy.faults.silent = False
        proxy.cut()
        soon(lambda: server.status("/ready") == 200)
        proxy.faults.garbage = b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4
        assert alice.get("/home").status in (200, 503)
        proxy.cut()
        proxy.faults.refuse = True
        assert alice.get("/home").status == 503
        proxy.faults.refuse = False
        soon(lambda: alice.get("/home").status == 200)
        assert alice.write("Lost.", "lost") == 303
        assert ask(dsn, "SELECT text FROM posts ORDER BY id") == [("Slowly.",), ("Lost.",)]
        assert server.tracebacks == 0, server.text
        assert server.stop() == 0


def metric(server: Server, name: str) -> float:
    answer: Answer = server.get("/metrics")
    assert answer.status == 200
    [line] = [line for line in answer.text.splitlines() if line.startswith(name + " ")]
    return float(line.rsplit(" ", 1)[1])


def target(dsn: str) -> int | str:
    """Where the proxy finds the database."""
    parts = parse_dsn(dsn)
    host, port = str(parts.get("host", "")), int(parts.get("port", 5432))
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else port


def through(dsn: str, proxy: FaultProxy) -> str:
    parts = {**parse_dsn(dsn), "host": "127.0.0.1", "port": str(proxy.port), "sslmode": "disable"}
    return " ".join(f"{name}={value}" for name, value in parts.items())
