"""Fixtures of the web's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from microblog.config.load import Config
from microblog.services.microblog import Microblog
from microblog.services.passwords import Passwords
from tests.testrig import CHEAP
from tests.web import rig


@pytest.fixture
def make(tmp_path: Path) -> Iterator[rig.Make]:
    """Makes a small site of the tables of routes that it is given; its clients all go away at the end."""
    rigs: list[rig.Rig] = []

    def made(*tables: Any, **options: Any) -> rig.Rig:
        rigs.append(rig.make(tmp_path, *tables, **options))
        return rigs[-1]

    yield made
    for each in rigs:
        each.client.close()
        each.clock.advance(1)


@pytest_twisted.async_yield_fixture
async def quiet(dsn: str, reactor_: Any, tmp_path: Path) -> AsyncIterator[Microblog]:
    """The services over a database of the test's own: without anybody, without limits, with cheap passwords."""
    config = Config.load({"data_dir": str(tmp_path), "rate_limits": "off"}, {})
    microblog = Microblog(config, dsn, reactor_, listen=False, passwords=Passwords(reactor_, CHEAP))
    await microblog.start()
    yield microblog
    await microblog.stop()
