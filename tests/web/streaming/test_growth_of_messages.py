"""Twice the message costs at most about twice the work, for each field that a WebSocket's client can send."""

from __future__ import annotations

import json

import pytest

from microblog.domain.errors import MicroblogError
from microblog.web.streaming import names
from microblog.web.streaming.client_messages import ClientMessage, parse
from microblog.web.streaming.sockets import MAX_MESSAGE
from tests.growth import too_costly


@pytest.mark.parametrize("name", [*ClientMessage.__struct_fields__, "unknown", ""])
async def test_no_message_costs_more_than_its_length(name: str) -> None:
    sound = {"type": "subscribe", "stream": "hashtag", "tag": "tea"}

    async def send(text: str) -> None:
        try:
            wish = parse(json.dumps({**sound, name: text}, ensure_ascii=False) if name else text)
            names.channel(wish.stream, tag=wish.tag, list_id=str(wish.list))
        except MicroblogError:
            pass

    assert await too_costly(send, MAX_MESSAGE // 2) == []
