"""Backing a site up, and restoring it, by the commands that docs/operations.md prints."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.harness import CHECKOUT, Person, Reader, Server, servers

Read = Callable[..., Reader]

pytestmark = pytest.mark.long


def printed(heading: str) -> list[list[str]]:
    """The shell examples below a heading, each as its lines."""
    text = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [
        block.splitlines()
        for block in re.findall(r"^```sh(?: \w+)?\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    ]


def run(lines: list[str], server: Server, cwd: Path) -> None:
    """As printed, but with this environment's Python and the data directory of ``server``."""
    script = "set -e\n" + "\n".join(lines)
    script = script.replace("/opt/microblog/venv/bin/python", shlex.quote(sys.executable))
    script = script.replace("/var/lib/microblog", str(server.folder / "var"))
    done = subprocess.run(["sh", "-c", script], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def start() -> Iterator[Callable[[Path], Server]]:
    with servers() as running:

        def start(folder: Path) -> Server:
            running.append(Server(folder))
            return running[-1]

        yield start


def test_a_site_is_restored_from_its_dump_and_goes_on(
    start: Callable[[Path], Server], read: Read, folder: Path
) -> None:
    (first, second) = (folder / "1", folder / "2")
    for each in (first, second):
        each.mkdir()
        each.chmod(0o755)
    dump, restore = printed("Backup")
    server = start(first)
    alice = Person(server.http, "alice")
    assert alice.write("In the dump.", "one") == 303
    with read(server.push) as reader:
        cursor = reader.say("PING").split()[-1]
    run(dump, server, folder)
    assert (folder / "microblog.dump").stat().st_mode & 0o077 == 0
    assert server.stop() == 0

    server = start(second)
    run([dump[0], *restore], server, folder)
    assert server.stop() == 0
    server = start(second)
    # Her session and her forms are as they were.
    alice.port, alice.host = server.http, f"127.0.0.1:{server.http}"
    assert alice.write("After it.", "two") == 303
    assert "In the dump." in server.get("/public").text
    with read(server.push, "UNSUBSCRIBE", f"SUBSCRIBE public SINCE {cursor}") as reader:
        assert "After it." in reader.line()
    assert server.stop() == 0
