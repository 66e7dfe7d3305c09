"""Live streams: nothing lost, nothing twice, in one order, and only what may be seen (on a real database)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from microblog.config import Config
from microblog.domain.accounts import Viewer
from microblog.domain.errors import Gone, NotFound, Unauthenticated, Unavailable
from microblog.domain.events import Kind
from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from microblog.services import notifier
from microblog.services.live import Batch
from microblog.services.notifier import Notifier
from microblog.services.posts import Posts
from microblog.store.database import Database
from microblog.store.events import LOCK, events, outbox
from microblog.store.listener import Listener
from tests.testrig import Cluster, person, until


class Reading:
    """A reader that keeps what it got."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.ended: list[str] = []

    def deliver(self, batch: Batch) -> None:
        self.batches.append(batch)

    def end(self, reason: str) -> None:
        self.ended.append(reason)

    @property
    def positions(self) -> list[int]:
        return [event.position for batch in self.batches for event in batch.events]

    @property
    def texts(self) -> list[str]:
        return [e.post.content.text if e.post else e.kind.value for b in self.batches for e in b.events]


class Site:
    def __init__(self, db: Database, reactor: Any) -> None:
        self.db, self.reactor = db, reactor
        self.notifier = Notifier(db, reactor)
        self.posts = Posts(Config.load({}, {}), db, self.notifier)

    async def run(self, sql: str, *parameters: Any) -> None:
        async with self.db.transaction() as tx:
            await tx.run(sql, parameters)

    async def settled(self) -> None:
        """All that is committed was dispatched."""
        self.notifier.poke()
        await until(self.reactor, lambda: not self.notifier._busy and not self.notifier._to_place)

    async def relation(self, who: Viewer, whom: Viewer) -> None:
        async with self.db.transaction() as tx:
            await outbox(tx).put("relation", who.id, whom.id, None, None)
        self.notifier.poke()


@pytest_twisted.async_yield_fixture
async def site(db: Database, reactor_: Any) -> Any:
    made = Site(db, reactor_)
    await made.notifier.start()
    yield made
    await made.notifier.stop()


async def test_a_post_reaches_public_and_tag_and_author_streams_once(site: Site) -> None:
    ann = await person(site.db, "ann")
    reader = Reading()
    live = site.notifier.connect(reader, None)
    for stream in ("public", "local", "tag:x", f"user:{ann.id}"):
        await live.subscribe(stream)
    await site.posts.publish(ann, Draft("one #x"))
    await until(site.reactor, lambda: len(reader.positions) == 1)
    await site.posts.publish(ann, Draft("two"))
    await until(site.reactor, lambda: reader.texts == ["one #x", "two"])
    assert live.cursor == site.notifier.position


async def test_edits_deletions_and_boosts_are_events_too(site: Site) -> None:
    ann, bob = await person(site.db, "ann"), await person(site.db, "bob")
    reader = Reading()
    live = site.notifier.connect(reader, None)
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
async def test_nobody_gets_what_they_may_not_see(site: Site, visibility: Visibility) -> None:
    ann, bob, cat, dan = [await person(site.db, name) for name in ("ann", "bob", "cat", "dan")]
    await site.run(
        "INSERT INTO follows (follower_id, followee_id, accepted) VALUES (%s, %s, true)", cat.id, ann.id
    )
    await site.run("INSERT INTO blocks (account_id, target_id) VALUES (%s, %s)", ann.id, dan.id)
    readers = {}
    for name, viewer in {"stranger": None, "ann": ann, "bob": bob, "cat": cat, "dan": dan}.items():
        readers[name] = Reading()
        live = site.notifier.connect(readers[name], viewer)
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


async def test_a_new_block_filters_what_is_subscribed_already(site: Site) -> None:
    ann, bob = await person(site.db, "ann"), await person(site.db, "bob")
    reader = Reading()
    live = site.notifier.connect(reader, bob)
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
    ann = await person(site.db, "ann")
    by_token, by_account, other = Reading(), Reading(), Reading()
    from dataclasses import replace

    site.notifier.connect(by_token, replace(ann, token_id=7))
    site.notifier.connect(by_account, replace(ann, token_id=8))
    site.notifier.connect(other, None)
    async with site.db.transaction() as tx:
        await outbox(tx).put("revoked", ann.id, None, None, '{"token": 7}')
    await site.settled()
    assert (by_token.ended, by_account.ended, other.ended) == (["revoked"], [], [])
    async with site.db.transaction() as tx:
        await outbox(tx).put("revoked", ann.id, None, None, f'{{"account": {ann.id}}}')
    await site.settled()
    assert by_account.ended == ["suspended"]
    assert other.ended == []


async def test_a_token_that_has_had_its_time_ends_its_readers(db: Database) -> None:
    clock, now = Clock(), datetime.now(UTC)
    notifier = Notifier(db, clock, now=lambda: now)
    ann = await person(db, "ann")
    reader, other, left = Reading(), Reading(), Reading()
    notifier.connect(reader, replace(ann, until=now + timedelta(hours=2)))
    notifier.connect(other, None).set_viewer(replace(ann, until=now - timedelta(seconds=1)))
    notifier.connect(left, replace(ann, until=now + timedelta(hours=1))).close()
    clock.advance(0)
    assert (reader.ended, other.ended) == ([], ["revoked"])
    clock.advance(2 * 3600)
    assert (reader.ended, left.ended) == (["revoked"], [])
    assert clock.getDelayedCalls() == []


async def test_personal_streams_want_a_viewer_and_streams_of_nobody_do_not_exist(site: Site) -> None:
    live = site.notifier.connect(Reading(), None)
    with pytest.raises(Unauthenticated):
        await live.subscribe("home")
    for stream in ("user:1", "thread:1", "user:x"):
        with pytest.raises(NotFound):
            await live.subscribe(stream)


async def test_a_cursor_out_of_the_logs_reach_is_told_so(site: Site) -> None:
    ann = await person(site.db, "ann")
    live = site.notifier.connect(Reading(), None)
    with pytest.raises(Gone):
        await live.subscribe("public", since=10**9)
    for n in range(3):
        await site.posts.publish(ann, Draft(str(n)))
    await site.settled()
    await site.run("DELETE FROM events WHERE position < (SELECT max(position) FROM events)")
    with pytest.raises(Gone):
        await live.subscribe("public", since=0)
    await live.subscribe("public", since=site.notifier.position - 1)
    await site.run("DELETE FROM events")
    await live.subscribe("local", since=site.notifier.position)
    with pytest.raises(Gone):
        await live.subscribe("tag:x", since=site.notifier.position - 1)


async def test_since_replays_and_goes_live_without_gap_or_repeat(site: Site) -> None:
    ann = await person(site.db, "ann")
    for n in range(5):
        await site.posts.publish(ann, Draft(str(n)))
    await site.settled()
    cursor = site.notifier.position - 3
    reader = Reading()
    live = site.notifier.connect(reader, None)
    await live.subscribe("public", since=cursor)
    await site.posts.publish(ann, Draft("5"))
    await site.settled()
    assert reader.texts == ["2", "3", "4", "5"]
    await live.subscribe("local", since=cursor)
    assert reader.texts == ["2", "3", "4", "5", "2", "3", "4", "5"], (
        "a stream replayed on its own asks for its own"
    )


async def test_a_paused_reader_misses_nothing(site: Site) -> None:
    ann = await person(site.db, "ann")
    reader = Reading()
    live = site.notifier.connect(reader, None)
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


async def test_an_event_is_rendered_once_a_format_over_all_readers(site: Site) -> None:
    ann = await person(site.db, "ann")
    rendered: list[int] = []

    class Rendering(Reading):
        def deliver(self, batch: Batch) -> None:
            super().deliver(batch)
            batch.joined("text", lambda event: rendered.append(event.position) or b"x")  # type: ignore[func-returns-value]

    readers = [Rendering() for _ in range(20)]
    for reader in readers:
        live = site.notifier.connect(reader, None)
        await live.subscribe("public")
        if reader is readers[0]:
            await live.subscribe("local")
    await site.posts.publish(ann, Draft("one"))
    await site.settled()
    assert all(reader.texts == ["one"] for reader in readers)
    assert len(rendered) == 1


async def test_another_process_is_told_and_hears_again_after_its_connection_was_killed(
    site: Site, cluster: Cluster
) -> None:
    ann = await person(site.db, "ann")
    listener = Listener(site.db.dsn, site.reactor)
    other = Notifier(site.db, site.reactor, listener)
    other._looking.interval = 3600  # only being told counts here
    await listener.start()
    await other.start()
    other._looking.stop()
    reader = Reading()
    await other.connect(reader, None).subscribe("public")
    await site.posts.publish(ann, Draft("one"))
    await until(site.reactor, lambda: reader.texts == ["one"])
    await cluster.admin(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'microblog listener'"
    )
    await site.posts.publish(ann, Draft("two"))
    await until(site.reactor, lambda: reader.texts == ["one", "two"])
    await until(site.reactor, lambda: listener.listening)
    await site.posts.publish(ann, Draft("three"))
    await until(site.reactor, lambda: reader.texts == ["one", "two", "three"])
    other._started = False
    listener.stop()


async def test_a_process_that_lags_behind_repeats_nothing_to_a_reader_from_another(site: Site) -> None:
    ann = await person(site.db, "ann")
    lagging = Notifier(site.db, site.reactor)
    await lagging.start()
    lagging._started = False  # it neither looks nor is told
    await site.posts.publish(ann, Draft("one"))
    await site.settled()
    assert lagging.position < site.notifier.position
    reader = Reading()
    subscribing = ensureDeferred(
        lagging.connect(reader, None).subscribe("public", since=site.notifier.position)
    )
    await pause(site.reactor, 0.05)
    assert not subscribing.called
    lagging._started = True
    lagging.look()
    await subscribing
    await site.posts.publish(ann, Draft("two"))
    lagging.look()
    await until(site.reactor, lambda: bool(reader.texts))
    assert reader.texts == ["two"]
    await lagging.stop()


async def test_a_process_that_lags_too_long_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "PATIENCE", 0.02)
    with pytest.raises(Unavailable):
        await site.notifier.reached(site.notifier.position + 1)
    await site.posts.publish(await person(site.db, "ann"), Draft("one"))
    await site.settled()


async def test_a_writer_that_finds_the_sequencer_at_work_leaves_its_event_to_it(site: Site) -> None:
    ann = await person(site.db, "ann")
    reader = Reading()
    await site.notifier.connect(reader, None).subscribe("public")
    await site.posts.publish(ann, Draft("placed by its writer"))
    assert (await site.db.reads.run("SELECT count(*) FROM outbox")).fetchall() == [(0,)]
    async with site.db.transaction() as tx:
        await tx.run(f"SELECT pg_advisory_xact_lock({LOCK})")
        await site.posts.publish(ann, Draft("left in the outbox"))
        assert (await site.db.reads.run("SELECT count(*) FROM outbox")).fetchall() == [(1,)]
    await until(site.reactor, lambda: reader.texts == ["placed by its writer", "left in the outbox"])


async def test_a_database_that_refuses_at_once_does_not_end_the_dispatch_for_good(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work is then through before the Deferred of it is there to be kept."""
    ann = await person(site.db, "ann")
    reader = Reading()
    await site.notifier.connect(reader, None).subscribe("public")

    async def refuse(*_: Any) -> Any:
        raise Unavailable

    with monkeypatch.context() as away:
        away.setattr(site.db.reads, "run", refuse)
        site.notifier.look()
    await site.posts.publish(ann, Draft("heard"))
    await until(site.reactor, lambda: reader.texts == ["heard"])


async def test_what_was_committed_before_a_post_comes_before_it(site: Site) -> None:
    """Else somebody who was blocked a moment ago would still be sent the post."""
    ann = await person(site.db, "ann")
    async with site.db.transaction() as tx:
        await outbox(tx).put("relation", ann.id, ann.id, None, None)
    await site.posts.publish(ann, Draft("later"))
    await site.settled()
    kept = await site.db.reads.run("SELECT kind FROM events ORDER BY position")
    assert kept.fetchall() == [("relation",), ("post",)]


async def test_a_process_that_starts_while_an_event_is_on_its_way_does_not_step_over_it(
    site: Site, reactor_: Any
) -> None:
    """A sequence tells its last number before that is visible."""
    late = Notifier(site.db, reactor_)
    async with site.db.transaction() as tx:
        await tx.run(f"SELECT pg_advisory_xact_lock({LOCK})")
        await tx.run(
            "INSERT INTO events (kind, post_id, detail) VALUES ('delete', 7, %s::jsonb) RETURNING position",
            (_AUDIENCE,),
        )
        starting = ensureDeferred(late.start())
        await pause(reactor_, 0.1)
        assert not starting.called
    await starting
    reader = Reading()
    await late.connect(reader, None).subscribe("public", since=late.position - 1)
    assert len(reader.positions) == 1
    await late.stop()


def pause(reactor: Any, seconds: float) -> Deferred[None]:
    waited: Deferred[None] = Deferred()
    reactor.callLater(seconds, waited.callback, None)
    return waited


async def write_overlapping(site: Site, account_id: int, writers: int, each: int, seed: int) -> list[int]:
    """Writers whose transactions overlap: an early one may commit after many later ones. Returns what was committed."""
    chance = random.Random(seed)
    committed: list[int] = []

    async def writer(number: int) -> None:
        for n in range(each):
            mark = number * 1000 + n
            try:
                async with site.db.transaction() as tx:
                    await outbox(tx).put("delete", account_id, None, mark, _AUDIENCE)
                    await pause(site.reactor, chance.random() * 0.02)
                    if chance.random() < 0.1:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                continue
            committed.append(mark)
            site.notifier.poke()

    for writing in [ensureDeferred(writer(number)) for number in range(writers)]:
        await writing
    return committed


_AUDIENCE = (
    '{"author_id": 1, "author_name": "a", "visibility": "public", "mentioned_ids": [], "tags": [], "thread_id": 1, '
    '"reply_to_account_id": null, "is_boost": false}'
)


@pytest.mark.parametrize("seed", range(3))
async def test_readers_that_come_and_go_see_each_event_once_in_one_order_whatever_writers_overlap(
    site: Site, seed: int
) -> None:
    chance = random.Random(seed)
    writing = ensureDeferred(write_overlapping(site, 1, 5, 20, seed))
    done: list[bool] = []
    writing.addCallback(lambda marks: done.append(True) or marks)

    async def reader() -> list[tuple[int, int]]:
        seen: list[tuple[int, int]] = []
        cursor = 0
        while True:
            finished = bool(done)
            reading = Reading()
            live = site.notifier.connect(reading, None)
            await live.subscribe("public", since=cursor)
            await pause(site.reactor, chance.random() * 0.03)
            live.close()
            seen += [
                (event.position, event.post_id or 0) for batch in reading.batches for event in batch.events
            ]
            cursor = live.cursor
            if finished:
                return seen

    reads = [ensureDeferred(reader()) for _ in range(3)]
    committed = await writing
    await site.settled()
    for each in reads:
        seen = await each
        # The last round began after all was committed; what it did not wait for, the log still has.
        rest = await events(site.db.reads).after(seen[-1][0] if seen else 0, 1000)
        seen += [(row.position, row.post_id or 0) for row in rest]
        assert [position for position, _ in seen] == sorted({position for position, _ in seen})
        assert sorted(mark for _, mark in seen) == sorted(committed)


async def test_paging_by_id_would_lose_events(site: Site) -> None:
    """Why there is a sequencer: the naive cursor, over the same writers, misses what commits late."""
    lost = False
    for seed in range(5):
        await site.run("TRUNCATE outbox")
        seen: list[int] = []
        cursor = 0
        site.notifier._started = False  # leave the outbox alone
        writing = ensureDeferred(write_overlapping(site, 1, 5, 20, seed))
        done: list[bool] = []
        writing.addCallback(lambda marks, done=done: done.append(True) or marks)
        while not done:
            found = (
                await site.db.reads.run("SELECT id, post_id FROM outbox WHERE id > %s ORDER BY id", (cursor,))
            ).fetchall()
            if found:
                cursor = found[-1][0]
                seen += [mark for _, mark in found]
            await pause(site.reactor, 0.001)
        committed = await writing
        found = (await site.db.reads.run("SELECT post_id FROM outbox WHERE id > %s", (cursor,))).fetchall()
        seen += [mark for (mark,) in found]
        lost = lost or sorted(seen) != sorted(committed)
    assert lost
