"""The broadcasters under test: microblog, Redis, NATS, Mosquitto and a bare one in C."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from benchmarks import rig
from microblog.store.events import CHANNEL, LOCK

SIZE = 300
BURST = 32
TEXT = "~ " + "All about #cats and what they do all day long. " * 20


class Target(Protocol):
    """A program that forwards messages to many readers. ``publish`` returns the time at which the clock starts."""

    name: str
    port: int
    pid: int
    hello: bytes

    def publish(self, count: int) -> float: ...


def body(size: int = SIZE) -> bytes:
    """One message of that many bytes in all, with the one mark that the generator counts."""
    return (TEXT.encode() * 2)[: size - 1] + b"\n"


class Broadcaster:
    """The bare broadcaster in C, which sends each line to all readers."""

    name, hello = "C, epoll", b""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid
        self._publisher = socket.create_connection(("127.0.0.1", port))
        self._publisher.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._publisher.setblocking(False)

    def publish(self, count: int) -> float:
        self._drain()
        start = time.monotonic()
        self._publisher.sendall(body() * count)
        return start

    def _drain(self) -> None:
        """Its writer is a reader too."""
        try:
            while self._publisher.recv(1 << 20):
                pass
        except BlockingIOError:
            pass


class Redis:
    name, hello = "Redis", b"SUBSCRIBE posts\r\n"

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid
        self._publisher = socket.create_connection(("127.0.0.1", port))

    def publish(self, count: int) -> float:
        one = b"*3\r\n$7\r\nPUBLISH\r\n$5\r\nposts\r\n$%d\r\n%s\r\n" % (SIZE, body())
        start = time.monotonic()
        self._publisher.sendall(one * count)
        self._publisher.recv(1 << 16)
        return start


class Nats:
    name, hello = "NATS", b'CONNECT {"verbose":false}\r\nSUB posts 1\r\n'

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid
        self._publisher = socket.create_connection(("127.0.0.1", port))
        self._publisher.sendall(b'CONNECT {"verbose":false}\r\n')

    def publish(self, count: int) -> float:
        start = time.monotonic()
        self._publisher.sendall(b"PUB posts %d\r\n%s\r\n" % (SIZE, body()) * count)
        return start


class Mosquitto:
    """MQTT 3.1.1, QoS 0."""

    name = "Mosquitto"
    _connect = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00"
    hello = _connect + b"\x82\x0a\x00\x01\x00\x05posts\x00"

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid
        self._publisher = socket.create_connection(("127.0.0.1", port))
        self._publisher.sendall(self._connect)

    def publish(self, count: int) -> float:
        length = 7 + SIZE
        packet = b"\x30" + struct.pack("BB", length % 128 | 128, length // 128) + b"\x00\x05posts" + body()
        start = time.monotonic()
        self._publisher.sendall(packet * count)
        return start


class Microblog:
    """Microblog. Its push port makes the posts once. Then another process of the site publishes events about them."""

    def __init__(self, site: rig.Site, form: str = "text") -> None:
        self.name = f"microblog ({form})" if form != "text" else "microblog"
        self.port, self.pid = site.push, site.pid
        self.hello = f"FORMAT {form}\nSUBSCRIBE public\n".encode()
        token = site.command("token", "create", _somebody(site), "--scopes", "read write")
        self._writer = socket.create_connection(("127.0.0.1", site.push))
        self._lines = self._writer.makefile("rb")
        self._ask(b"UNSUBSCRIBE", b"OK UNSUBSCRIBE")
        self._ask(b"AUTH " + token.encode(), b"OK AUTH")
        text = TEXT.encode()[: SIZE - 50].strip()
        self._ids = [int(self._ask(b"POST " + text, b"OK POST").split()[2]) for _ in range(BURST)]
        self._text = text
        self._database = site.connect()
        self._database.autocommit = True  # a statement is a transaction, as in the service
        time.sleep(1.5)

    def _ask(self, line: bytes, answer: bytes) -> bytes:
        self._writer.sendall(line + b"\n")
        while True:
            received = self._lines.readline()
            if received.startswith(answer):
                return received
            if received.startswith(b"ERR") or not received:
                raise SystemExit(f"The push port said {received!r}.")

    def publish(self, count: int) -> float:
        """Publish as another process of the site: one statement writes and orders the events, then NOTIFY."""
        with self._database.cursor() as cursor:
            cursor.execute(
                f"WITH lock AS MATERIALIZED (SELECT pg_advisory_xact_lock({LOCK})), "
                "placed AS (INSERT INTO events (kind, account_id, post_id) "
                "SELECT 'post', author_id, id FROM posts, lock WHERE id = ANY (%s) ORDER BY id RETURNING position) "
                "SELECT max(position)::text FROM placed",
                (self._ids[:count],),
            )
            [position] = cursor.fetchone() or ("0",)
            start = time.monotonic()
            cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, position))
        return start

    def post(self) -> float:
        """Publish by the POST command. The clock starts when the command is sent."""
        start = time.monotonic()
        self._ask(b"POST " + self._text, b"OK POST")
        return start


class WebSocket(Microblog):
    """Microblog, read by WebSocket clients of the Mastodon protocol."""

    def __init__(self, site: rig.Site) -> None:
        super().__init__(site)
        self.name, self.port = "WebSocket", site.http
        self.hello = (
            f"GET /api/v1/streaming?stream=public HTTP/1.1\r\nHost: 127.0.0.1:{site.http}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()


def _somebody(site: rig.Site) -> str:
    for line in site.command("account", "list").splitlines():
        if line.startswith("@"):
            return line.split()[0][1:]
    raise SystemExit("There is no account.")


def targets(stack: ExitStack, binary: Path, only: set[str], site: rig.Site | None) -> list[Target]:
    """Start all broadcasters that are installed, and return them."""
    found: list[Target] = []
    if site is not None:
        found.append(Microblog(site))
        if "json" in only:
            found.append(Microblog(site, "json"))
        if not only or "websocket" in only:
            found.append(WebSocket(site))

    def wanted(name: str, *programs: str) -> Path | None:
        if only and name not in only:
            return None
        path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
        for each in programs:
            if where := shutil.which(each, path=path):
                return Path(where)
        print(f"  left out: {name} ({programs[0]} is not installed)")
        return None

    def started(*command: str | Path) -> int:
        return stack.enter_context(rig.program(*command, port=port, quiet=True)).pid

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    port = rig.free_port()
    if not only or "c" in only:
        found.append(Broadcaster(port, started(binary, "serve", str(port))))
    if where := wanted("redis", "redis-server"):
        port = rig.free_port()
        options = ("--port", str(port), "--save", "", "--maxclients", "15000", "--dir", folder)
        found.append(Redis(port, started(where, *options)))
    if where := wanted("nats", "nats-server"):
        port = rig.free_port()
        found.append(Nats(port, started(where, "-a", "127.0.0.1", "-p", str(port))))
    if where := wanted("mosquitto", "mosquitto"):
        port = rig.free_port()
        (folder / "conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
        found.append(Mosquitto(port, started(where, "-c", folder / "conf")))
    return found
