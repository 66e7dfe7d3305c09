"""Fixtures of streaming's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted

from tests.web.streaming.harness import Streaming


@pytest_twisted.async_yield_fixture
async def site(dsn: str, reactor_: Any, tmp_path: Path) -> AsyncIterator[Streaming]:
    made = Streaming(dsn, reactor_, tmp_path)
    await made.start()
    yield made
    await made.stop()
