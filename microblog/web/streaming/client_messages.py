"""The messages of WebSocket clients and the error messages that answer them: JSON, as in Mastodon."""

from __future__ import annotations

from typing import Final

import msgspec

from microblog.domain.errors import InvalidInput, MicroblogError
from microblog.web.streaming.frames import text_frame

_STATUSES: Final = {
    "unauthenticated": 401,
    "forbidden": 401,
    "not-found": 404,
    "rate-limited": 429,
    "unavailable": 503,
}


class ClientMessage(msgspec.Struct):
    """One message of a client: ``type`` is subscribe or unsubscribe."""

    type: str = ""
    stream: str = ""
    tag: str | None = None
    list: str | int | None = None


_decode: Final = msgspec.json.Decoder(ClientMessage, strict=False).decode


def parse(text: str) -> ClientMessage:
    """Parse a message. Raises InvalidInput."""
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput("Error parsing JSON") from error


def refusal(error: MicroblogError) -> bytes:
    """Return the framed message for an error."""
    answer = {"error": error.text, "status": _STATUSES.get(error.code, 400)}
    return text_frame(msgspec.json.encode(answer))
