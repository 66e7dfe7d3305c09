"""How fast live posts reach many readers, beside Redis, NATS, Mosquitto and a bare epoll broadcaster in C.

    python -m benchmarks.fanout [--readers 1000,10000] [--only microblog,redis] [--quick]

The same client (``fanout.c``, compiled here) reads from all of them, and they take turns. A message has 300 bytes. For
microblog it is a line of the text format: another process of the site commits a post with its event and notifies the
server, which reads it from PostgreSQL, renders it and sends it. Its clock starts when the commit has returned, that
of the others when the message is sent. One at a time: the next message is sent when all readers have the last one.
Bursts: 32 at once.

Programs that are not installed (Debian: redis-server, nats-server, mosquitto) are left out, with a message.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks import rig
from benchmarks.broadcasters import BURST, SIZE, Microblog, Target, targets
from benchmarks.readers import Readers, Result, measure, memory


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
            result = Result(count, 1)
            for _ in range(10 if count > 5000 else 40):
                readers.expect(1)
                start = target.post()
                _, half, most, last = readers.done()
                result.rounds.append((half - start, most - start, last - start))
            results[f"{target.name}, POST"] = {1: result}
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
    """Measure what 1,000 readers that never read cost one that does."""
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
                rig.site(
                    push_connections_per_host="20000",
                    live_connections_per_host="20000",
                    trusted_proxies="127.0.0.1",
                )
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
    main()
