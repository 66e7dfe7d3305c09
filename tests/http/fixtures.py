"""Fixtures of the tests of the HTTP floor, shared with those of the website and the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http import harness


@pytest.fixture
def make(tmp_path: Path) -> Iterator[harness.Make]:
    """Makes a small site of the tables of routes that it is given; its clients all go away at the end."""
    harnesses: list[harness.Harness] = []

    def made(*tables: Any, **options: Any) -> harness.Harness:
        harnesses.append(harness.make(tmp_path, *tables, **options))
        return harnesses[-1]

    yield made
    for each in harnesses:
        each.client.close()
        each.clock.advance(1)
