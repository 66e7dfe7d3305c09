"""Clients that drip, that never read, that get no answer, and more of them than there are descriptors."""

from __future__ import annotations

import json
import re
import resource
import selectors
import socket
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.conftest import wait_for
from tests.database import Cluster
from tests.faults.harness import Person, Reader, Server, ask, servers, soon
from tests.faults.proxy import FaultProxy

Start = Callable[..., Server]
Read = Callable[..., Reader]


@pytest.fixture(scope="module")
def server(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of all tests here that change none of its limits. Each test has an account of its own on it."""
    dsn = wait_for(cluster.fresh())
    with servers() as running:
        running.append(Server(tmp_path_factory.mktemp("clients"), dsn, push_buffer="16384"))
        yield running[0]
    wait_for(cluster.drop(dsn))


def test_an_answer_that_was_lost_and_a_request_sent_again_are_one_post(server: Server) -> None:
    texts = "SELECT p.text FROM posts p JOIN accounts a ON a.id = p.author_id WHERE a.name = 'alice'"
    with FaultProxy(server.http) as proxy:
        alice = Person(server.http, "alice")
        alice.port = proxy.port
        proxy.faults.drop_answers = True
        assert alice.write("Once.", "key") == 0
        soon(lambda: ask(server.database, texts) == [("Once.",)])
        assert alice.write("Once.", "key") == 0
        proxy.faults.drop_answers = False
        assert alice.write("Once.", "key") == 303
        proxy.faults.half_close = True
        assert alice.write("Once.", "key") in (0, 303)
        proxy.faults.half_close = False
        proxy.faults.drip = 40
        assert alice.write("Once.", "key") == 303
        assert ask(server.database, texts) == [("Once.",)]
    assert server.tracebacks == 0, server.text


@pytest.mark.long
def test_requests_that_are_dripped_are_ended_and_hold_nobody_up(server: Server) -> None:
    dripping = [socket.create_connection(("127.0.0.1", server.http), 30) for _ in range(100)]
    began = time.monotonic()
    for each in dripping:
        each.sendall(b"GET /public HTTP/1.1\r\nHost: localhost\r\n")
    ended = 0
    try:
        while dripping and time.monotonic() - began < 20:
            for each in list(dripping):
                try:
                    each.sendall(b"X-Drip: 1\r\n")
                    each.setblocking(False)
                    answer = each.recv(4096)
                    each.setblocking(True)
                except BlockingIOError:
                    each.setblocking(True)
                    continue
                except OSError:
                    answer = b""
                assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")
                each.close()
                dripping.remove(each)
                ended += 1
            assert server.status("/public") == 200
            time.sleep(1)
        assert ended == 100
    finally:
        for each in dripping:
            each.close()
    assert server.tracebacks == 0, server.text


def test_a_push_reader_that_never_reads_costs_little_and_loses_nothing(server: Server, read: Read) -> None:
    bob = Person(server.http, "bob")
    process = psutil.Process(server.pid)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", server.push))
        deaf.sendall(b"FORMAT json\r\nSUBSCRIBE public\r\n")
        reader = read(server.push, "SUBSCRIBE public")
        before = process.memory_info().rss
        # More than both systems' buffers and the server's take.
        for number in range(250):
            token = f"{number:04} " + "ü" * 480
            assert bob.write(token, f"k{number}") == 303
            assert f"{number:04} " in reader.line()
        assert process.memory_info().rss - before < 24_000_000
        # What it has not read yet is still to be had: it reads on, and all is there once.
        deaf.settimeout(30)
        file = deaf.makefile("rb")
        told: list[int] = []
        while not told or told[-1] != 249:
            line = file.readline().decode()
            assert line, told
            if line.startswith("{"):
                told.append(int(re.sub("<[^>]+>", "", json.loads(line)["status"]["content"])[:4]))
        file.close()
        assert told == sorted(set(told)) == list(range(250))
    assert server.tracebacks == 0, server.text


def test_readers_of_pages_that_never_read_are_cut(server: Server) -> None:
    carol = Person(server.http, "carol")
    for number in range(3):
        assert carol.write(f"{number} " + "ü" * 490, f"k{number}") == 303
    deaf = []
    for _ in range(20):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.http))
        client.sendall(b"GET /public HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
        deaf.append(client)
    before = psutil.Process(server.pid).memory_info().rss
    assert server.status("/public") == 200
    assert psutil.Process(server.pid).memory_info().rss - before < 40_000_000
    for client in deaf:
        client.close()
    assert server.status("/public") == 200
    assert server.tracebacks == 0, server.text


def test_when_descriptors_run_out_some_are_turned_away_and_accepting_resumes(start: Start, dsn: str) -> None:
    server = start(dsn, prefix=("prlimit", "--nofile=128:128"))
    crowd = []
    for _ in range(300):
        try:
            crowd.append(socket.create_connection(("127.0.0.1", server.http), 10))
        except OSError:
            break
    assert len(crowd) > 100
    time.sleep(0.5)
    assert server.process.poll() is None
    for each in crowd:
        each.close()
    soon(lambda: server.status("/public") == 200)
    alice = Person(server.http, "alice")
    assert alice.write("All is well.", "k") == 303
    assert server.text.count("\n") < 200, "a flood of log lines"
    assert server.tracebacks == 0, server.text


@pytest.mark.long
def test_a_herd_that_comes_back_at_once_gets_all_it_missed_and_holds_nobody_up(
    start: Start, dsn: str
) -> None:
    """As after a restart: everybody who read along reconnects in the same second, each with a cursor."""
    herd = 2000
    resource.setrlimit(resource.RLIMIT_NOFILE, (herd + 500, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    server = start(dsn, push_connections_per_host="20000")
    alice = Person(server.http, "alice")
    texts = [f"Post {number}." for number in range(10)]
    for text in texts:
        assert alice.write(text, text) == 303
    process = psutil.Process(server.pid)
    before = process.memory_info().rss
    for _ in range(2):
        told: dict[socket.socket, bytes] = {}
        with selectors.DefaultSelector() as waiting:
            for _ in range(herd):
                client = socket.create_connection(("127.0.0.1", server.push), 30)
                client.sendall(b"SUBSCRIBE public SINCE 0\r\n")
                told[client] = b""
                waiting.register(client, selectors.EVENT_READ)
            assert server.status("/public") == 200
            left = set(told)
            while left:
                ready = waiting.select(30)
                assert ready, f"{len(left)} of {herd} wait in vain."
                for key, _ in ready:
                    client = key.fileobj  # type: ignore[assignment]
                    told[client] += client.recv(65536)
                    if texts[-1].encode() in told[client]:
                        left.discard(client)
        for client, said in told.items():
            assert re.findall(r"Post \d+\.", said.decode()) == texts
            client.close()
    assert process.memory_info().rss - before < 80_000_000
    assert server.text.count("\n") < 200, "a flood of log lines"
    assert server.tracebacks == 0, server.text
