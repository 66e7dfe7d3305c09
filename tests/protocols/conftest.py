"""Fixtures of the push port's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted

from tests.protocols.fakes import Client, Port
from tests.protocols.running import Running


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.fixture
def client(port: Port) -> Client:
    return port.connect()


@pytest_twisted.async_yield_fixture
async def running(dsn: str, reactor_: Any) -> AsyncIterator[Running]:
    made = Running(dsn, reactor_, rate_limits="off")
    await made.start()
    yield made
    await made.stop()
