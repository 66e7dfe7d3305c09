from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from microblog.store.engine.database import Database
from tests.services.people import Site


@pytest.fixture
def site(db: Database, reactor_: Any) -> Iterator[Site]:
    """A site without anybody."""
    made = Site(db, reactor_)
    yield made
    made.passwords.stop()
