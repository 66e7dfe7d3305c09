"""Frames, as a client reads them."""

from __future__ import annotations

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Request, TextMessage

from microblog.web.streaming import frames


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 200_000])
def test_frames_are_parsed_by_a_client_library(size: int) -> None:
    client, server = WSConnection(ConnectionType.CLIENT), WSConnection(ConnectionType.SERVER)
    server.receive_data(client.send(Request(host="a", target="/")))
    client.receive_data(server.send(AcceptConnection()))
    list(client.events())
    client.receive_data(frames.text_frame(b"x" * size) * 2)
    heard = "".join(event.data for event in client.events() if isinstance(event, TextMessage))
    assert heard == "x" * size * 2
