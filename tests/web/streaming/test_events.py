"""Server-sent events: each address has its stream, and each stream is resumed by an id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from microblog.mastodon import entities
from microblog.web import streaming
from tests.tasks.logs import logged
from tests.waiting import until
from tests.web.streaming.harness import Streaming


async def test_server_sent_events_resume_by_their_id(site: Streaming) -> None:
    stream = await site.stream("public")
    await site.settled()
    await site.post("ann", "one")
    name, cursor, data = await stream.hears()
    assert (name, json.loads(data)["content"]) == ("update", "<p>one</p>")
    assert b"text/event-stream" in stream.head
    stream.transport.abortConnection()
    await site.post("ann", "two")
    await site.post("ann", "three")
    again = await site.stream("public", f"Last-Event-ID: {cursor}\r\n")
    assert [json.loads((await again.hears())[2])["content"] for _ in range(2)] == [
        "<p>two</p>",
        "<p>three</p>",
    ]


async def test_streams_that_share_a_cursor_are_replayed_in_one_order(site: Streaming) -> None:
    """Else who is cut off in the middle would resume from where the one is, and miss what the other has before."""
    bearer = f"Authorization: Bearer {await site.token('bob')}\r\n"
    await site.microblog.follows.follow(await site.viewer("bob"), (await site.viewer("ann")).id)
    stream = await site.stream("user", bearer)
    await site.settled()
    await site.post("ann", "first")
    _, cursor, _ = await stream.hears()
    for number in range(3):
        await site.post("ann", f"{number} @bob")
    again = await site.stream("user", f"{bearer}Last-Event-ID: {cursor}\r\n")
    heard = [await again.hears() for _ in range(6)]
    positions = [int(position) for _, position, _ in heard]
    assert positions == sorted(positions)
    assert sorted(name for name, _, _ in heard) == ["notification"] * 3 + ["update"] * 3


async def test_a_stream_that_is_not_read_waits_in_the_log_and_loses_nothing(site: Streaming) -> None:
    stream = await site.stream("public")
    await site.settled()
    [live] = site.microblog.dispatcher.registry.subscribers
    stream.transport.pauseProducing()
    posts = await site.post_until("ann", lambda: live.paused)
    for _ in range(300):  # more than a stream that could not wait may owe
        posts += 1
        await site.numbered("ann", posts)
    stream.transport.resumeProducing()
    await until(site.reactor, lambda: len(stream.events) == posts or stream.gone)
    texts = [json.loads(data)["content"] for _, _, data in stream.events]
    assert [int(text[3:].split()[0]) for text in texts] == list(range(1, posts + 1))
    assert not stream.gone


async def test_event_that_cannot_be_rendered_is_left_out_of_each_transport(
    site: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = entities.status

    def status(post: Any, *rest: Any, **more: Any) -> Any:
        if "bad" in post.content.text:
            raise KeyError("a word of a newer process")
        return real(post, *rest, **more)

    monkeypatch.setattr(entities, "status", status)
    sse, socket = await site.stream("public"), await site.socket("?stream=public")
    await site.settled(streams=2)
    with logged() as lines:
        for text in ("bad one", "good", "bad two", "bad three", "better"):
            await site.post("ann", text)
        contents = [json.loads((await sse.hears())[2])["content"] for _ in range(2)]
        framed = [(await socket.hears())["payload"]["content"] for _ in range(2)]
    assert contents == framed == ["<p>good</p>", "<p>better</p>"]
    assert sum("can't be shown" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("path", "heard"),
    [
        ("public", True),
        ("public/local", True),
        ("public/remote", False),
        ("public?only_media=true", False),
        ("hashtag?tag=cats", True),
        ("hashtag/local?tag=CATS", True),
        ("hashtag?tag=dogs", False),
        ("user", True),
        ("user/notification", True),
    ],
)
async def test_each_address_has_its_events(site: Streaming, path: str, heard: bool) -> None:
    token = await site.token("bob")
    ann, bob = await site.viewer("ann"), await site.viewer("bob")
    await site.microblog.follows.follow(bob, ann.id)
    stream = await site.stream(path, f"Authorization: Bearer {token}\r\n")
    last = await site.stream("user", f"Authorization: Bearer {token}\r\n")
    if heard:
        await site.settled(streams=2)
    await until(
        site.reactor, lambda: any(live.group for live in site.microblog.dispatcher.registry.subscribers)
    )
    await site.post("ann", "#cats for @bob")
    await last.hears()
    if heard:
        await stream.hears()
    else:
        assert stream.events == []


async def test_event_is_sent_by_the_socket_itself_while_nothing_waits(
    site: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await site.stream("public")
    other = await site.stream("public/local")
    await site.settled(streams=2)
    await site.post("ann", "one")
    for each in (stream, other):
        assert json.loads((await each.hears())[2])["content"] == "<p>one</p>"
    written: list[bytes] = []
    for channel in site.made.site._channels:
        monkeypatch.setattr(channel.transport, "write", written.append)
    await site.post("ann", "two")
    for each in (stream, other):
        assert json.loads((await each.hears())[2])["content"] == "<p>two</p>"
    assert written == []


async def test_http_1_0_client_gets_events_without_chunks(site: Streaming) -> None:
    stream = await site.stream("public", version="1.0")
    await site.settled()
    await site.post("ann", "one")
    await site.post("ann", "two")
    assert [json.loads((await stream.hears())[2])["content"] for _ in range(2)] == [
        "<p>one</p>",
        "<p>two</p>",
    ]
    assert stream.received.count(b"\r\n\r\n") == 1
    body = stream.received.partition(b"\r\n\r\n")[2]
    assert b"\r" not in body


async def test_health_is_ok(site: Streaming) -> None:
    stream = await site.stream("health")
    assert stream.head.startswith(b"HTTP/1.1 200")


async def test_personal_streams_want_a_token(site: Streaming) -> None:
    for path in ("user", "user/notification", "direct", "list?list=1"):
        assert (await site.stream(path)).head.startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("nothing", "Unknown channel requested"),
        ("public/nothing", "Unknown channel requested"),
        ("?stream=nothing", "Unknown stream type"),
        ("hashtag", "Missing tag name parameter"),
        ("list?list=x", "Missing list name parameter"),
    ],
)
async def test_what_is_no_stream_is_told_in_the_words_of_the_protocol(
    site: Streaming, path: str, error: str
) -> None:
    stream = await site.stream(path, f"Authorization: Bearer {await site.token('bob')}\r\n")
    assert stream.head.startswith(b"HTTP/1.1 400")
    await until(site.reactor, lambda: b"}" in stream._rest)
    assert json.loads(stream._rest) == {"error": error}


async def test_cursor_before_the_log_gets_a_gap_and_the_stream_goes_on_from_the_present(
    site: Streaming,
) -> None:
    await site.post("ann", "lost")
    await site.post("ann", "kept")
    await until(site.reactor, lambda: site.microblog.dispatcher.position == 2)
    await site.microblog.db.reads.run("DELETE FROM events WHERE position = 1")
    stream = await site.stream("public", "Last-Event-ID: 0\r\n")
    name, cursor, data = await stream.hears()
    assert (name, cursor) == ("gap", "2")
    assert "too old" in json.loads(data)["error"]
    await site.post("ann", "new")
    name, _, data = await stream.hears()
    assert (name, json.loads(data)["content"]) == ("update", "<p>new</p>")


# -- the document


def test_each_address_is_in_the_document() -> None:
    document = (Path(__file__).parents[3] / "docs" / "streaming.md").read_text(encoding="utf-8")
    for route in streaming.routes:
        assert f"`{route.method} {route.path}`" in document, route.path
