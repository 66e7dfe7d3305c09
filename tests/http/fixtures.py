"""Fixtures for the tests of http/, the website and the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http import harness


@pytest.fixture
def make(tmp_path: Path) -> Iterator[harness.Make]:
    """Return a function that makes a small site from tables of routes; its clients disconnect at the end."""
    harnesses: list[harness.Harness] = []

    def made(*tables: Any, **options: Any) -> harness.Harness:
        harnesses.append(harness.make(tmp_path, *tables, **options))
        return harnesses[-1]

    yield made
    for each in harnesses:
        each.client.close()
        each.clock.advance(1)
