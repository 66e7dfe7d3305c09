"""Twice the line costs at most about twice the work, for each command of the push port, with and without AUTH."""

from __future__ import annotations

import pytest

from microblog.protocols.commands import COMMANDS
from tests.growth import too_costly
from tests.protocols.fakes import Port


@pytest.mark.parametrize("authenticated", [False, True])
@pytest.mark.parametrize(
    "opening", [*(f"{each.name} " for each in COMMANDS), "REPLY 1 ", "SUBSCRIBE tag:", ""]
)
async def test_no_line_costs_more_than_its_length(opening: str, authenticated: bool) -> None:
    port = Port()

    async def send(text: str) -> None:
        client = port.connect()
        if authenticated:
            client.send("AUTH alice-token")
        client.send_bytes(f"{opening}{text}".encode() + b"\nPING\n")
        client.heard()

    assert await too_costly(send, port.factory.max_line - 100) == []
