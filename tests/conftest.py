"""Fixtures of all tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred

from microblog.store.engine.database import Database
from tests.database import Cluster
from tests.leaks import nothing_left_behind  # noqa: F401 - each test has it

T = TypeVar("T")


@pytest.fixture(scope="session")
def reactor_() -> Any:
    from twisted.internet import reactor

    return reactor


def wait_for(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run the reactor until the coroutine is done, because session fixtures can't be asynchronous."""
    result: T = pytest_twisted.blockon(ensureDeferred(coroutine))
    return result


def in_memory() -> str | None:
    """Return a folder in memory with room for the databases, or None for the usual temporary folder.

    Each test's database is some 600 files. Creating one takes 170 ms on ext4, which searches long for free inodes,
    and 35 ms in memory.
    """
    folder = Path("/dev/shm")
    if os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 2**30:
        return str(folder)
    return None


@pytest.fixture(scope="session")
def cluster(reactor_: Any) -> Iterator[Cluster]:
    """A PostgreSQL server: an embedded one in a temporary folder, or the one of MICROBLOG_TEST_DATABASE."""
    url = os.environ.get("MICROBLOG_TEST_DATABASE")
    server = None
    with tempfile.TemporaryDirectory(
        prefix="microblog-tests-", dir=in_memory(), ignore_cleanup_errors=True
    ) as folder:
        if url is None:
            from microblog.store.embedded import EmbeddedPostgres

            Path(folder).chmod(0o755)
            server = EmbeddedPostgres(
                Path(folder), reactor_, settings={"fsync": "off", "full_page_writes": "off"}
            )
            url = wait_for(server.start())
        made = Cluster(url, reactor_, "FILE_COPY" if server is not None else "WAL_LOG")
        wait_for(made.prepare())
        yield made
        wait_for(made.dispose())
        if server is not None:
            wait_for(server.stop())


@pytest_twisted.async_yield_fixture
async def dsn(cluster: Cluster) -> AsyncIterator[str]:
    """An own database for the test, with all migrations."""
    made = await cluster.fresh()
    yield made
    await cluster.drop(made)


@pytest_twisted.async_yield_fixture
async def db(dsn: str, reactor_: Any) -> AsyncIterator[Database]:
    database = Database(dsn, reactor_, size=6)
    yield database
    await database.close()
