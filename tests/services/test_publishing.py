"""Group commit: concurrent plain posts share a statement, and each request gets its own result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, DeferredList, ensureDeferred

from microblog.config.load import Config
from microblog.domain.accounts import Viewer
from microblog.domain.errors import InvalidInput, Unavailable
from microblog.domain.events import Event
from microblog.domain.posts import Draft, Post
from microblog.services.live.event_log import load
from microblog.services.posts import Posts
from microblog.services.posts.group_commit import BATCH_SIZE
from microblog.store.engine.database import Database
from microblog.store.events import LOCK, events
from tests.factories import create_viewer


class Notified:
    """A dispatcher that records its calls."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.pokes = 0

    def sequenced(self, position: int, event: Event) -> None:
        assert position == event.position
        self.events.append(event)

    def poke(self) -> None:
        self.pokes += 1


class Site:
    def __init__(self, db: Database, people: Sequence[Viewer]) -> None:
        self.db, self.people, self.notified = db, people, Notified()
        self.posts = Posts(Config.load({}, {}), db, self.notified)  # type: ignore[arg-type]

    async def at_once(self, *drafts: tuple[Viewer, Draft]) -> list[Any]:
        """Publish drafts concurrently and return each post or error."""
        sent = [ensureDeferred(self.posts.publish(who, draft)) for who, draft in drafts]
        results = await DeferredList(sent, consumeErrors=True)
        return [result if fine else result.value for fine, result in results]

    async def rows(self, sql: str) -> list[Any]:
        return list((await self.db.reads.run(sql)).fetchall())


@pytest_twisted.async_fixture
async def site(db: Database) -> Site:
    return Site(db, [await create_viewer(db, name) for name in ("ann", "bob", "cid")])


async def test_concurrent_posts_share_a_transaction(site: Site) -> None:
    ann, bob, cid = site.people
    drafts = [(who, Draft(f"{number} #tag{number}")) for number in range(4) for who in (ann, bob, cid)]
    made: list[Post] = await site.at_once(*drafts)
    assert [(post.author.id, post.text) for post in made] == [(who.id, draft.text) for who, draft in drafts]
    assert [post.tags for post in made] == [(f"tag{n}",) for n in range(4) for _ in site.people]
    # The first statement runs when the other posts arrive. They wait for it and then share a transaction.
    transactions = await site.rows("SELECT count(*) FROM posts GROUP BY xmin::text ORDER BY 1")
    assert transactions == [(1,), (11,)]
    for post in made:
        assert (await site.posts.by_id(None, post.id)) == post or post.author.posts_count < 4
    assert await site.rows("SELECT name, posts_count FROM accounts ORDER BY name") == [
        ("ann", 4),
        ("bob", 4),
        ("cid", 4),
    ]


async def test_events_have_positions_in_the_order_of_requests(site: Site) -> None:
    ann, bob, _ = site.people
    made = await site.at_once(*[(who, Draft(str(number))) for number in range(3) for who in (ann, bob)])
    assert await site.rows("SELECT post_id FROM events ORDER BY position") == [(post.id,) for post in made]
    assert site.notified.pokes == 0


async def test_dispatcher_gets_the_events_as_the_log_has_them(site: Site) -> None:
    ann, bob, _ = site.people
    await site.at_once(
        *[(who, Draft(f"{n} #cats", summary="c", key=str(n))) for n in range(3) for who in (ann, bob)]
    )
    told = sorted(site.notified.events, key=lambda event: event.position)
    kept = await load(site.db, await events(site.db.reads).after(0, 100))
    # The first was told before the others were counted.
    assert [event.position for event in told] == [event.position for event in kept]
    assert told[1:] == kept[1:]


async def test_events_wait_in_the_outbox_while_the_sequencer_runs(site: Site) -> None:
    ann, bob, _ = site.people
    async with site.db.transaction() as tx:
        await tx.run(f"SELECT pg_advisory_xact_lock({LOCK})")
        made = await site.at_once((ann, Draft("one")), (bob, Draft("two")), (ann, Draft("three")))
    assert await site.rows("SELECT post_id FROM outbox ORDER BY id") == [(post.id,) for post in made]
    assert (site.notified.events, site.notified.pokes) == ([], 2)


async def test_repeated_key_in_a_batch_publishes_one_post_and_all_others(
    site: Site,
) -> None:
    ann, bob, cid = site.people
    twice = (bob, Draft("only once", key="k"))
    first, again, third, other = await site.at_once(
        (ann, Draft("first")), twice, twice, (cid, Draft("other"))
    )
    assert again.id == third.id
    assert (first.text, again.text, other.text) == ("first", "only once", "other")
    later = await site.posts.publish(*twice)
    assert later.id == again.id
    assert await site.rows("SELECT count(*) FROM posts") == [(3,)]


async def test_locked_author_delays_only_their_own_post(site: Site) -> None:
    ann, bob, cid = site.people
    async with site.db.transaction() as tx:
        await tx.run("SELECT FROM accounts WHERE id = %s FOR UPDATE", (bob.id,))
        waits = ensureDeferred(site.posts.publish(bob, Draft("bob's")))
        others = await site.at_once((ann, Draft("ann's")), (cid, Draft("cid's")))
        assert [post.text for post in others] == ["ann's", "cid's"]
        assert not waits.called
    assert (await waits).text == "bob's"


async def test_post_of_a_batch_notifies_followers_who_want_it(site: Site) -> None:
    ann, bob, cid = site.people
    async with site.db.transaction() as tx:
        await tx.run(
            "INSERT INTO follows (follower_id, followee_id, accepted, notify) VALUES (%s, %s, true, true)",
            (ann.id, bob.id),
        )
    await site.at_once((cid, Draft("first")), (cid, Draft("second")), (bob, Draft("third")))
    assert await site.rows("SELECT account_id, actor_id, kind FROM notifications") == [
        (ann.id, bob.id, "post")
    ]
    assert await site.rows("SELECT count(*) FROM posts") == [(3,)]


async def test_post_that_cannot_be_stored_fails_alone(site: Site) -> None:
    ann, bob, cid = site.people
    key = "half \ud800 a pair"
    fine, refused, also = await site.at_once(
        (ann, Draft("fine")), (bob, Draft("not this one", key=key)), (cid, Draft("also fine"))
    )
    assert (fine.text, also.text) == ("fine", "also fine")
    assert isinstance(refused, InvalidInput)
    fine, refused, also = await site.at_once(
        (ann, Draft("fine")), (bob, Draft("nor this", key="nul \x00")), (cid, Draft("also fine"))
    )
    assert (fine.text, also.text) == ("fine", "also fine")
    assert isinstance(refused, InvalidInput)
    assert await site.rows("SELECT count(*) FROM posts") == [(4,)]


async def test_posts_beyond_the_batch_size_share_the_next_statement(site: Site) -> None:
    ann, bob, _ = site.people
    await site.at_once(*[(ann if n % 2 else bob, Draft(f"post {n}")) for n in range(BATCH_SIZE + 3)])
    counts = await site.rows("SELECT count(*) FROM posts GROUP BY xmin::text ORDER BY 1")
    assert counts == [(1,), (2,), (BATCH_SIZE,)]


async def test_cancelled_request_keeps_its_post_and_delays_no_other(site: Site) -> None:
    ann, bob, cid = site.people
    first = ensureDeferred(site.posts.publish(ann, Draft("first")))
    second = ensureDeferred(site.posts.publish(bob, Draft("second")))
    for each in (first, second):
        each.cancel()
        with pytest.raises(CancelledError):
            await each
    assert (await site.posts.publish(cid, Draft("third"))).text == "third"
    assert await site.rows("SELECT text FROM posts ORDER BY id") == [("first",), ("second",), ("third",)]


async def test_lost_connection_fails_the_posts_of_its_statement_only(site: Site) -> None:
    ann, bob, cid = site.people
    # The statement waits for what nobody else holds up: a lock on the whole table.
    async with site.db.transaction() as tx:
        await tx.run("LOCK TABLE posts IN ACCESS EXCLUSIVE MODE")
        sent = [ensureDeferred(site.posts.publish(who, Draft("lost"))) for who in (ann, bob, cid)]
        ended: list[Any] = []
        while not ended:
            ended = await site.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND wait_event_type = 'Lock'"
            )
        with pytest.raises(Unavailable):
            await sent[0]
    # Those that had waited for it were not sent yet: they are written now.
    assert [(await each).text for each in sent[1:]] == ["lost", "lost"]
    assert await site.rows("SELECT count(*) FROM posts") == [(2,)]
