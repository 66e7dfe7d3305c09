from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_twisted

from microblog.store.engine.database import Database
from tests.services.live import live_site as live
from tests.services.people import Site


@pytest.fixture
def site(db: Database, reactor_: Any) -> Iterator[Site]:
    """A site without anybody."""
    made = Site(db, reactor_)
    yield made
    made.passwords.stop()


@pytest_twisted.async_yield_fixture
async def live_site(db: Database, reactor_: Any) -> AsyncIterator[live.Site]:
    """A site whose live streams run."""
    made = live.Site(db, reactor_)
    await made.dispatcher.start()
    yield made
    await made.dispatcher.stop()
