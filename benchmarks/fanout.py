"""How fast live posts reach many readers, beside Redis, NATS, Mosquitto and a bare epoll broadcaster in C.

    python -m benchmarks.fanout [--readers 1000,10000] [--only microblog,redis] [--quick]

All are read by the same generator (``fanout.c``, compiled here) and take turns. A message is 300 bytes; for microblog
it is a line of its text format, for a post of the real server: it is committed by another process of the site, put in
order, read from PostgreSQL, rendered and sent. Its clock starts when the commit has returned; that of the others when
the message is sent. One at a time: the next message when all readers have the last one. Bursts: 32 at once.

What is not installed (Debian: redis-server, nats-server, mosquitto) is left out, with a line that says so.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import psycopg2

from benchmarks import rig

SIZE = 300
BURST = 32
TEXT = "~ " + "All about #cats and what they do all day long. " * 20


class Target(Protocol):
    """Somebody who hands messages on. ``publish`` returns when the clock starts."""

    name: str
    port: int
    pid: int
    hello: bytes

    def publish(self, count: int) -> float: ...


def body(size: int = SIZE) -> bytes:
    """One message of that many bytes in all, with the one mark that the generator counts."""
    return (TEXT.encode() * 2)[: size - 1] + b"\n"


class Broadcaster:
    """The bare one in C: a line in, the line out to everybody."""

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
        """It hears what it says."""
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
    """The real server. Posts are made once, by its push port; then another process of the site tells of them again."""

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
        [pid_file] = site.folder.glob("**/postmaster.pid")
        folder = pid_file.read_text().splitlines()[4]
        self._database = psycopg2.connect(host=folder, user="microblog", dbname="microblog")
        time.sleep(1.5)

    def _ask(self, line: bytes, answer: bytes) -> bytes:
        self._writer.sendall(line + b"\n")
        while True:
            heard = self._lines.readline()
            if heard.startswith(answer):
                return heard
            if heard.startswith(b"ERR") or not heard:
                raise SystemExit(f"The push port said {heard!r}.")

    def publish(self, count: int) -> float:
        """As another process of the site does it: the write, and after its commit the sequencer."""
        with self._database, self._database.cursor() as cursor:
            cursor.execute(
                "INSERT INTO outbox (kind, account_id, post_id) "
                "SELECT 'post', author_id, id FROM posts WHERE id = ANY (%s)",
                (self._ids[:count],),
            )
        start = time.monotonic()
        with self._database, self._database.cursor() as cursor:
            from microblog.store.events import LOCK

            cursor.execute(
                f"SET LOCAL lock_timeout = '2s'; SELECT pg_advisory_xact_lock({LOCK}); "
                "WITH moved AS (DELETE FROM outbox RETURNING id, kind, account_id, post_id), "
                "placed AS (INSERT INTO events (kind, account_id, post_id) "
                "SELECT kind, account_id, post_id FROM moved ORDER BY id RETURNING position) "
                "SELECT pg_notify('events', max(position)::text) FROM placed HAVING count(*) > 0"
            )
        return start

    def post(self) -> float:
        """A post as people write it: the clock starts when the command is sent."""
        start = time.monotonic()
        self._ask(b"POST " + self._text, b"OK POST")
        return start


class WebSocket(Microblog):
    """The same server, read as clients of the Mastodon protocol do: the post as JSON, framed."""

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


class Readers:
    """N readers of a target, in one process of the generator."""

    def __init__(self, program: Path, target: Target, count: int, mode: str = "read") -> None:
        self.count = count
        with tempfile.NamedTemporaryFile() as hello:
            hello.write(target.hello)
            hello.flush()
            self._process = subprocess.Popen(
                [program, mode, str(target.port), str(count)],
                env={**os.environ, "HELLO": hello.name},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            self._hear("connected")

    def _hear(self, word: str) -> list[str]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().split()
        if not line or line[0] != word:
            raise SystemExit(f"The readers said {line} instead of {word}.")
        return line[1:]

    def expect(self, count: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"expect {count}\n")
        self._process.stdin.flush()
        self._hear("armed")

    def done(self) -> list[float]:
        """When the first, half, 99 of 100, and the last reader had everything."""
        return [float(word) for word in self._hear("done")]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def memory(pid: int) -> int:
    """Bytes that a process has to itself."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


class Result:
    """Rounds of one target: how long each took."""

    def __init__(self, readers: int, burst: int) -> None:
        self.readers, self.burst = readers, burst
        self.rounds: list[tuple[float, float, float]] = []
        self.cpu = 0.0

    @property
    def rate(self) -> float:
        """Deliveries a second, of the median round."""
        return self.readers * self.burst / statistics.median(last for _, _, last in self.rounds)

    def line(self, name: str) -> str:
        p50 = statistics.median(half for half, _, _ in self.rounds) * 1000
        p99 = statistics.median(most for _, most, _ in self.rounds) * 1000
        last = statistics.median(last for _, _, last in self.rounds) * 1000
        each = self.cpu / (len(self.rounds) * self.readers * self.burst) * 1e6
        return (
            f"  {name:<20} {self.rate:>11,.0f}/s   p50 {p50:7.1f} ms   p99 {p99:7.1f} ms   last {last:7.1f} ms"
            f"   CPU {each:5.2f} µs"
        )


def measure(readers: Readers, target: Target, burst: int, seconds: float) -> Result:
    result = Result(readers.count, burst)
    for _ in range(2):
        readers.expect(burst)
        target.publish(burst)
        readers.done()
    used, end = rig.cpu_seconds(target.pid), time.monotonic() + seconds
    while time.monotonic() < end or len(result.rounds) < 5:
        readers.expect(burst)
        start = target.publish(burst)
        _, half, most, last = readers.done()
        result.rounds.append((half - start, most - start, last - start))
    result.cpu = rig.cpu_seconds(target.pid) - used
    return result


@contextmanager
def program(*command: str | Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listening() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    rig.wait_for(listening, process)
    try:
        yield process
    finally:
        rig.stop(process)


def targets(stack: ExitStack, binary: Path, only: set[str], site: rig.Site | None) -> list[Target]:
    """All that are there, started."""
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

    port = rig.free_port()
    if not only or "c" in only:
        process = stack.enter_context(program(binary, "serve", str(port), port=port))
        found.append(Broadcaster(port, process.pid))
    if where := wanted("redis", "redis-server"):
        port = rig.free_port()
        process = stack.enter_context(
            program(
                where, "--port", str(port), "--save", "", "--maxclients", "15000", "--dir", "/tmp", port=port
            )
        )
        found.append(Redis(port, process.pid))
    if where := wanted("nats", "nats-server"):
        port = rig.free_port()
        process = stack.enter_context(program(where, "-a", "127.0.0.1", "-p", str(port), port=port))
        found.append(Nats(port, process.pid))
    if where := wanted("mosquitto", "mosquitto"):
        port = rig.free_port()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
        process = stack.enter_context(program(where, "-c", folder / "conf", port=port))
        found.append(Mosquitto(port, process.pid))
    return found


def fan_out(binary: Path, made: list[Target], count: int, seconds: float, bursts: list[int]) -> None:
    results: dict[str, dict[int, Result]] = {}
    for target in made:
        before = memory(target.pid)
        readers = Readers(binary, target, count)
        time.sleep(1.5)
        after = memory(target.pid)
        results[target.name] = {burst: measure(readers, target, burst, seconds) for burst in bursts}
        print(
            f"  {target.name:<20} {(after - before) / count / 1024:5.1f} KiB of memory a reader", flush=True
        )
        if isinstance(target, Microblog):
            told = Result(count, 1)
            for _ in range(10 if count > 5000 else 40):
                readers.expect(1)
                start = target.post()
                _, half, most, last = readers.done()
                told.rounds.append((half - start, most - start, last - start))
            results[f"{target.name}, POST"] = {1: told}
        readers.close()
        time.sleep(0.5)
    for burst in bursts:
        print(f"\n  {count:,} readers, {'one at a time' if burst == 1 else f'bursts of {burst}'}")
        bare = results.get("C, epoll")
        for name, by_burst in results.items():
            if burst in by_burst:
                beside = f"   {by_burst[burst].rate / bare[burst].rate:5.2f} of C" if bare is not None else ""
                print(by_burst[burst].line(name) + beside, flush=True)


def beside_the_stuck(binary: Path, target: Microblog, seconds: float) -> None:
    """What 1,000 readers that never read cost one that does."""
    print("\n  One reader, while 1,000 others never read (each message burst 32)")
    one = Readers(binary, target, 1)
    time.sleep(1)
    alone = measure(one, target, BURST, seconds)
    print(alone.line("alone"))
    before = memory(target.pid)
    stuck = Readers(binary, target, 1000, "stuck")
    for _ in range(250):  # until all of them are full, and left to the log
        one.expect(BURST)
        target.publish(BURST)
        one.done()
    full = memory(target.pid)
    crowded = measure(one, target, BURST, seconds)
    print(crowded.line("beside 1,000 stuck") + f"   {alone.rate / crowded.rate:5.2f} times as long")
    print(
        f"  {(full - before) / 1000 / 1024:.0f} KiB of the server's memory for each that is stuck", flush=True
    )
    one.close()
    stuck.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast live posts reach many readers.")
    parser.add_argument("--readers", default="1000,10000", help="numbers of readers [default: %(default)s]")
    parser.add_argument(
        "--only",
        default="",
        help="of microblog, json, websocket, c, redis, nats, mosquitto, stuck [default: all but json]",
    )
    parser.add_argument("--seconds", type=float, default=rig.SECONDS, help="of each measurement")
    parser.add_argument("--quick", action="store_true", help="one short round: to see that it works")
    given = parser.parse_args()
    only = {word for word in given.only.split(",") if word}
    seconds = 0.5 if given.quick else given.seconds
    counts = [100] if given.quick else [int(word) for word in given.readers.split(",")]
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("The generator is written in C: install a compiler (Debian: gcc, libc6-dev).")
    rig.tell("Fan-out", [f"messages of {SIZE} bytes, one after the other and in bursts of {BURST}"])
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        binary = Path(folder) / "fanout"
        subprocess.run([compiler, "-O2", "-o", binary, Path(__file__).with_suffix(".c")], check=True)
        site = None
        if not only or only & {"microblog", "json", "websocket", "stuck"}:
            site = stack.enter_context(
                rig.site(push_connections_per_host="20000", trusted_proxies="127.0.0.1")
            )
        made = targets(stack, binary, only, site)
        if only != {"stuck"}:
            for count in counts:
                fan_out(binary, made, count, seconds, [1, BURST])
        if site is not None and (not only or "stuck" in only):
            first = made[0]
            assert isinstance(first, Microblog)
            beside_the_stuck(binary, first, seconds)


if __name__ == "__main__":
    sys.exit(main())
