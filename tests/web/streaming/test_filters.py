"""Streams say what the viewer's filters say, as the REST API does, and say when those change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from microblog.domain.filters import Context
from microblog.domain.visibility import Visibility
from microblog.services import filtering
from microblog.services.filters import KeywordChange
from microblog.services.tokens import DISABLED, PENDING
from tests.factories import create_viewer
from tests.waiting import until
from tests.web.streaming.clients import WebSocket
from tests.web.streaming.harness import Streaming


async def reader(site: Streaming, *contexts: str, keywords: tuple[str, ...] = ("cat",)) -> str:
    """Bob, who follows ann and has a filter, by his token."""
    ann, bob = await site.viewer("ann"), await site.viewer("bob")
    await site.microblog.follows.follow(bob, ann.id)
    if contexts:
        await site.microblog.filters.create(
            bob, "cats", contexts, keywords=[KeywordChange(each) for each in keywords]
        )
    return await site.token("bob")


async def payloads(client: WebSocket, count: int) -> list[dict[str, Any]]:
    return [(await client.hears())["payload"] for _ in range(count)]


@pytest.mark.parametrize(
    ("stream", "context"),
    [("user", "home"), ("public", "public"), ("public:local", "public"), ("hashtag&tag=x", "public")],
)
@pytest.mark.parametrize("heavy", [False, True])
async def test_stream_says_what_the_viewers_filters_say(
    site: Streaming, monkeypatch: pytest.MonkeyPatch, stream: str, context: str, heavy: bool
) -> None:
    if heavy:  # then it is judged in a thread, out of the way of other readers
        monkeypatch.setattr(filtering, "AT_ONCE", 1)
    token = await reader(site, context)
    client = await site.socket(f"?stream={stream}&access_token={token}")
    stranger = await site.socket(f"?stream={'public' if stream == 'user' else stream}")
    await site.settled(streams=2)
    posts = [await site.post("ann", f"{text} #x") for text in ("a Cat", "a dog", "cat again")]
    heard = await payloads(client, 3)
    assert [each["id"] for each in heard] == [str(post.id) for post in posts]
    matches = [[result["keyword_matches"] for result in each["filtered"]] for each in heard]
    assert matches == [[["Cat"]], [], [["cat"]]]
    rest = await site.microblog.filters.results(await site.viewer("bob"), posts, Context(context))
    assert [each["filtered"][0]["filter"]["title"] for each in heard if each["filtered"]] == [
        rest[post.id][0].filter.title for post in posts if post.id in rest
    ]
    assert [each["filtered"] for each in await payloads(stranger, 3)] == [[], [], []]


async def test_filter_of_another_context_says_nothing(site: Streaming) -> None:
    token = await reader(site, "thread", "account")
    client = await site.socket(f"?stream=user&access_token={token}")
    await site.settled()
    await site.post("ann", "a cat")
    assert [each["filtered"] for each in await payloads(client, 1)] == [[]]


async def test_notification_says_what_filters_of_notifications_say(site: Streaming) -> None:
    token = await reader(site, "notifications")
    client = await site.socket(f"?stream=user:notification&access_token={token}")
    await site.settled()
    await site.post("ann", "@bob a cat")
    [payload] = await payloads(client, 1)
    assert [each["keyword_matches"] for each in payload["status"]["filtered"]] == [["cat"]]


async def test_what_was_missed_is_filtered_as_well(site: Streaming) -> None:
    token = await reader(site, "home")
    since = site.microblog.dispatcher.position
    await site.post("ann", "a cat")
    stream = await site.stream("user", f"Authorization: Bearer {token}\r\nLast-Event-ID: {since}\r\n")
    while True:
        name, _, data = await stream.hears()
        if name == "update":
            break
    assert [each["keyword_matches"] for each in json.loads(data)["filtered"]] == [["cat"]]


@pytest.mark.parametrize("heavy", [False, True])
async def test_fast_posts_arrive_in_order_and_complete(
    site: Streaming, monkeypatch: pytest.MonkeyPatch, heavy: bool
) -> None:
    if heavy:
        monkeypatch.setattr(filtering, "AT_ONCE", 1)
    token = await reader(site, "home")
    client = await site.socket(f"?stream=user&access_token={token}")
    await site.settled()
    for number in range(30):
        await site.post("ann", f"{number} cat")
    heard = await payloads(client, 30)
    assert [each["content"] for each in heard] == [f"<p>{number} cat</p>" for number in range(30)]
    assert all(each["filtered"] for each in heard)


async def test_user_streams_hear_that_filters_changed_and_use_the_new_ones(site: Streaming) -> None:
    token = await reader(site)
    bob = await site.viewer("bob")
    client = await site.socket(f"?stream=user&access_token={token}")
    client.say(type="subscribe", stream="public")
    others = await site.socket(f"?stream=user&access_token={await site.token('ann')}")
    sse = await site.stream("user", f"Authorization: Bearer {token}\r\n")
    await site.settled(streams=4)
    filters = site.microblog.filters
    made = await filters.create(bob, "cats", ["home"], keywords=[KeywordChange("cat")])
    await until(site.reactor, lambda: len(client.messages) == 1)
    assert client.messages.pop() == {"stream": ["user"], "event": "filters_changed"}
    name, _, data = await sse.hears()
    assert (name, data) == ("filters_changed", "undefined")
    await site.post("ann", "a cat")
    heard = [await client.hears(), await client.hears()]
    assert {each["stream"][0]: bool(each["payload"]["filtered"]) for each in heard} == {
        "user": True,
        "public": False,
    }
    post = await site.post("ann", "another")
    await client.hears()
    await client.hears()
    changes = [
        lambda: filters.update(bob, made.id, title="all cats"),
        lambda: filters.add_keyword(bob, made.id, "kitten"),
        lambda: filters.add_post(bob, made.id, post.id),
        lambda: filters.delete(bob, made.id),
    ]
    for number, change in enumerate(changes):
        await change()
        await until(site.reactor, lambda number=number: len(client.messages) > number)
    assert {each["event"] for each in client.messages} == {"filters_changed"}
    assert all(each["event"] != "filters_changed" for each in others.messages)


@pytest.mark.parametrize(("state", "text"), [("pending", PENDING), ("suspended", DISABLED)])
async def test_inactive_account_is_refused_with_the_reason(site: Streaming, state: str, text: str) -> None:
    carol = await create_viewer(site.microblog.db, "carol")
    token = await site.microblog.tokens.create(carol, ("read",))
    async with site.microblog.db.transaction() as tx:
        await tx.run("UPDATE accounts SET state = %s WHERE id = %s", (state, carol.id))
    refused = await site.stream("user", f"Authorization: Bearer {token}\r\n")
    await until(site.reactor, lambda: b"}" in refused._rest)
    assert b"HTTP/1.1 403" in refused.head
    assert json.loads(refused._rest) == {"error": text}
    assert (await site.socket(f"?stream=user&access_token={token}")).rejected == 403


async def test_conversation_says_what_the_viewers_filters_say(site: Streaming) -> None:
    token = await reader(site, "home")
    client = await site.socket(f"?stream=direct&access_token={token}")
    await site.settled()
    await site.post("ann", "@bob a cat", visibility=Visibility.DIRECT)
    [payload] = await payloads(client, 1)
    assert [each["keyword_matches"] for each in payload["last_status"]["filtered"]] == [["cat"]]
