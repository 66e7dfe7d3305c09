"""Streaming over a WebSocket: what clients of the Mastodon protocol say and hear."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from microblog.web.streaming import sockets
from tests.waiting import until
from tests.web.streaming.harness import Streaming


async def test_a_stranger_hears_public_posts_their_edits_and_deletions(site: Streaming) -> None:
    client = await site.socket("?stream=public")
    await site.settled()
    post = await site.post("ann", "Hello #cats")
    heard = await client.hears()
    assert (heard["stream"], heard["event"]) == (["public"], "update")
    assert (heard["payload"]["id"], heard["payload"]["account"]["acct"]) == (str(post.id), "ann")
    await site.microblog.posts.edit(await site.viewer("ann"), post.id, Draft("Hello #dogs"))
    heard = await client.hears()
    assert (heard["event"], heard["payload"]["tags"][0]["name"]) == ("status.update", "dogs")
    await site.microblog.posts.delete(await site.viewer("ann"), post.id)
    assert await client.hears() == {"stream": ["public"], "event": "delete", "payload": str(post.id)}


async def test_each_message_of_a_socket_names_its_stream(site: Streaming) -> None:
    token = await site.token("bob")
    client = await site.socket(subprotocol=token)
    assert client.accepted is not None
    assert client.accepted.subprotocol == token, "a browser refuses a socket that doesn't echo it"
    for message in ({"stream": "user"}, {"stream": "hashtag", "tag": "#Cats"}, {"stream": "public:local"}):
        client.say(type="subscribe", **message)
    await site.settled(streams=3)
    await site.post("ann", "All about #cats for @bob")
    heard = [await client.hears() for _ in range(3)]
    assert sorted((*each["stream"], each["event"]) for each in heard) == [
        ("hashtag", "cats", "update"),
        ("public:local", "update"),
        ("user", "notification"),
    ]
    client.say(type="unsubscribe", stream="hashtag", tag="cats")
    client.say(type="unsubscribe", stream="user")
    client.say(type="subscribe", stream="nothing")
    assert await client.hears() == {"error": "Unknown stream type", "status": 400}
    await site.post("ann", "More about #cats")
    assert (await client.hears())["stream"] == ["public:local"]
    await site.post("ann", "the last one")
    assert (await client.hears())["payload"]["content"] == "<p>the last one</p>"


@pytest.mark.parametrize("way", ["query", "header", "subprotocol"])
async def test_a_token_comes_three_ways(site: Streaming, way: str) -> None:
    token = await site.token("bob")
    client = await {
        "query": lambda: site.socket(f"?stream=user&access_token={token}"),
        "header": lambda: site.socket("?stream=user", headers={"Authorization": f"Bearer {token}"}),
        "subprotocol": lambda: site.socket("?stream=user", subprotocol=token),
    }[way]()
    await site.settled()
    await site.post("bob", "mine", visibility=Visibility.DIRECT)
    assert (await client.hears())["payload"]["content"] == "<p>mine</p>"


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("?stream=user", {}, 401),
        ("?stream=public&access_token=wrong", {}, 401),
        ("?stream=nothing", {}, 400),
        ("?stream=hashtag", {}, 400),
        ("?stream=public", {"Origin": "https://elsewhere.example"}, 403),
        ("?stream=public", {"Origin": "null"}, 403),
        ("?stream=public", {"Origin": "http://[::1"}, 403),
        ("?stream=public", {"Origin": "http://localhost:8000.evil.example"}, 403),
    ],
)
async def test_who_may_not_is_refused_before_the_upgrade(
    site: Streaming, query: str, headers: dict[str, str], status: int
) -> None:
    assert (await site.socket(query, headers=headers)).rejected == status


async def test_pages_of_this_site_and_of_others_that_have_a_token_may_connect(site: Streaming) -> None:
    token = await site.token("bob")
    assert (await site.socket("?stream=public", headers={"Origin": "http://localhost:8000"})).accepted
    assert (await site.socket(f"?access_token={token}", headers={"Origin": "https://app.example"})).accepted


async def test_a_scope_that_a_token_lacks_is_refused(site: Streaming) -> None:
    token = await site.token("bob", "read:notifications")
    client = await site.socket(subprotocol=token)
    client.say(type="subscribe", stream="user")
    assert (await client.hears())["status"] == 401
    client.say(type="subscribe", stream="user:notification")
    await site.settled()
    await site.post("ann", "@bob")
    assert (await client.hears())["payload"]["type"] == "mention"


async def test_user_is_without_notifications_where_they_are_outside_the_scopes(site: Streaming) -> None:
    token = await site.token("bob", "read:statuses")
    client = await site.socket("?stream=user", subprotocol=token)
    stream = await site.stream("user", f"Authorization: Bearer {token}\r\n")
    all_of_it = await site.stream("user", f"Authorization: Bearer {await site.token('bob')}\r\n")
    await site.settled(streams=3)
    await site.post("ann", "hello @bob")  # whom bob does not follow: a notification alone
    assert (await all_of_it.hears())[0] == "notification"
    mine = await site.post("bob", "mine")
    assert (await client.hears())["payload"]["id"] == str(mine.id)
    assert json.loads((await stream.hears())[2])["id"] == str(mine.id)


async def test_a_direct_post_is_a_conversation(site: Streaming) -> None:
    client = await site.socket("?stream=direct", subprotocol=await site.token("bob"))
    await site.settled()
    post = await site.post("ann", "psst @bob", visibility=Visibility.DIRECT)
    heard = await client.hears()
    assert (heard["stream"], heard["event"]) == (["direct"], "conversation")
    assert heard["payload"]["last_status"]["id"] == str(post.id)
    assert [each["acct"] for each in heard["payload"]["accounts"]] == ["ann"]


async def test_a_message_that_is_too_long_ends_the_connection(site: Streaming) -> None:
    client = await site.socket()
    client.say_text(" " * (sockets.MAX_MESSAGE + 1))
    await until(site.reactor, lambda: client.gone)
    assert client.closed == 1009


async def test_what_is_no_json_is_answered(site: Streaming) -> None:
    client = await site.socket()
    client.say_text("{")
    assert await client.hears() == {"error": "Error parsing JSON", "status": 400}
    client.say_text('{"x":' + "[" * 4000 + "]" * 4000 + "}")
    assert await client.hears() == {"error": "Error parsing JSON", "status": 400}


async def test_too_many_messages_end_the_connection(site: Streaming) -> None:
    client = await site.socket()
    for _ in range(sockets.MAX_MESSAGES + 1):
        client.say(type="unsubscribe", stream="public")
    await until(site.reactor, lambda: client.gone)
    assert client.closed == 1008


async def test_garbage_instead_of_frames_ends_the_connection(site: Streaming) -> None:
    client = await site.socket()
    client.transport.write(b"\xff" * 64)
    await until(site.reactor, lambda: client.gone)
    assert client.closed == 1002


async def test_a_revoked_token_ends_the_socket(site: Streaming) -> None:
    client = await site.socket("?stream=user", subprotocol=await site.token("bob"))
    await site.settled()
    bob = await site.viewer("bob")
    [token] = await site.microblog.tokens.all(bob)
    await site.microblog.tokens.revoke(bob, token.id)
    await until(site.reactor, lambda: client.gone, seconds=3)
    assert client.closed == 1008


async def test_expired_token_ends_its_sockets_and_streams(
    site: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await site.token("bob")
    async with site.microblog.db.transaction() as tx:
        await tx.run("UPDATE tokens SET expires_at = clock_timestamp() + interval '1 hour'")
    monkeypatch.setattr(
        site.microblog.dispatcher.registry, "_now", lambda: datetime.now(UTC) + timedelta(hours=1)
    )
    client = await site.socket("?stream=public", subprotocol=token)
    assert client.accepted
    await until(site.reactor, lambda: client.gone)
    assert client.closed == 1008
    await site.stream("user", f"Authorization: Bearer {token}\r\n")
    await until(site.reactor, lambda: site.microblog.dispatcher.readers == 0)


async def test_draining_site_closes_with_a_time_to_reconnect(site: Streaming) -> None:
    client = await site.socket("?stream=public")
    stream = await site.stream("public")
    await site.settled(streams=2)
    site.made.site.drain()
    await until(site.reactor, lambda: client.gone and stream.gone)
    assert client.closed == 1001


async def test_a_client_that_does_not_read_gets_everything_later(site: Streaming) -> None:
    client = await site.socket("?stream=public")
    await site.settled()
    [live] = site.microblog.dispatcher.registry.subscribers
    client.transport.pauseProducing()
    posts = await site.post_until("ann", lambda: live.paused)
    await site.post("ann", "the end")
    client.transport.resumeProducing()
    await until(site.reactor, lambda: len(client.messages) == posts + 1)
    texts = [json.loads(each["payload"])["content"] for each in client.messages]
    assert [int(text[3:].split()[0]) for text in texts[:-1]] == list(range(1, posts + 1))
    assert texts[-1] == "<p>the end</p>"
