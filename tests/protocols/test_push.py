"""The push port, whole: real sockets, the real services, a real PostgreSQL."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from microblog.domain.visibility import Visibility
from tests.protocols.running import Running
from tests.waiting import until


async def test_netcat_shows_a_post_as_it_is_written(running: Running) -> None:
    await running.person("bob")
    client = await running.connect()
    written = await running.post("Hello @bob #first")
    assert re.fullmatch(rf"\d\d:\d\d @alice: Hello @bob #first \[{written.id}\]", await client.hears())


async def test_a_post_by_the_port_is_on_the_timeline(running: Running) -> None:
    token = await running.microblog.tokens.create(await running.person("alice"), ["read", "write"])
    client = await running.connect()
    assert await client.ask(f"AUTH {token}") == "OK AUTH @alice read write"
    assert await client.ask("UNSUBSCRIBE") == "OK UNSUBSCRIBE ALL"
    answer = await client.ask("POST Hello from the port")
    public = (await running.microblog.timelines.public(None, _span())).items
    assert [post.text for post in public] == ["Hello from the port"]
    assert answer == f"OK POST {public[0].id} http://localhost:8000/@alice/{public[0].id}"
    assert (await client.ask("POST " + "x" * 501)).startswith("ERR invalid ")


@pytest.mark.parametrize("visibility", list(Visibility))
async def test_reply_reaches_all_participants_and_is_no_wider_than_its_parent(
    running: Running, visibility: Visibility
) -> None:
    bob, carol = await running.person("bob"), await running.person("carol")
    await running.person("alice9")
    await running.microblog.follows.follow(bob, (await running.person("alice")).id)
    client = await running.connect()
    await client.ask(f"AUTH {await running.microblog.tokens.create(bob, ['read', 'write'])}")
    await client.ask("UNSUBSCRIBE")
    asked = await running.post("Hello @bob and @carol", visibility=visibility)
    answer = await client.ask(f"REPLY {asked.id} look at @alice9, or https://example.org/@alice")
    reply = await running.microblog.posts.by_id(carol, int(answer.split()[2]))
    assert reply.text == "@alice @carol look at @alice9, or https://example.org/@alice"
    assert {each.name for each in reply.mentions} == {"alice", "alice9", "carol"}
    assert reply.visibility is visibility


async def test_what_one_may_not_see_never_comes(running: Running) -> None:
    bob, carol, _ = [await running.person(name) for name in ("bob", "carol", "alice")]
    readers = {}
    for who in (bob, carol):
        token = await running.microblog.tokens.create(who, ["read"])
        reader = readers[who.account.name] = await running.connect()
        await reader.ask(f"AUTH {token}")
        for stream in ("direct", "mentions", "user:alice", "home"):
            assert (await reader.ask(f"SUBSCRIBE {stream}")).startswith("OK ")
    secret = await running.post("Hello @bob", visibility=Visibility.DIRECT)
    await running.post("for all")
    assert f"[{secret.id}]" in await readers["bob"].hears()
    assert "for all" in await readers["bob"].hears()
    assert "for all" in await readers["carol"].hears()
    for line in (f"SUBSCRIBE thread:{secret.id}", f"SUBSCRIBE thread:{secret.id + 1}"):
        refused = await readers["carol"].ask(line)
        assert refused.startswith("ERR not-found ")


async def test_posts_of_a_list_come_to_its_owner_alone(running: Running) -> None:
    bob, alice = await running.person("bob"), await running.person("alice")
    await running.microblog.follows.follow(bob, alice.id)
    made = await running.microblog.lists.create(bob, "Friends")
    await running.microblog.lists.add(bob, made.id, [alice.id])
    stranger, reader = await running.connect(), await running.connect()
    assert (await stranger.ask(f"SUBSCRIBE list:{made.id}")).startswith("ERR unauthenticated")
    await reader.ask(f"AUTH {await running.microblog.tokens.create(bob, ['read'])}")
    assert (await reader.ask(f"SUBSCRIBE list:{made.id}")).startswith(f"OK SUBSCRIBE list:{made.id} CURSOR")
    assert (await reader.ask("SUBSCRIBE list:7")).startswith("ERR not-found")
    await running.post("from a friend")
    assert "@alice: from a friend" in await reader.hears()
    assert (await reader.ask(f"SUBSCRIBE list:{made.id} LAST 5")).startswith("OK SUBSCRIBE")
    assert "@alice: from a friend" in await reader.hears()


async def test_a_revoked_token_ends_its_connections(running: Running) -> None:
    alice = await running.person("alice")
    token = await running.microblog.tokens.create(alice, ["read"])
    client = await running.connect()
    await client.ask(f"AUTH {token}")
    [kept] = await running.microblog.tokens.all(alice)
    await running.microblog.tokens.revoke(alice, kept.id)
    assert (await client.hears()).startswith("BYE revoked ")
    await until(running.reactor, lambda: client.gone)


async def test_a_cursor_resumes_across_a_restart(running: Running) -> None:
    client = await running.connect()
    for line in ("FORMAT json", "SUBSCRIBE public"):
        await client.ask(line)
    await running.post("one")
    cursor = json.loads(await client.hears())["cursor"]
    stopping = Deferred.fromCoroutine(running.stop())
    assert (await client.hears()) == f"BYE restart {cursor}"
    await stopping
    await running.start()
    for text in ("two", "three"):
        await running.post(text)
    client = await running.connect()
    client.say("UNSUBSCRIBE", "FORMAT json")
    while await client.hears() != "OK FORMAT json":
        pass
    assert await client.ask(f"SUBSCRIBE public SINCE {cursor}") == f"OK SUBSCRIBE public CURSOR {cursor}"
    await running.post("four")
    seen = [json.loads(await client.hears())["status"]["content"] for _ in range(3)]
    assert seen == ["<p>two</p>", "<p>three</p>", "<p>four</p>"]


async def test_several_subscriptions_resume_by_one_cursor_without_repeat(running: Running) -> None:
    await running.person("alice")
    client = await running.connect()
    await client.ask("UNSUBSCRIBE")
    for text in ("zero", "one", "two #cats", "three #cats"):
        await running.post(text)
    await until(running.reactor, lambda: running.microblog.dispatcher.position >= 4)
    client.say(*(f"SUBSCRIBE {stream} SINCE 1" for stream in ("tag:cats", "public", "user:alice")))
    await running.post("four #cats")
    await until(running.reactor, lambda: running.microblog.dispatcher.position >= 5)
    client.say("PING")
    seen: list[str] = []
    while not (line := await client.hears()).startswith("OK PING"):
        if not line.startswith("OK "):
            seen.append(line.split(": ", 1)[1].rsplit(" [", 1)[0])
    assert sorted(seen) == ["four #cats", "one", "three #cats", "two #cats"]


@pytest.mark.parametrize("stream", ["public", "local", "user:alice", "tag:t", "home", "mentions", "direct"])
async def test_last_goes_over_into_live_without_gap_or_repeat(running: Running, stream: str) -> None:
    alice = await running.person("alice")
    token = await running.microblog.tokens.create(alice, ["read"])
    narrow = {"visibility": Visibility.DIRECT} if stream == "direct" else {}
    client = await running.connect()
    await client.ask(f"AUTH {token}")
    await client.ask("UNSUBSCRIBE")
    for number in range(5):
        await running.post(f"@alice #t {number}", "bob" if stream == "mentions" else "alice", **narrow)
    client.say(f"SUBSCRIBE {stream} LAST 3")
    for number in range(5, 8):
        await running.post(f"@alice #t {number}", "bob" if stream == "mentions" else "alice", **narrow)
    assert (await client.hears()).startswith(f"OK SUBSCRIBE {stream} CURSOR ")
    seen: list[int] = []
    while 7 not in seen:
        seen.append(int(re.search(r"#t (\d)", await client.hears()).group(1)))  # type: ignore[union-attr]
    assert seen == sorted(set(seen))
    assert seen == list(range(seen[0], 8))
    assert seen[0] <= 5


async def test_a_reader_that_does_not_read_gets_everything_later(dsn: str, reactor_: Any) -> None:
    running = Running(dsn, reactor_, rate_limits="off", push_buffer=4096, post_length=5000)
    await running.start()
    try:
        client = await running.connect()
        await client.ask("FORMAT json")
        await client.ask("SUBSCRIBE public")
        client.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        [connection] = running.factory
        connection.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        client.transport.pauseProducing()
        text = "x" * 4000
        count = 0
        while not running.factory.gaps:
            count += 1
            await running.post(f"{count} {text}")
            assert count < 400
        for _ in range(5):
            count += 1
            await running.post(f"{count} {text}")
        client.transport.resumeProducing()
        seen: list[int] = []
        while len(seen) < count:
            line = await client.hears()
            if not line.startswith("GAP "):
                seen.append(int(json.loads(line)["status"]["content"].split()[0].removeprefix("<p>")))
        assert seen == list(range(1, count + 1))
    finally:
        await running.stop()


async def test_half_a_connection_is_answered_before_it_ends(running: Running) -> None:
    token = await running.microblog.tokens.create(await running.person("alice"), ["read", "write"])
    client = await running.connect()
    client.say(f"AUTH {token}", "UNSUBSCRIBE", "POST by a pipe")
    client.transport.loseWriteConnection()
    await until(running.reactor, lambda: client.gone)
    assert client.lines[-1].startswith("OK POST ")


def _span() -> Any:
    from microblog.domain.posts import Span

    return Span()
