"""The base of the benchmarks: a server with an embedded PostgreSQL that syncs to disk, and the printing of results.

Machines differ, and differ from minute to minute. So every figure is a ratio of two measurements that took turns, and
absolute figures hold only for the machine that the output names.
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

CHECKOUT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

#: seconds that one measurement takes; ``--quick`` makes it less
SECONDS = 5.0
ROUNDS = 3


def options(description: str | None) -> argparse.Namespace:
    """``--quick`` and ``--seconds``, the same for all of them."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="of each measurement [default: %(default)s]"
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="times that both take turns [default: %(default)s]"
    )
    parser.add_argument("--quick", action="store_true", help="one short round: to see that it works")
    given = parser.parse_args()
    if given.quick:
        given.seconds, given.rounds = 1.0, 1
    return given


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment() -> dict[str, str]:
    """Return our environment variables without settings of Microblog."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MICROBLOG_")}


@dataclass
class Site:
    """A running server: ``twistd microblog`` on free ports of the loopback."""

    folder: Path
    http: int = field(default_factory=free_port)
    push: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def sockets(self) -> str:
        """Return the folder with the socket of its PostgreSQL."""
        [pid_file] = self.folder.glob("**/postmaster.pid")
        return pid_file.read_text().splitlines()[4]

    def connect(self) -> Any:
        """Return a new connection to its database, as the owner."""
        return psycopg2.connect(host=self.sockets, user="microblog", dbname="microblog")

    def command(self, *words: str) -> str:
        """Return what ``microblog WORDS`` prints on standard output."""
        done = subprocess.run(
            [BIN / "microblog", "--data-dir", self.folder, *words],
            env=environment(), cwd=CHECKOUT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"microblog {' '.join(words)} failed:\n{done.stderr}")
        return done.stdout.strip()

    def start(self, settings: Mapping[str, str], *, cores: Iterable[int] | None = None) -> None:
        """With ``settings`` as options; on ``cores`` alone, its database too, where they are given."""
        given = [word for name, value in settings.items() for word in (f"--{name}", value)]
        log = (self.folder.parent / "server.log").open("wb")
        self.process = subprocess.Popen(
            [
                BIN / "twistd", "-n", "--pidfile=", "microblog", "--data-dir", self.folder, "--public-url", self.url,
                "--http", f"tcp:{self.http}:interface=127.0.0.1", "--push", f"tcp:{self.push}:interface=127.0.0.1",
                "--rate-limits", "off", "--log-level", "warn", *given,
            ],
            env=environment(), cwd=CHECKOUT, stdout=log, stderr=log,
        )  # fmt: skip
        if cores is not None:
            os.sched_setaffinity(self.process.pid, cores)  # before it starts any other
        wait_for(self._ready, self.process, self.folder.parent / "server.log")

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path | None = None) -> None:
    """Wait until ``ready()``, for at most a minute. Raise SystemExit when the process ends first."""
    end = time.monotonic() + 60
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            said = log.read_text() if log is not None and log.exists() else ""
            raise SystemExit(f"A server did not start.\n{said[-4000:]}")
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary one that an embedded PostgreSQL's own user can reach."""
    with tempfile.TemporaryDirectory(prefix="microblog-bench-", ignore_cleanup_errors=True) as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@contextmanager
def site(**settings: str) -> Iterator[Site]:
    """A server with rate limits off and the demo's content; its PostgreSQL syncs to disk, as always."""
    with folder() as path:
        made = Site(path / "var")
        made.folder.mkdir()
        made.command("demo")
        made.start({name.replace("_", "-"): value for name, value in settings.items()})
        assert made.process is not None
        try:
            yield made
        finally:
            stop(made.process)


@contextmanager
def reference(name: str, port: int, *files: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One of ``benchmarks.references``, listening on ``port``."""
    with program(
        sys.executable, "-m", "benchmarks.references", name, str(port), *files, port=port
    ) as process:
        yield process


@contextmanager
def program(*command: str | Path, port: int, quiet: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """Any program that listens on ``port`` when it is ready; ``quiet`` discards its output."""
    output = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=output, stderr=output)

    def listening() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_for(listening, process)
    try:
        yield process
    finally:
        stop(process)


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def machine() -> str:
    """Return processor, cores, system and Python, to which absolute figures belong."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def tell(title: str, setup: Sequence[str]) -> None:
    """Print the heading of a benchmark's output."""
    print(f"\n{title}\n{'=' * len(title)}")
    print(f"  on          {machine()}; load average {os.getloadavg()[0]:.1f}")
    for line in setup:
        print(f"  {line}")
    sys.stdout.flush()


def report(ours: Sequence[float], theirs: Sequence[float], unit: str, name: str) -> float:
    """Print the rounds and the median of their ratios. Return the median."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    ratio = statistics.median(ratios)
    print(f"  microblog   {_figures(ours)} {unit}")
    print(f"  {name:<11} {_figures(theirs)} {unit}")
    print(
        f"  ratio       {ratio:.2f}   (median of {len(ratios)}; {min(ratios):.2f} to {max(ratios):.2f})",
        flush=True,
    )
    return ratio


def _figures(values: Sequence[float]) -> str:
    return "  ".join(f"{value:,.0f}" for value in values)
