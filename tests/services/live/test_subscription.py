"""Subscription streams: who gets what, from which cursor on, and when that ends (on a real database)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from microblog.domain.errors import Gone, NotFound, Unauthenticated
from microblog.domain.events import Kind
from microblog.domain.posts import Draft
from microblog.domain.streams import Relationships
from microblog.domain.visibility import Visibility
from microblog.services.live import relationship_cache
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.live.subscription import Batch
from microblog.store.engine.database import Database
from microblog.store.events import outbox
from tests.factories import create_viewer
from tests.services.live.live_site import Reading, Site
from tests.waiting import until


@pytest.fixture
def site(live_site: Site) -> Site:
    return live_site


async def test_a_post_reaches_public_and_tag_and_author_streams_once(site: Site) -> None:
    ann = await create_viewer(site.db, "ann")
    reader = Reading()
    live = site.dispatcher.connect(reader, None)
    for stream in ("public", "local", "tag:x", f"user:{ann.id}"):
        await live.subscribe(stream)
    await site.posts.publish(ann, Draft("one #x"))
    await until(site.reactor, lambda: len(reader.positions) == 1)
    await site.posts.publish(ann, Draft("two"))
    await until(site.reactor, lambda: reader.texts == ["one #x", "two"])
    assert live.cursor == site.dispatcher.position


async def test_edits_deletions_and_boosts_are_events_too(site: Site) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    reader = Reading()
    live = site.dispatcher.connect(reader, None)
    await live.subscribe(f"user:{bob.id}")
    await live.subscribe("public")
    post = await site.posts.publish(ann, Draft("one"))
    await site.posts.edit(ann, post.id, Draft("won"))
    await site.posts.boost(bob, post.id)
    await site.posts.unboost(bob, post.id)
    await site.posts.delete(ann, post.id)
    await site.settled()
    kinds = [event.kind for batch in reader.batches for event in batch.events]
    # What was dispatched after the end shows the post as it is by then, or not at all: the deletion is always told.
    assert kinds[-2:] == [Kind.DELETE, Kind.DELETE]
    assert set(kinds) <= {Kind.POST, Kind.EDIT, Kind.BOOST, Kind.DELETE}
    assert reader.positions == sorted(set(reader.positions))


@pytest.mark.parametrize("visibility", list(Visibility))
async def test_viewers_get_only_posts_that_they_may_see(site: Site, visibility: Visibility) -> None:
    ann, bob, cat, dan = [await create_viewer(site.db, name) for name in ("ann", "bob", "cat", "dan")]
    await site.run(
        "INSERT INTO follows (follower_id, followee_id, accepted) VALUES (%s, %s, true)", cat.id, ann.id
    )
    await site.run("INSERT INTO blocks (account_id, target_id) VALUES (%s, %s)", ann.id, dan.id)
    readers = {}
    for name, viewer in {"stranger": None, "ann": ann, "bob": bob, "cat": cat, "dan": dan}.items():
        readers[name] = Reading()
        live = site.dispatcher.connect(readers[name], viewer)
        await live.subscribe(f"user:{ann.id}")
        await live.subscribe("public")
        if viewer is not None:
            await live.subscribe("home")
            await live.subscribe("mentions")
    await site.posts.publish(ann, Draft("hello @bob", visibility=visibility))
    await site.settled()
    got = {name for name, reader in readers.items() if reader.texts}
    assert (
        got
        == {
            Visibility.PUBLIC: {"stranger", "ann", "bob", "cat"},
            Visibility.UNLISTED: {"stranger", "ann", "bob", "cat"},
            Visibility.FOLLOWERS: {"ann", "bob", "cat"},
            Visibility.DIRECT: {"ann", "bob"},
        }[visibility]
    )
    for name in got:
        assert readers[name].texts == ["hello @bob"]


async def test_new_block_filters_existing_subscriptions(site: Site) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    reader = Reading()
    live = site.dispatcher.connect(reader, bob)
    await live.subscribe("public")
    await site.posts.publish(ann, Draft("before"))
    await site.settled()
    await site.run("INSERT INTO blocks (account_id, target_id) VALUES (%s, %s)", ann.id, bob.id)
    await site.relation(ann, bob)
    await site.settled()
    await site.posts.publish(ann, Draft("after"))
    await site.settled()
    assert reader.texts == ["before"]


async def test_a_revoked_token_and_a_suspended_account_end_their_readers(site: Site) -> None:
    ann = await create_viewer(site.db, "ann")
    by_token, by_account, other = Reading(), Reading(), Reading()
    from dataclasses import replace

    site.dispatcher.connect(by_token, replace(ann, token_id=7))
    site.dispatcher.connect(by_account, replace(ann, token_id=8))
    site.dispatcher.connect(other, None)
    async with site.db.transaction() as tx:
        await outbox(tx).put("revoked", ann.id, None, None, '{"token": 7}')
    await site.settled()
    assert (by_token.ended, by_account.ended, other.ended) == (["revoked"], [], [])
    async with site.db.transaction() as tx:
        await outbox(tx).put("revoked", ann.id, None, None, f'{{"account": {ann.id}}}')
    await site.settled()
    assert by_account.ended == ["suspended"]
    assert other.ended == []


async def test_expired_token_ends_its_readers(db: Database) -> None:
    clock, now = Clock(), datetime.now(UTC)
    dispatcher = EventDispatcher(db, clock, now=lambda: now)
    ann = await create_viewer(db, "ann")
    reader, other, left = Reading(), Reading(), Reading()
    dispatcher.connect(reader, replace(ann, until=now + timedelta(hours=2)))
    dispatcher.connect(other, None).set_viewer(replace(ann, until=now - timedelta(seconds=1)))
    dispatcher.connect(left, replace(ann, until=now + timedelta(hours=1))).close()
    clock.advance(0)
    assert (reader.ended, other.ended) == ([], ["revoked"])
    clock.advance(2 * 3600)
    assert (reader.ended, left.ended) == (["revoked"], [])
    assert clock.getDelayedCalls() == []


async def test_personal_streams_need_a_viewer_and_unknown_streams_are_not_found(site: Site) -> None:
    live = site.dispatcher.connect(Reading(), None)
    with pytest.raises(Unauthenticated):
        await live.subscribe("home")
    for stream in ("user:1", "thread:1", "user:x"):
        with pytest.raises(NotFound):
            await live.subscribe(stream)


async def test_cursor_outside_of_the_log_is_gone(site: Site) -> None:
    ann = await create_viewer(site.db, "ann")
    live = site.dispatcher.connect(Reading(), None)
    with pytest.raises(Gone):
        await live.subscribe("public", since=10**9)
    for n in range(3):
        await site.posts.publish(ann, Draft(str(n)))
    await site.settled()
    await site.run("DELETE FROM events WHERE position < (SELECT max(position) FROM events)")
    with pytest.raises(Gone):
        await live.subscribe("public", since=0)
    await live.subscribe("public", since=site.dispatcher.position - 1)
    await site.run("DELETE FROM events")
    await live.subscribe("local", since=site.dispatcher.position)
    with pytest.raises(Gone):
        await live.subscribe("tag:x", since=site.dispatcher.position - 1)


async def test_since_replays_and_goes_live_without_gap_or_repeat(site: Site) -> None:
    ann = await create_viewer(site.db, "ann")
    for n in range(5):
        await site.posts.publish(ann, Draft(str(n)))
    await site.settled()
    cursor = site.dispatcher.position - 3
    reader = Reading()
    live = site.dispatcher.connect(reader, None)
    await live.subscribe("public", since=cursor)
    await site.posts.publish(ann, Draft("5"))
    await site.settled()
    assert reader.texts == ["2", "3", "4", "5"]
    await live.subscribe("local", since=cursor)
    assert reader.texts == ["2", "3", "4", "5", "2", "3", "4", "5"], (
        "a stream replayed on its own asks for its own"
    )


async def test_a_paused_reader_misses_nothing(site: Site) -> None:
    ann = await create_viewer(site.db, "ann")
    reader = Reading()
    live = site.dispatcher.connect(reader, None)
    await live.subscribe("public")
    await site.posts.publish(ann, Draft("0"))
    await site.settled()
    live.pause()
    for n in range(1, 4):
        await site.posts.publish(ann, Draft(str(n)))
    await site.settled()
    assert reader.texts == ["0"]
    await live.resume()
    await site.posts.publish(ann, Draft("4"))
    await site.settled()
    assert reader.texts == ["0", "1", "2", "3", "4"]


async def test_event_is_rendered_once_for_each_format_over_all_readers(site: Site) -> None:
    ann = await create_viewer(site.db, "ann")
    rendered: list[int] = []

    class Rendering(Reading):
        def deliver(self, batch: Batch) -> None:
            super().deliver(batch)
            batch.joined("text", lambda event: rendered.append(event.position) or b"x")  # type: ignore[func-returns-value]

    readers = [Rendering() for _ in range(20)]
    for reader in readers:
        live = site.dispatcher.connect(reader, None)
        await live.subscribe("public")
        if reader is readers[0]:
            await live.subscribe("local")
    await site.posts.publish(ann, Draft("one"))
    await site.settled()
    assert all(reader.texts == ["one"] for reader in readers)
    assert len(rendered) == 1


async def test_block_during_the_relationship_query_is_applied(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of somebody with many take long to read; what they say may be from before the block."""
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    late: Deferred[None] = Deferred()
    slow = [late]

    class Slow:
        def __init__(self, db: Any) -> None:
            self.queries = real(db)

        async def relationships(self, account_id: int) -> Relationships:
            found: Relationships = await self.queries.relationships(account_id)
            if slow:
                await slow.pop()
            return found

    real = relationship_cache.live
    monkeypatch.setattr(relationship_cache, "live", Slow)
    reader = Reading()
    coming = ensureDeferred(site.dispatcher.connect(reader, bob).subscribe("public"))
    await until(site.reactor, lambda: not slow)
    await site.run("INSERT INTO blocks (account_id, target_id) VALUES (%s, %s)", ann.id, bob.id)
    await site.relation(ann, bob)
    await until(site.reactor, lambda: site.dispatcher.position == 1)
    late.callback(None)
    await coming
    await site.posts.publish(ann, Draft("not for bob"))
    await until(site.reactor, lambda: site.dispatcher.position == 2)
    assert reader.texts == []


async def test_connection_lost_during_its_login_is_not_registered_again(site: Site) -> None:
    ann = await create_viewer(site.db, "ann")
    live = site.dispatcher.connect(Reading(), None)
    live.close()
    live.set_viewer(ann)
    assert site.dispatcher.readers == 0
