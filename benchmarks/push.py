"""Fan-out on the push port: one post to a thousand readers, against a bare Twisted broadcaster.

The broadcaster sends each line to all connections and does nothing else. The microblog checks each post, commits it to
disk, adds it to the event log, renders it, and sends it to the readers that may see it. Both have the same readers and
writers, and lines of the same length. Posts are committed one by one, as members write them. ``benchmarks.fanout``
measures the fan-out alone.
"""

from __future__ import annotations

import resource
import select
import socket
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import rig

READERS = 1000
BURST = 32
WRITERS = 8
TEXT = (
    "The kettle is on, the rain is at the window, and a new chapter waits to be read before anyone is up. "
    * 2
)


class Readers:
    """Many connections on one epoll loop, which count the lines after the greeting."""

    def __init__(self, port: int, count: int) -> None:
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        for _ in range(count):
            each = socket.create_connection(("127.0.0.1", port))
            each.setblocking(False)
            self._sockets[each.fileno()] = each
            self._poll.register(each.fileno(), select.EPOLLIN)
        self._buffer = bytearray(1 << 18)

    def read(self, lines: int, seconds: float = 30.0) -> None:
        """Wait until all connections together have received ``lines`` lines. Raise SystemExit when they don't."""
        end = time.monotonic() + seconds
        buffer, sockets = self._buffer, self._sockets
        view = memoryview(buffer)
        while lines > 0:
            if time.monotonic() > end:
                raise SystemExit(f"{lines} lines did not arrive within {seconds:g} s.")
            for number, _ in self._poll.poll(1.0, 4096):
                count = sockets[number].recv_into(view)
                if not count:
                    raise SystemExit("A reader was cut off.")
                lines -= buffer.count(b"\n", 0, count)

    def close(self) -> None:
        for each in self._sockets.values():
            each.close()
        self._poll.close()


@dataclass
class Figures:
    """Deliveries a second in each round, one at a time and in bursts, and the latency from command to last reader."""

    single: list[float]
    bursts: list[float]
    latency: list[float]


def measure(
    readers: Readers, writers: Sequence[socket.socket], line: bytes, seconds: float, into: Figures
) -> None:
    """Run one round: ``line`` repeatedly by one writer, then a burst over all writers."""
    begun, rounds = time.monotonic(), 0
    while time.monotonic() < begun + seconds:
        said = time.monotonic()
        writers[0].sendall(line)
        readers.read(READERS)
        into.latency.append(time.monotonic() - said)
        rounds += 1
    into.single.append(rounds * READERS / (time.monotonic() - begun))
    begun, rounds = time.monotonic(), 0
    while time.monotonic() < begun + seconds:
        for each in writers:
            each.sendall(line * (BURST // WRITERS))
        readers.read(READERS * BURST)
        rounds += 1
    into.bursts.append(rounds * BURST * READERS / (time.monotonic() - begun))
    for each in writers:
        each.setblocking(False)
        try:
            while each.recv(1 << 20):
                pass
        except BlockingIOError:
            pass
        each.setblocking(True)


def connect(port: int, said: bytes = b"", answers: int = 0) -> socket.socket:
    """Return a writer that has sent ``said`` and received ``answers`` lines."""
    made = socket.create_connection(("127.0.0.1", port), timeout=30)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.sendall(said)
    received = b""
    while received.count(b"\n") < answers:
        received += made.recv(65536)
    if b"ERR" in received:
        raise SystemExit(received.decode())
    return made


def main() -> None:
    given = rig.options(__doc__)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * READERS
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    port = rig.free_port()
    with (
        rig.site(push_connections_per_host=str(2 * READERS)) as site,
        rig.reference("broadcaster", port) as broadcaster,
    ):
        owner = site.command("account", "list").splitlines()[1].split()[0].lstrip("@")
        token = site.command("token", "create", owner, "--scopes", "read write")
        rig.tell(
            "One post to a thousand readers, against a bare Twisted broadcaster",
            (
                f"readers     {READERS:,} connections of the text format, counted by one epoll loop",
                f"writers     one, which waits until all have it; then {WRITERS}, with {BURST} posts under way",
                f"microblog   each post committed to disk by the embedded PostgreSQL; {given.seconds:g} s each",
                "broadcaster LineOnlyReceiver and transport.write, lines of the same length",
            ),
        )
        # A connection reads the public stream from its greeting on.
        ours = Readers(site.push, READERS)
        ours.read(READERS)
        writers = [
            connect(site.push, f"UNSUBSCRIBE\nAUTH {token}\n".encode(), answers=3) for _ in range(WRITERS)
        ]
        post = f"POST {TEXT}\n".encode()
        received = connect(site.push, answers=1)
        writers[0].sendall(post)
        ours.read(READERS)
        line = b""
        while not line.endswith(b"\n"):
            line += received.recv(65536)
        received.close()

        theirs = Readers(port, READERS)
        their_writers = [connect(port) for _ in range(WRITERS)]
        their_line = b"x" * (len(line) - 1) + b"\n"
        # What writers hear of each other is not read here, and fits the kernel's buffers.
        mine, bare = Figures([], [], []), Figures([], [], [])
        for _ in range(given.rounds):
            measure(ours, writers, post, given.seconds, mine)
            measure(theirs, their_writers, their_line, given.seconds, bare)
        print(f"  one at a time, {len(line)} bytes")
        rig.report(mine.single, bare.single, "deliveries/s", "broadcaster")
        print(
            f"  from saying it to the last reader, median: microblog {statistics.median(mine.latency) * 1000:.1f} ms, "
            f"broadcaster {statistics.median(bare.latency) * 1000:.1f} ms"
        )
        print(f"  {BURST} under way, of {WRITERS} writers")
        rig.report(mine.bursts, bare.bursts, "deliveries/s", "broadcaster")
        print(f"  processor   {rig.cpu_seconds(site.pid):.1f} s and {rig.cpu_seconds(broadcaster.pid):.1f} s")
        ours.close()
        theirs.close()


if __name__ == "__main__":
    main()
