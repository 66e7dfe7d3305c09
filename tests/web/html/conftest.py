"""A site with its website, over a database of the test's own."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.services.microblog import Microblog
from tests.web.html.people import Village


@pytest.fixture
def village(quiet: Microblog, reactor_: Any) -> Village:
    """Without anybody, without limits."""
    return Village(quiet, reactor_)
