"""The counts of hashtags match the posts after any change."""

from __future__ import annotations

import random
from typing import Any

import pytest
import pytest_twisted

from microblog.config.load import Config
from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.posts import Posts
from microblog.services.search import Search
from microblog.services.tag_counts import TagCounts
from microblog.services.tags import Tags
from microblog.services.trends import Trends
from microblog.store.engine.database import Database
from microblog.store.engine.migrate import migrate, migrations
from tests.database import Cluster
from tests.factories import create_viewer
from tests.recount import differences
from tests.waiting import now


@pytest_twisted.async_fixture
async def posts(db: Database, reactor_: Any) -> Posts:
    return Posts(Config.load({}, {}), db, EventDispatcher(db, reactor_))


async def offered(db: Database, tag: str) -> list[str]:
    return [each.tag for each in await Search(config=Config.load({}, {}), db=db).tags(tag)]


@pytest.mark.parametrize("seed", range(3))
async def test_counts_equal_a_recount_after_publishing_editing_and_deleting(
    db: Database, posts: Posts, seed: int
) -> None:
    chance = random.Random(seed)
    people = [await create_viewer(db, name) for name in ("ann", "bob")]
    featuring = Tags(db=db, poke=lambda: None, now=now)
    known: list[tuple[Any, int]] = []
    for step in range(60):
        who = chance.choice(people)
        words = " ".join(f"#{chance.choice('abcd')}" for _ in range(chance.randrange(4)))
        draft = Draft(f"Text {step} {words}", visibility=chance.choice(list(Visibility)))
        match chance.choice("pppeedf") if known else "p":
            case "p":
                known.append((who, (await posts.publish(who, draft)).id))
            case "e":
                author, post_id = chance.choice(known)
                await posts.edit(author, post_id, draft)
            case "d":
                author, post_id = known.pop(chance.randrange(len(known)))
                await posts.delete(author, post_id)
            case "f":
                await featuring.feature(who, chance.choice("abcd"))
    assert await differences(db) == {}
    for author, post_id in known:
        await posts.delete(author, post_id)
    assert await differences(db) == {}
    assert (await db.reads.run("SELECT tag FROM tags WHERE uses <> 0")).fetchall() == []


async def test_hashtag_without_posts_is_not_listed(db: Database, posts: Posts) -> None:
    ann = await create_viewer(db, "ann")
    trends = Trends(db=db, tags=Tags(db=db, poke=lambda: None, now=now), now=now)
    first = await posts.publish(ann, Draft("#tea"))
    second = await posts.publish(ann, Draft("#tea and #milk"))
    await db.reads.run("INSERT INTO trending_tags (tag, score) VALUES ('tea', 2), ('milk', 1)")
    assert [each.tag for each in await trends.tags(None)] == ["tea", "milk"]
    await posts.edit(ann, second.id, Draft("#tea alone"))
    assert await offered(db, "milk") == []
    assert [each.tag for each in await trends.tags(None)] == ["tea"]
    await posts.edit(ann, second.id, Draft("#tea once more"))
    for post in (first, second):
        assert await offered(db, "te") == ["tea"]
        await posts.delete(ann, post.id)
    assert await offered(db, "te") == []
    assert await trends.tags(None) == []


async def test_periodic_task_counts_changes_that_a_killed_process_left(db: Database) -> None:
    ann = await create_viewer(db, "ann")
    await db.reads.run(
        "WITH made AS (INSERT INTO posts (id, author_id, visibility, text, thread_id, tags) "
        "VALUES (1, %s, 'public', '#tea', 1, '{tea}') RETURNING id) "
        "INSERT INTO post_tags (tag, post_id) SELECT 'tea', id FROM made",
        (ann.id,),
    )
    assert await offered(db, "tea") == []
    counts = TagCounts(db)
    assert await counts.catch_up() == 1
    assert await offered(db, "tea") == ["tea"]
    assert await counts.catch_up() == 0


async def test_hashtag_is_shown_as_first_written_even_if_another_process_counted_it(
    db: Database, posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await create_viewer(db, "ann")
    follow = TagCounts.follow

    async def late(self: TagCounts, shown: dict[str, str]) -> None:
        await TagCounts(db).catch_up()
        assert [
            each.shown for each in await Search(config=Config.load({}, {}), db=db).tags("greentea")
        ] == expected
        await follow(self, shown)

    monkeypatch.setattr(TagCounts, "follow", late)
    expected = ["greentea"]
    await posts.publish(ann, Draft("#GreenTea"))
    expected = ["GreenTea"]
    await posts.publish(ann, Draft("#greenTEA"))
    assert await differences(db) == {}


async def test_migration_counts_existing_posts(cluster: Cluster, reactor_: Any) -> None:
    dsn = await cluster.empty()
    everything = migrations()
    await migrate(dsn, reactor_, [each for each in everything if each.number < 39])
    db = Database(dsn, reactor_, size=1)
    await db.reads.run("INSERT INTO accounts (id, name) VALUES (1, 'ann'), (2, 'bob')")
    await db.reads.run(
        "INSERT INTO posts (id, author_id, visibility, text, thread_id, tags, created_at) "
        "SELECT n, 1 + n % 2, (ARRAY['public', 'unlisted', 'direct'])[1 + n % 3], 'x', n, ARRAY['a', 'b' || n % 4], "
        "clock_timestamp() - n * interval '3 hours' FROM generate_series(1, 50) n"
    )
    await db.reads.run("INSERT INTO post_tags (tag, post_id) SELECT unnest(tags), id FROM posts")
    await db.reads.run("INSERT INTO tags (tag, shown, posts_count) VALUES ('a', 'A', 99)")
    await db.reads.run(
        "INSERT INTO featured_tags (account_id, tag, shown) VALUES (1, 'a', 'A'), (2, 'z', 'z')"
    )
    await migrate(dsn, reactor_, everything)
    assert {what for what in await differences(db) if "tag" in what} == set()
    await db.close()
    await cluster.drop(dsn)
