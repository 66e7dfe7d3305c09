"""A full disk: what is written is refused, reading goes on, and room is all it takes to heal.

The data directory is a small file system that only the server sees, in a mount namespace of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from tests.faults.harness import Person, Server, ask, soon

Start = Callable[..., Server]

# An ordinary user gets a namespace of users as well, where they may mount.
_ALONE = ("unshare", "--mount") if os.geteuid() == 0 else (
    "unshare", "--user", "--map-current-user", "--keep-caps", "--mount",
)  # fmt: skip
_MOUNT = 'mount -t tmpfs -o size=128m,mode=0755 tmpfs "$0" && exec "$@"'


def _possible() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*_ALONE, "sh", "-c", _MOUNT, "/mnt", "true"], capture_output=True, check=False)
    return tried.returncode == 0


pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not _possible(), reason="Nobody may mount a file system here."),
]


@pytest.fixture
def server(start: Start, folder: Path) -> Server:
    (folder / "var").mkdir()
    return start(prefix=(*_ALONE, "sh", "-c", _MOUNT, str(folder / "var")))


def seen(server: Server) -> Path:
    """The server's data directory, from outside of its namespace."""
    return Path(f"/proc/{server.pid}/root{server.folder}/var")


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """No byte is left in the block, as far as something else does not make room."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink()


def dsn(server: Server, user: str) -> str:
    return f"host={seen(server)}/postgres dbname=microblog user={user}"


def test_writing_is_refused_while_the_disk_is_full_and_reading_goes_on(server: Server) -> None:
    alice = Person(server.http, "alice")
    assert alice.write("Before.", "before") == 303
    written = 1
    with filled(seen(server)):
        # There is still room in the pages that the tables have.
        for number in range(2000):
            text = "x" * 450 + str(number)
            answer = alice.send("/posts", text=text, visibility="public", language="en", key=str(number))
            if answer.status != 303:
                break
            written += 1
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "60"
        assert "no room left" in answer.text
        assert server.status("/public") == 200
        assert server.status("/ready") == 200
    soon(lambda: alice.write("After.", "after") == 303)
    assert ask(dsn(server, "microblog"), "SELECT count(*) FROM posts") == [(written + 1,)]
    told = [line for line in server.text.splitlines() if "The database has no room left" in line]
    assert len(told) == 1
    assert "No space left on device" in told[0]
    assert server.tracebacks == 0, server.text


def test_a_disk_too_full_for_the_log_of_writes_stops_postgresql_and_it_comes_back(server: Server) -> None:
    """Without room for its write-ahead log PostgreSQL ends itself, rather than acknowledge what it can't keep."""
    alice = Person(server.http, "alice")
    assert alice.write("Before.", "before") == 303
    written = 1
    with closing(psycopg2.connect(dsn(server, "postgres"))) as admin, filled(seen(server)):
        admin.autocommit = True
        for number in range(50):
            written += alice.write("While.", f"while {number}") == 303
            try:
                with admin.cursor() as cursor:
                    cursor.execute("SELECT pg_switch_wal()")
            except psycopg2.Error:
                break
        server.wait_for_log("PostgreSQL can't be started again")
        assert alice.write("Nowhere.", "nowhere") == 503
        assert server.status("/health") == 200
        assert server.status("/ready") == 503
    server.wait_for_log("PostgreSQL is back")
    soon(lambda: alice.write("After.", "after") == 303)
    assert ask(dsn(server, "microblog"), "SELECT count(*) FROM posts") == [(written + 1,)]
    assert "is full. Make room on it." in server.text
    assert server.tracebacks == 0, server.text
