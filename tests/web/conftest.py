"""Fixtures of the web's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.web import rig


@pytest.fixture
def make(tmp_path: Path) -> rig.Make:
    """Makes a small site of the tables of routes that it is given."""

    def made(*tables: Any, **options: Any) -> rig.Rig:
        return rig.make(tmp_path, *tables, **options)

    return made
