"""Fixtures of the web's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted

from microblog.config.load import Config
from microblog.services.microblog import Microblog
from microblog.services.passwords import Passwords
from tests.factories import CHEAP
from tests.http.fixtures import make

__all__ = ["empty_site", "make"]


@pytest_twisted.async_yield_fixture
async def empty_site(dsn: str, reactor_: Any, tmp_path: Path) -> AsyncIterator[Microblog]:
    """The services over a database of the test's own: without anybody, without limits, with cheap passwords."""
    config = Config.load({"data_dir": str(tmp_path), "rate_limits": "off"}, {})
    microblog = Microblog(config, dsn, reactor_, listen=False, passwords=Passwords(reactor_, CHEAP))
    await microblog.start()
    yield microblog
    await microblog.stop()
