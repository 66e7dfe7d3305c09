"""The log of events behind live streams: nothing lost, nothing twice, in one order (on a real database)."""

from __future__ import annotations

import random
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred

from microblog.domain.errors import Unavailable
from microblog.domain.posts import Draft
from microblog.runtime.log import bind_request, current_request
from microblog.services.live import event_log
from microblog.services.live.dispatcher import EventDispatcher
from microblog.store.engine.listener import Listener
from microblog.store.events import LOCK, events, outbox
from tests.database import Cluster
from tests.factories import create_viewer
from tests.services.live.live_site import Reading, Site
from tests.waiting import until


@pytest.fixture
def site(live_site: Site) -> Site:
    return live_site


async def test_other_process_is_notified_again_after_its_listener_was_killed(
    site: Site, cluster: Cluster
) -> None:
    ann = await create_viewer(site.db, "ann")
    listener = Listener(site.db.dsn, site.reactor)
    other = EventDispatcher(site.db, site.reactor, listener)
    other._poller.interval = 3600  # only being told counts here
    await listener.start()
    await other.start()
    other._poller.stop()
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


async def test_dispatcher_logs_without_the_id_of_the_request_that_woke_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: list[str] = []

    async def broken() -> None:
        ids.append(current_request())
        raise Unavailable

    await site.settled()
    monkeypatch.setattr(site.dispatcher, "_dispatch_new", broken)
    bind_request("somebodys-request")
    site.dispatcher.poll()
    await until(site.reactor, lambda: bool(ids))
    monkeypatch.undo()
    assert set(ids) == {""}


async def test_lagging_process_repeats_nothing_to_a_reader_from_another_process(site: Site) -> None:
    ann = await create_viewer(site.db, "ann")
    lagging = EventDispatcher(site.db, site.reactor)
    await lagging.start()
    lagging._started = False  # it neither looks nor is told
    await site.posts.publish(ann, Draft("one"))
    await site.settled()
    assert lagging.position < site.dispatcher.position
    reader = Reading()
    subscribing = ensureDeferred(
        lagging.connect(reader, None).subscribe("public", since=site.dispatcher.position)
    )
    await pause(site.reactor, 0.05)
    assert not subscribing.called
    lagging._started = True
    lagging.poll()
    await subscribing
    await site.posts.publish(ann, Draft("two"))
    lagging.poll()
    await until(site.reactor, lambda: bool(reader.texts))
    assert reader.texts == ["two"]
    await lagging.stop()


async def test_reader_is_refused_when_the_process_lags_too_long(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "MAX_LAG", 0.02)
    with pytest.raises(Unavailable):
        await site.dispatcher.log.wait_for(site.dispatcher.position + 1)
    await site.posts.publish(await create_viewer(site.db, "ann"), Draft("one"))
    await site.settled()


async def test_writer_leaves_its_event_to_a_running_sequencer(site: Site) -> None:
    ann = await create_viewer(site.db, "ann")
    reader = Reading()
    await site.dispatcher.connect(reader, None).subscribe("public")
    await site.posts.publish(ann, Draft("placed by its writer"))
    assert (await site.db.reads.run("SELECT count(*) FROM outbox")).fetchall() == [(0,)]
    async with site.db.transaction() as tx:
        await tx.run(f"SELECT pg_advisory_xact_lock({LOCK})")
        await site.posts.publish(ann, Draft("left in the outbox"))
        assert (await site.db.reads.run("SELECT count(*) FROM outbox")).fetchall() == [(1,)]
    await until(site.reactor, lambda: reader.texts == ["placed by its writer", "left in the outbox"])


async def test_dispatch_goes_on_after_the_database_refuses_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work is then through before the Deferred of it is there to be kept."""
    ann = await create_viewer(site.db, "ann")
    reader = Reading()
    await site.dispatcher.connect(reader, None).subscribe("public")

    async def refuse(*_: Any) -> Any:
        raise Unavailable

    with monkeypatch.context() as away:
        away.setattr(site.db.reads, "run", refuse)
        site.dispatcher.poll()
    await site.posts.publish(ann, Draft("heard"))
    await until(site.reactor, lambda: reader.texts == ["heard"])


async def test_events_keep_the_order_of_their_commits(site: Site) -> None:
    """Else somebody who was blocked a moment ago would still be sent the post."""
    ann = await create_viewer(site.db, "ann")
    async with site.db.transaction() as tx:
        await outbox(tx).put("relation", ann.id, ann.id, None, None)
    await site.posts.publish(ann, Draft("later"))
    await site.settled()
    kept = await site.db.reads.run("SELECT kind FROM events ORDER BY position")
    assert kept.fetchall() == [("relation",), ("post",)]


async def test_starting_process_skips_no_event_that_is_being_committed(site: Site, reactor_: Any) -> None:
    """A sequence tells its last number before that is visible."""
    late = EventDispatcher(site.db, reactor_)
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
            site.dispatcher.poke()

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
    writing.addCallback(lambda flags: done.append(True) or flags)

    async def reader() -> list[tuple[int, int]]:
        seen: list[tuple[int, int]] = []
        cursor = 0
        while True:
            finished = bool(done)
            reading = Reading()
            live = site.dispatcher.connect(reading, None)
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
        site.dispatcher._started = False  # leave the outbox alone
        writing = ensureDeferred(write_overlapping(site, 1, 5, 20, seed))
        done: list[bool] = []
        writing.addCallback(lambda flags, done=done: done.append(True) or flags)
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
