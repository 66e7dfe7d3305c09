"""What this process placed itself is dispatched as it is, where that leaves nothing out and repeats nothing."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from microblog.domain.accounts import Viewer
from microblog.domain.errors import NotFound
from microblog.domain.events import Event
from microblog.domain.posts import Draft
from microblog.services.live.event_log import load
from microblog.store.events import events, outbox
from tests.factories import create_viewer
from tests.services.live.live_site import Reading, Site
from tests.waiting import until


@pytest.fixture
def site(live_site: Site) -> Site:
    live_site.dispatcher._poller.stop()  # only being told counts here
    return live_site


async def unheard(site: Site, author: Viewer, count: int = 1) -> list[Event]:
    """Events that were placed behind this process's back, as the log has them."""
    post = await site.posts.publish(author, Draft("again"))
    await site.settled()
    since = site.dispatcher.position
    await site.run(
        "INSERT INTO events (kind, account_id, post_id) SELECT 'post', %s, %s FROM generate_series(1, %s)",
        author.id,
        post.id,
        count,
    )
    return await load(site.db, await events(site.db.reads).after(since, count))


async def reader_of_public(site: Site) -> Reading:
    reader = Reading()
    await site.dispatcher.connect(reader, None).subscribe("public")
    return reader


def statements(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Those that are sent from now on."""
    said: list[str] = []
    run = site.db.reads.run

    async def noted(operation: str, parameters: Any = None) -> Any:
        said.append(operation)
        return await run(operation, parameters)

    monkeypatch.setattr(site.db.reads, "run", noted)
    return said


async def test_local_event_after_the_position_is_dispatched_without_a_query(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    [event] = await unheard(site, await create_viewer(site.db, "ann"))
    reader = await reader_of_public(site)
    said = statements(site, monkeypatch)
    site.dispatcher.sequenced(event.position, event)
    assert reader.positions == []  # whoever posted is answered first
    await until(site.reactor, lambda: bool(reader.positions) and site.dispatcher.idle)
    assert reader.positions == [event.position]
    assert site.dispatcher.position == event.position
    assert ["pg_notify" in each for each in said] == [True]  # the other processes are told, and that is all


async def test_local_events_of_one_turn_are_dispatched_together_in_order(site: Site) -> None:
    found = await unheard(site, await create_viewer(site.db, "ann"), 3)
    reader = await reader_of_public(site)
    for event in reversed(found):
        site.dispatcher.sequenced(event.position, event)
    await until(site.reactor, lambda: bool(reader.positions))
    assert [list(batch.events) for batch in reader.batches] == [found]


async def test_events_of_other_processes_in_between_are_read_first(site: Site) -> None:
    """Another process placed something that this one has not heard of: above all, that somebody was blocked."""
    between, event = await unheard(site, await create_viewer(site.db, "ann"), 2)
    reader = await reader_of_public(site)
    site.dispatcher.sequenced(event.position, event)
    await until(site.reactor, lambda: len(reader.positions) == 2)
    assert reader.positions == [between.position, event.position]


async def test_what_is_being_read_is_not_dispatched_twice(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    [event] = await unheard(site, await create_viewer(site.db, "ann"))
    reader = await reader_of_public(site)
    run, held = site.db.reads.run, Deferred[None]()
    waits = [True]

    async def late(operation: str, parameters: Any = None) -> Any:
        answer = await run(operation, parameters)
        if waits and "after" in operation:
            waits.clear()
            await held
        return answer

    monkeypatch.setattr(site.db.reads, "run", late)
    site.dispatcher.poll()
    await until(site.reactor, lambda: not waits)  # the log was read, with the event; it is not dispatched yet
    site.dispatcher.sequenced(event.position, event)
    await turns(site)
    assert reader.positions == []
    held.callback(None)
    await until(site.reactor, lambda: site.dispatcher.idle)
    await site.settled()
    assert reader.positions == [event.position]


async def test_dispatch_goes_on_after_an_event_that_fails(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    [event] = await unheard(site, await create_viewer(site.db, "ann"))
    reader = await reader_of_public(site)
    pending, trouble = site.dispatcher.registry.queue, [ValueError("no")]

    def broken_once(loaded: Any) -> Any:
        if trouble:
            raise trouble.pop()
        return pending(loaded)

    monkeypatch.setattr(site.dispatcher.registry, "queue", broken_once)
    site.dispatcher.sequenced(event.position, event)
    await until(site.reactor, lambda: bool(reader.positions))  # it was left to the log
    assert reader.positions == [event.position]


async def test_stopping_process_leaves_local_events_to_the_log(site: Site) -> None:
    [event] = await unheard(site, await create_viewer(site.db, "ann"))
    reader = await reader_of_public(site)
    site.dispatcher.sequenced(event.position, event)
    await site.dispatcher.stop()
    await turns(site)
    assert reader.positions == []


async def test_what_is_dispatched_is_what_the_log_says(site: Site) -> None:
    """A post that is known and one that is read back are the same to every reader."""
    ann = await create_viewer(site.db, "ann")
    async with site.db.transaction() as tx:
        await outbox(tx).put("relation", ann.id, ann.id, None, None)
    await site.settled()
    reader = await reader_of_public(site)
    since = site.dispatcher.position
    await site.posts.publish(
        ann, Draft("Of #cats, and https://example.org/ where they are", summary="About cats", language="en")
    )
    await until(site.reactor, lambda: bool(reader.positions))
    assert [event for batch in reader.batches for event in batch.events] == await load(
        site.db, await events(site.db.reads).after(since, 10)
    )


async def turns(site: Site) -> None:
    for _ in range(3):
        turn: Deferred[None] = Deferred()
        site.reactor.callLater(0, turn.callback, None)
        await turn


async def test_who_was_suspended_since_they_asked_is_not_dispatched(site: Site) -> None:
    ann = await create_viewer(site.db, "ann")
    reader = await reader_of_public(site)
    await site.run("UPDATE accounts SET state = 'suspended' WHERE id = %s", ann.id)
    with pytest.raises(NotFound):
        await site.posts.publish(ann, Draft("too late"))
    await site.settled()
    assert (reader.texts, site.dispatcher.position) == ([], 1)
