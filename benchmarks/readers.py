"""Many readers of one target in the generator's process, and how long each round takes them."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks import rig
from benchmarks.broadcasters import Target


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
