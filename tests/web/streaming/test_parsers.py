"""Server-sent events as the parsers of real clients read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from mastodon import StreamListener

from microblog.domain.posts import Draft
from microblog.http import event_stream
from tests.waiting import until
from tests.web.streaming.harness import Streaming


class Whatwg:
    """The parser of WHATWG HTML, section 9.2.6, which also refuses what that would ignore."""

    def __init__(self, stream: str) -> None:
        self.events: list[tuple[str, str, str]] = []
        self.comments = 0
        self.retry: int | None = None
        name = data = identifier = ""
        for line in stream.split("\n")[:-1]:
            if not line:
                assert data, f"a blank line ends something without data: {name}"
                self.events.append((name or "message", data.removesuffix("\n"), identifier))
                name = data = ""
                continue
            if line.startswith(":"):
                self.comments += 1
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match field:
                case "event":
                    name = value
                case "data":
                    data += value + "\n"
                case "id":
                    assert "\0" not in value
                    identifier = value
                case "retry":
                    assert value.isdecimal()
                    self.retry = int(value)
                case _:
                    raise AssertionError(f"no such field: {line}")
        assert not data, "an event is not ended"


class LineReader:
    """As BitlBee's plug-in reads: ``data`` on the line after ``event``; a blank line outside of an event is an end."""

    def __init__(self, stream: str) -> None:
        self.events: list[tuple[str, Any]] = []
        lines = iter(stream.split("\n")[:-1])
        for line in lines:
            if line.startswith(":"):
                continue
            assert line.startswith("event: "), f"no event begins here: {line!r}"
            following = next(lines)
            assert following.startswith("data: "), f"no data follows: {following!r}"
            data = following.removeprefix("data: ")
            self.events.append((line.removeprefix("event: "), json.loads(data)))
            while next(lines):
                pass


class Listener(StreamListener):  # type: ignore[misc]
    def __init__(self) -> None:
        self.names: list[str] = []
        self.beats = 0
        self.aborted: list[Any] = []

    def on_any_event(self, name: str, data: Any = None, for_stream: Any = None) -> None:
        self.names.append(name)

    def handle_heartbeat(self) -> None:
        self.beats += 1

    def on_abort(self, err: Any) -> None:
        self.aborted.append(err)


class Response:
    """As Mastodon.py gets it from requests."""

    def __init__(self, stream: str) -> None:
        self._stream = stream.encode()

    def iter_content(self, chunk_size: int) -> Iterator[bytes]:
        assert chunk_size == 1
        return (self._stream[place : place + 1] for place in range(len(self._stream)))


def body(received: bytes) -> str:
    """The content of a chunked answer (RFC 9112, section 7.1)."""
    rest = received.partition(b"\r\n\r\n")[2]
    content = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        content, rest = content + rest[:length], rest[length + 2 :]
    return content.decode()


async def recorded(site: Streaming, monkeypatch: pytest.MonkeyPatch) -> str:
    """A stream with heartbeats, events of each kind, and its end."""
    monkeypatch.setattr(event_stream, "HEARTBEAT", 0.02)
    ann, bob = await site.viewer("ann"), await site.viewer("bob")
    await site.microblog.follows.follow(bob, ann.id)
    stream = await site.stream("user", f"Authorization: Bearer {await site.token('bob')}\r\n")
    await site.settled()
    post = await site.post("ann", "to @bob\n\nevent: forged\ndata: {}\n\u2028 : x")
    await until(site.reactor, lambda: len(stream.events) == 2)
    await site.microblog.posts.edit(ann, post.id, Draft("changed"))
    await until(site.reactor, lambda: len(stream.events) == 3)
    await site.microblog.posts.delete(ann, post.id)
    await until(site.reactor, lambda: len(stream.events) >= 4)
    thumps = stream.received.count(b":thump")
    await until(site.reactor, lambda: stream.received.count(b":thump") > thumps)
    for say_goodbye in list(site.made.site._when_draining):
        say_goodbye()
    await until(site.reactor, lambda: stream.received.endswith(b"0\r\n\r\n"))
    return body(stream.received)


async def test_each_parser_reads_the_same_events(site: Streaming, monkeypatch: pytest.MonkeyPatch) -> None:
    text = await recorded(site, monkeypatch)
    strict, lines, listener = Whatwg(text), LineReader(text), Listener()
    listener.handle_stream(Response(text))
    names = [name for name, _, _ in strict.events]
    assert sorted(names) == ["closing", "delete", "notification", "status.update", "update"]
    assert names == [name for name, _ in lines.events]
    assert names == listener.names
    assert [json.loads(data) for _, data, _ in strict.events] == [data for _, data in lines.events]
    assert listener.aborted == []
    assert strict.comments == listener.beats >= 2
    assert strict.retry is not None
    positions = [int(identifier) for _, _, identifier in strict.events]
    assert positions == sorted(positions)


def test_strict_parser_refuses_what_broke_clients() -> None:
    for bad in (":\n\n", "retry: 1000\n\n", "id: 7\n\n"):
        with pytest.raises(AssertionError):
            Whatwg(bad)
        with pytest.raises(AssertionError):
            LineReader(bad)
    with pytest.raises(AssertionError):
        LineReader("event: update\nid: 7\ndata: {}\n\n")
