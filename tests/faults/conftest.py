"""Fixtures of servers that end with each test."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.faults.harness import Reader, Server, servers


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a data directory, with a shorter path than pytest's own. No PostgreSQL is left running in it."""
    with tempfile.TemporaryDirectory(prefix="mb-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)
        for process in psutil.process_iter(["name", "cmdline"]):
            if process.info["name"] == "postgres" and f"{name}/var/postgres" in (
                process.info["cmdline"] or []
            ):
                process.kill()


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Server]]:
    """``start(dsn, **settings)`` starts a server in a process of its own and waits until it is ready."""
    with servers() as running:

        def start(dsn: str | None = None, **settings: Any) -> Server:
            server = Server(folder, dsn, **settings)
            running.append(server)
            return server

        yield start


@pytest.fixture
def read() -> Iterator[Callable[..., Reader]]:
    """``read(server.push, "SUBSCRIBE public")`` connects a reader to the push port."""
    with ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(Reader(*arguments, **options))
