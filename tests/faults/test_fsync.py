"""A disk that does not take what it was given: nothing is acknowledged that is not on it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from microblog.store.embedded import EmbeddedPostgres, children
from tests.faults.harness import Person, Server, ask, soon

Start = Callable[..., Server]

#: Each call fails once for a file that it can take away; PostgreSQL syncs its log of writes by the second.
SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

static int fails(void) { return unlink(TRIGGER) == 0; }

int fsync(int fd) {
    int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, "fsync");
    if (fails()) { errno = EIO; return -1; }
    return real(fd);
}

int fdatasync(int fd) {
    int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    if (fails()) { errno = EIO; return -1; }
    return real(fd);
}
"""

COMPILER = shutil.which("cc") or shutil.which("gcc")
pytestmark = [pytest.mark.long, pytest.mark.skipif(COMPILER is None, reason="There is no C compiler.")]


@pytest.fixture
def trigger(folder: Path) -> Path:
    """Where a file makes one sync fail."""
    made = folder / "trigger"
    made.mkdir()
    made.chmod(0o777)  # the account that PostgreSQL runs as removes the file
    return made / "now"


@pytest.fixture
def library(folder: Path, trigger: Path) -> Path:
    source, made = folder / "failing.c", folder / "failing.so"
    source.write_text(SOURCE)
    assert COMPILER is not None
    subprocess.run(
        [COMPILER, "-shared", "-fPIC", f'-DTRIGGER="{trigger}"', "-o", made, source, "-ldl"], check=True
    )
    return made


@pytest_twisted.async_yield_fixture
async def url(
    folder: Path, library: Path, reactor_: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """A PostgreSQL whose syncs can fail."""
    environment = {**children._ENVIRONMENT, "LD_PRELOAD": str(library)}
    monkeypatch.setattr(children, "_ENVIRONMENT", environment)
    server = EmbeddedPostgres(folder / "database", reactor_)
    yield await server.start()
    await server.stop()


def test_a_sync_that_fails_acknowledges_nothing_and_all_comes_back(
    start: Start, url: str, trigger: Path
) -> None:
    server = start(url)
    alice = Person(server.http, "alice")
    sent: dict[str, int] = {}

    def write() -> int:
        key = f"k{len(sent)}"
        sent[key] = alice.write(f"This is {key}.", key)
        return sent[key]

    assert write() == 303
    refused = 0
    for _ in range(3):
        trigger.touch()
        trigger.chmod(0o666)
        refused += write() != 303
        soon(lambda: not trigger.exists())
        soon(lambda: server.status("/ready") == 200)
        soon(lambda: write() == 303)
    assert refused > 0
    assert set(sent.values()) <= {303, 503}
    kept = {key for (key,) in ask(url, "SELECT key FROM idempotency_keys")}
    assert {key for key, status in sent.items() if status == 303} <= kept
    assert server.tracebacks == 0, server.text
    assert server.stop() == 0
