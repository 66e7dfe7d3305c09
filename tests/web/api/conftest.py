"""A site with its API, over a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from argon2 import PasswordHasher

from microblog.config import Config
from microblog.services.microblog import Microblog
from microblog.services.passwords import Passwords
from tests.browser.service import Service
from tests.conftest import wait_for
from tests.testrig import Cluster
from tests.web.api.live import Live
from tests.web.api.town import Town

#: argon2id, at a fraction of its cost
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest_twisted.async_yield_fixture
async def town(dsn: str, reactor_: Any, tmp_path: Path) -> AsyncIterator[Town]:
    """Without anybody, without limits."""
    config = Config.load({"data_dir": str(tmp_path), "rate_limits": "off"}, {})
    microblog = Microblog(config, dsn, reactor_, listen=False, passwords=Passwords(reactor_, CHEAP))
    await microblog.start()
    yield Town(microblog, reactor_)
    await microblog.stop()


@pytest.fixture(scope="module")
def live(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The real service over a database of the module's own."""
    dsn = wait_for(cluster.fresh())
    service = Service(dsn, tmp_path_factory.mktemp("service"))
    try:
        yield Live.at(service)
    finally:
        service.stop()
        wait_for(cluster.drop(dsn))
