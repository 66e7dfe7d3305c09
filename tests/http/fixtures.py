"""Fixtures of the tests of the HTTP floor, shared with those of the website and the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http import rig


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
