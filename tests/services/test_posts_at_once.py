"""Many people at once at the same few posts: nothing is lost, nobody waits for each other for good, counters fit."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.defer import DeferredList, ensureDeferred

from microblog.config import Config
from microblog.domain.accounts import Viewer
from microblog.domain.errors import Forbidden, InvalidInput, NotFound
from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from microblog.services.follows import Follows
from microblog.services.notifier import Notifier
from microblog.services.posts import Posts
from microblog.store.database import Database
from tests.testrig import now, person

PEOPLE, STEPS = 5, 40

#: what each counter says, and what it should: rows in which they differ
DIFFERENCES = {
    "replies": "SELECT id FROM posts p WHERE replies_count <> (SELECT count(*) FROM posts r "
    "WHERE r.reply_to_id = p.id AND r.visibility IN ('public', 'unlisted'))",
    "favourites": "SELECT id FROM posts p WHERE favourites_count <> "
    "(SELECT count(*) FROM favourites f WHERE f.post_id = p.id)",
    "boosts": "SELECT id FROM posts p WHERE boosts_count <> (SELECT count(*) FROM posts b WHERE b.boost_of_id = p.id)",
    "posts": "SELECT name FROM accounts a WHERE posts_count <> "
    "(SELECT count(*) FROM posts p WHERE p.author_id = a.id AND p.visibility <> 'direct')",
    "followers": "SELECT name FROM accounts a WHERE followers_count <> "
    "(SELECT count(*) FROM follows f WHERE f.followee_id = a.id AND f.accepted)",
}


async def test_whatever_people_do_at_once_the_counters_are_those_of_the_rows(
    db: Database, reactor_: Any
) -> None:
    posts = Posts(Config.load({}, {}), db, Notifier(db, reactor_))
    follows = Follows(db=db, poke=lambda: None, now=now)
    people = [await person(db, f"p{number}") for number in range(PEOPLE)]
    known = [(await posts.publish(people[0], Draft("It begins"))).id]

    async def act(who: Viewer, chance: random.Random) -> None:
        post_id, other = chance.choice(known[-8:]), chance.choice(people)
        seen = chance.choice(list(Visibility))
        match chance.choice("pprrdfFbBeBxXo"):
            case "p":
                known.append(
                    (await posts.publish(who, Draft(f"@{other.account.name} #a #b", visibility=seen))).id
                )
            case "r":
                draft = Draft(f"@{other.account.name} #b #a", visibility=seen, reply_to_id=post_id)
                known.append((await posts.publish(who, draft)).id)
            case "e":
                await posts.edit(who, post_id, Draft(f"@{other.account.name} #c #b"))
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

    async def live(who: Viewer, seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(STEPS):
            try:
                await act(who, chance)
            except (NotFound, Forbidden, InvalidInput):
                continue  # gone by now, blocked, one's own: as it should be. Anything else is not.

    # Each of them twice: people have more than one device.
    lives = [ensureDeferred(live(who, number)) for number, who in enumerate(people * 2)]
    for fine, result in await DeferredList(lives, consumeErrors=True):
        assert fine, result
    for what, statement in DIFFERENCES.items():
        assert (await db.reads.run(statement)).fetchall() == [], what
    assert len(known) > PEOPLE * STEPS // 4


async def test_a_post_that_its_author_boosted_takes_both_along(db: Database, reactor_: Any) -> None:
    posts = Posts(Config.load({}, {}), db, Notifier(db, reactor_))
    ann, bob = await person(db, "ann"), await person(db, "bob")
    post = await posts.publish(ann, Draft("Again and again"))
    for who in (ann, bob):
        await posts.boost(who, post.id)
    await posts.delete(ann, post.id)
    for what, statement in DIFFERENCES.items():
        assert (await db.reads.run(statement)).fetchall() == [], what
