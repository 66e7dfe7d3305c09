"""A site with its website, over a database of the test's own."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.services.microblog import Microblog
from tests.web.html.html_site import HtmlSite


@pytest.fixture
def html_site(empty_site: Microblog, reactor_: Any) -> HtmlSite:
    """Without anybody, without limits."""
    return HtmlSite(empty_site, reactor_)
