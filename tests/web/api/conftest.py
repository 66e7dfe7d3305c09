"""A site with its API, over a database of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from microblog.services.microblog import Microblog
from tests.browser.service import Service
from tests.conftest import wait_for
from tests.database import Cluster
from tests.web.api.api_site import ApiSite
from tests.web.api.live import Live


@pytest.fixture
def api_site(empty_site: Microblog, reactor_: Any) -> ApiSite:
    """Without anybody, without limits."""
    return ApiSite(empty_site, reactor_)


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
