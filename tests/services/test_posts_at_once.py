"""Concurrent actions of many accounts on few posts: nothing is lost, nothing deadlocks, and the counters are right."""

from __future__ import annotations

import random
from typing import Any

import pytest
from twisted.internet.defer import DeferredList, ensureDeferred

from microblog.config.load import Config
from microblog.domain.accounts import Viewer
from microblog.domain.errors import Forbidden, InvalidInput, NotFound
from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from microblog.services.deletion import Deletion
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.posts import Posts
from microblog.services.tag_counts import TagCounts
from microblog.services.tags import Tags
from microblog.store.engine.database import Database
from tests.factories import create_viewer
from tests.recount import differences
from tests.services.people import PASSWORD, Site
from tests.waiting import now, until

PEOPLE, STEPS = 10, 40
LEAVING = 3  #: how many of these accounts are deleted meanwhile


async def test_counters_match_the_rows_after_concurrent_actions(
    site: Site, db: Database, reactor_: Any
) -> None:
    posts = Posts(Config.load({}, {}), db, EventDispatcher(db, reactor_))
    follows, featured = site.follows, Tags(db=db, poke=site.poke, now=now)
    people = await site.people(*[f"p{number}" for number in range(PEOPLE)])
    leaving = people[-LEAVING:]
    known = [(await posts.publish(people[0], Draft("It begins"))).id]
    known += [(await posts.publish(each, Draft("I was here #a"))).id for each in leaving]

    async def profile(who: Viewer, locked: bool) -> None:
        await site.profiles.update(
            who, display_name="", bio="", fields=[], locked=locked, discoverable=True, bot=False
        )

    async def act(who: Viewer, chance: random.Random) -> None:
        post_id, other, third = chance.choice(known[-8:]), chance.choice(people), chance.choice(people)
        seen = chance.choice(list(Visibility))
        names = f"@{other.account.name} @{third.account.name}"
        match chance.choice("pprrrddfFbbBeexXooOaulLt"):
            case "p":
                known.append((await posts.publish(who, Draft(f"{names} #a #b", visibility=seen))).id)
            case "r":
                draft = Draft(f"{names} #b #a", visibility=seen, reply_to_id=post_id)
                known.append((await posts.publish(who, draft)).id)
            case "e":
                await posts.edit(who, post_id, Draft(f"{names} #c #b"))
            case "d":
                await posts.delete(who, post_id)
            case "f":
                await posts.favourite(who, post_id)
            case "F":
                await posts.unfavourite(who, post_id)
            case "b":
                await posts.boost(who, post_id)
            case "B":
                await posts.unboost(who, post_id)
            case "x":
                await follows.block(who, other.id)
            case "X":
                await follows.unblock(who, other.id)
            case "o":
                await follows.follow(who, other.id)
            case "O":
                await follows.unfollow(who, other.id)
            case "a":
                await follows.accept(who, other.id)
            case "l":
                await profile(who, True)
            case "L" | "u":
                await profile(who, False)
            case "t":
                await featured.feature(who, chance.choice("abc"))

    async def live(who: Viewer, seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(STEPS):
            try:
                await act(who, chance)
            except (NotFound, Forbidden, InvalidInput):
                continue  # deleted, blocked or their own post, as expected; other errors fail the test

    async def leave(who: Viewer, after: int) -> None:
        await until(reactor_, lambda: len(known) > after)
        await site.deletion.delete(who, PASSWORD)
        while not await Deletion(db, site.credentials, site.poke).delete_rows(who.id, 5.0):
            pass

    # Each account acts twice at once, as with two devices.
    lives = [ensureDeferred(live(who, number)) for number, who in enumerate(people * 2)]
    lives += [ensureDeferred(leave(who, 8 + 8 * number)) for number, who in enumerate(leaving)]
    for fine, result in await DeferredList(lives, consumeErrors=True):
        assert fine, result
    # Delete what the last requests of a deleted account wrote.
    for who in leaving:
        assert await Deletion(db, site.credentials, site.poke).delete_rows(who.id, 5.0)
    await TagCounts(db).catch_up()
    assert await differences(db) == {}
    assert len(known) > PEOPLE * STEPS // 8
    remaining = await db.reads.run("SELECT name FROM accounts ORDER BY name")
    assert [name for (name,) in remaining.fetchall()] == [f"p{number}" for number in range(PEOPLE - LEAVING)]


async def deadlocks(db: Database) -> int:
    await db.reads.run("SELECT pg_stat_force_next_flush()")
    cursor = await db.reads.run("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return int(cursor.fetchall()[0][0])


@pytest.mark.parametrize("leaves", [False, True], ids=["the post is deleted", "its author leaves"])
async def test_deletion_during_concurrent_actions_causes_no_deadlock(
    site: Site, dsn: str, reactor_: Any, leaves: bool
) -> None:
    """The order of locks alone must prevent deadlocks here. Retries are for cases that it does not cover."""
    db = Database(dsn, reactor_, size=20)
    posts = Posts(Config.load({}, {}), db, EventDispatcher(db, reactor_))
    people = await site.people(*[f"p{number}" for number in range(6)])
    chance = random.Random(7)
    for number in range(12):
        author = await site.person(f"author{number}") if leaves else people[0]
        post = await posts.publish(author, Draft("Look at this #a"))
        older = [await posts.publish(who, Draft(f"Older #{who.account.name}")) for who in people[:3]]
        for who in people[:4]:
            await posts.boost(who, post.id)
        await posts.publish(author, Draft("@p1 @p2 an answer", reply_to_id=older[0].id))
        await posts.boost(author, older[1].id)
        await posts.favourite(author, older[2].id)
        acts: list[Any] = []
        for who, one, other in zip(people, people[1:] + people[:1], people[2:] + people[:2], strict=True):
            names = f"@{other.account.name} @{one.account.name} @{author.account.name}"
            acts += [
                posts.publish(who, Draft(f"{names} #b #a", reply_to_id=post.id)),
                posts.publish(who, Draft(f"{names} #a #b", reply_to_id=older[number % 3].id)),
                posts.unboost(who, post.id),
                posts.boost(who, post.id),
                posts.boost(who, older[number % 3].id),
                posts.favourite(who, post.id),
                site.follows.follow(who, author.id),
            ]
        acts += [posts.edit(author, post.id, Draft("@p5 @p3 @p1 changed #c")) for _ in range(2)]
        acts += [posts.delete(who, each.id) for who, each in zip(people, older, strict=False)]
        acts += [site.deletion.delete(author, PASSWORD) if leaves else posts.delete(author, post.id)]
        chance.shuffle(acts)
        for fine, result in await DeferredList([ensureDeferred(each) for each in acts], consumeErrors=True):
            assert fine or result.check(NotFound, Forbidden, InvalidInput), result
        if leaves:
            assert await Deletion(db, site.credentials, site.poke).delete_rows(author.id, 5.0)
    await TagCounts(db).catch_up()
    assert await differences(db) == {}
    assert await deadlocks(db) == 0
    await db.close()


async def test_deletion_of_a_boosted_post_deletes_its_boosts(db: Database, reactor_: Any) -> None:
    posts = Posts(Config.load({}, {}), db, EventDispatcher(db, reactor_))
    ann, bob = await create_viewer(db, "ann"), await create_viewer(db, "bob")
    post = await posts.publish(ann, Draft("Again and again"))
    for who in (ann, bob):
        await posts.boost(who, post.id)
    await posts.delete(ann, post.id)
    assert await differences(db) == {}
