"""The newest posts of some people, against the same said simply: whichever way a page is found, it is that one."""

from __future__ import annotations

import random
from typing import Any

import pytest

from microblog.domain.posts import Span
from microblog.domain.visibility import Visibility
from microblog.store.engine.database import Database
from microblog.store.engine.paging import page
from microblog.store.home import PUBLIC, by_direction, home
from microblog.store.lists import listed
from microblog.store.relations import BOOSTED, VISIBLE, wanted
from tests.database import Cluster
from tests.factories import create_viewer
from tests.store.test_database import kill_backends

PEOPLE = 30

#: What home is, for one reader: every post is asked everything.
SIMPLY = f"""
    SELECT w.id
    FROM posts w JOIN posts p ON p.id = coalesce(w.boost_of_id, w.id) JOIN accounts a ON a.id = p.author_id
    LEFT JOIN accounts b ON w.boost_of_id IS NOT NULL AND b.id = w.author_id
    LEFT JOIN follows f ON f.follower_id = {{viewer}} AND f.followee_id = w.author_id AND f.accepted
    WHERE {VISIBLE} AND {BOOSTED} AND {wanted("w.author_id")} AND (w.boost_of_id IS NULL OR ({wanted("p.author_id")}))
    AND NOT EXISTS (SELECT FROM blocks k WHERE k.account_id = w.author_id AND k.target_id = {{viewer}})
    AND ((w.author_id = {{viewer}} OR (
            f.followee_id IS NOT NULL AND (w.boost_of_id IS NULL OR f.show_boosts) AND NOT EXISTS (
                SELECT FROM lists l JOIN list_accounts x ON x.list_id = l.id
                WHERE l.account_id = {{viewer}} AND l.exclusive AND x.account_id = w.author_id)))
        AND (w.reply_to_account_id IS NULL OR w.reply_to_account_id IN (w.author_id, {{viewer}}) OR EXISTS (
            SELECT FROM follows r
            WHERE r.follower_id = {{viewer}} AND r.followee_id = w.reply_to_account_id AND r.accepted))
        OR (w.boost_of_id IS NULL AND {PUBLIC} AND EXISTS (
            SELECT FROM post_tags t JOIN followed_tags k ON k.tag = t.tag AND k.account_id = {{viewer}}
            WHERE t.post_id = w.id)))
    ORDER BY w.id DESC"""


async def simply(db: Database, viewer: int) -> list[int]:
    cursor = await db.reads.run(SIMPLY.replace("{viewer}", "%(viewer)s"), {"viewer": viewer})
    return [each for (each,) in cursor.fetchall()]


async def down(queries: Any, limit: int, *parameters: Any) -> list[int]:
    """All pages, one below the other."""
    seen: list[int] = []
    span: Span | None = Span(limit=limit)
    while span is not None:
        found = page(await by_direction(queries, span, *parameters), span, lambda post: post.id)
        seen += [each.id for each in found.items]
        span = Span(max_id=found.older, limit=limit) if found.older is not None else None
    return seen


async def up(queries: Any, limit: int, *parameters: Any) -> list[int]:
    """All pages, one above the other; the newest first, as the other."""
    seen: list[int] = []
    last = 0
    while True:
        span = Span(min_id=last, limit=limit)
        items = page(await by_direction(queries, span, *parameters), span, lambda post: post.id).items
        if not items:
            return seen
        seen = [each.id for each in items] + seen
        last = items[0].id


async def site(db: Database, chance: random.Random, *, follows: int, posts: int) -> int:
    """A reader, who stands to others in every way there is, and what they all wrote. Most wrote little."""
    everybody = [(await create_viewer(db, f"person{number}")).id for number in range(PEOPLE)]
    async with db.transaction() as tx:
        await relate(tx, chance, everybody, follows)
        await write(tx, chance, everybody, posts)
    return everybody[0]


async def relate(tx: Any, chance: random.Random, everybody: list[int], follows: int) -> None:
    async def run(sql: str, *parameters: Any) -> None:
        await tx.run(sql, parameters)

    reader = everybody[0]
    followed = chance.sample(everybody[1:], follows)
    for each in followed:
        await run(
            "INSERT INTO follows (follower_id, followee_id, accepted, show_boosts) VALUES (%s, %s, %s, %s)",
            *(reader, each, chance.random() < 0.9, chance.random() < 0.7),
        )
    for each in chance.sample(everybody[1:], 4):
        await run("INSERT INTO mutes (account_id, target_id) VALUES (%s, %s)", reader, each)
    for each in chance.sample(everybody[1:], 2):
        await run("INSERT INTO blocks (account_id, target_id) VALUES (%s, %s)", reader, each)
    for each in chance.sample(everybody[1:], 2):
        await run("INSERT INTO blocks (account_id, target_id) VALUES (%s, %s)", each, reader)
    await run("INSERT INTO followed_tags (account_id, tag) VALUES (%s, 'tea')", reader)
    await run("INSERT INTO lists (id, account_id, title, exclusive) VALUES (1, %s, 'apart', true)", reader)
    await run(
        "INSERT INTO list_accounts (list_id, owner_id, account_id) VALUES (1, %s, %s)", reader, followed[0]
    )
    await run("UPDATE accounts SET state = 'suspended' WHERE id = ANY (%s)", everybody[-2:])


async def write(tx: Any, chance: random.Random, everybody: list[int], count: int) -> None:
    seen = [each.value for each in Visibility]
    writing = [1 / (rank + 1) ** 2 for rank in range(len(everybody))]
    chance.shuffle(writing)
    made: list[tuple[int, int, bool]] = []
    for number in range(1, count):
        author = chance.choices(everybody, writing)[0]
        visibility = chance.choices(seen, (8, 2, 2, 3))[0]
        about = chance.choice(made) if made and chance.random() < 0.6 else None
        boosts = about is not None and about[2] and chance.random() < 0.5
        named = everybody[:1] if chance.random() < 0.15 and not boosts else []
        tags = ["tea"] if chance.random() < 0.1 and not boosts else []
        await tx.run(
            """
            WITH made AS (
                INSERT INTO posts (id, author_id, visibility, text, thread_id, boost_of_id, reply_to_id,
                    reply_to_account_id, mentioned_ids, tags)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::bigint[], %s::text[]) ON CONFLICT DO NOTHING
                RETURNING id, mentioned_ids, tags
            ), named AS (
                INSERT INTO mentions (account_id, post_id) SELECT unnest(mentioned_ids), id FROM made
            )
            INSERT INTO post_tags (tag, post_id) SELECT unnest(tags), id FROM made""",
            (
                *(number, author, "public" if boosts else visibility, "" if boosts else "x", number),
                *(
                    (about[0], None, None)
                    if about and boosts
                    else (None, *(about[:2] if about else (None, None)))
                ),
                *(named, tags),
            ),
        )
        if not boosts:
            made.append((number, author, visibility in ("public", "unlisted")))


@pytest.mark.parametrize(("seed", "follows"), [(1, 1), (2, 2), (3, 6), (4, 14), (5, 25), (6, 29)])
async def test_every_page_is_the_one_that_was_meant(db: Database, seed: int, follows: int) -> None:
    chance = random.Random(seed)
    reader = await site(db, chance, follows=follows, posts=400)
    expected = await simply(db, reader)
    assert expected
    for limit in (1, 4, 20, 80):
        assert await down(home(db.reads), limit, reader) == expected
        assert await up(home(db.reads), limit, reader) == expected


async def test_a_list_is_found_the_same_both_ways(db: Database) -> None:
    chance = random.Random(7)
    reader = await site(db, chance, follows=27, posts=300)
    async with db.transaction() as tx:
        await tx.run(
            "INSERT INTO list_accounts (list_id, owner_id, account_id) "
            "SELECT 1, follower_id, followee_id FROM follows WHERE follower_id = %s ON CONFLICT DO NOTHING",
            (reader,),
        )
    whole = await down(listed(db.reads), 80, reader, 1, "followed")
    assert len(whole) > 10
    for policy in ("none", "list", "followed"):
        found = await down(listed(db.reads), 80, reader, 1, policy)
        assert set(found) <= set(whole)
        for limit in (1, 5):
            assert await down(listed(db.reads), limit, reader, 1, policy) == found
            assert await up(listed(db.reads), limit, reader, 1, policy) == found


async def test_what_pages_home_is_planned_once_a_connection(db: Database) -> None:
    reader = (await create_viewer(db, "reader")).id
    async with db.transaction() as tx:
        for _ in range(7):
            await by_direction(home(tx), Span(), reader)
        cursor = await tx.run("SELECT generic_plans, custom_plans FROM pg_prepared_statements", ())
        assert cursor.fetchall() == [(7, 0)]


async def test_the_plan_follows_a_site_that_grows(db: Database) -> None:
    reader = (await create_viewer(db, "reader")).id
    async with db.transaction() as tx:
        await by_direction(home(tx), Span(), reader)
        await tx.run(
            "INSERT INTO accounts (name) SELECT 'z' || n FROM generate_series(1, 300) n;"
            "INSERT INTO posts (author_id, visibility, text, thread_id) "
            "SELECT id, 'public', 'x', 1 FROM accounts, generate_series(1, 30);"
            "INSERT INTO favourites (account_id, post_id) SELECT author_id, id FROM posts;"
            "INSERT INTO follows (follower_id, followee_id, accepted) "
            "SELECT a.id, b.id, true FROM accounts a, accounts b WHERE a.id < b.id AND a.id % 5 = 0;"
            "ANALYZE"
        )
        cursor = await tx.run(f"EXPLAIN EXECUTE homequeries_newest ({reader}, NULL, NULL, 21)")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "$1" in plan  # for any reader
    for table in ("posts", "accounts", "favourites", "follows"):
        assert f"Seq Scan on {table} " not in plan
    # Neither a hash of all that they like, nor a look at all who like it.
    assert "Index Cond: ((account_id = $1) AND (post_id >= p.id) AND (post_id <= p.id))" in plan


async def test_home_is_asked_again_where_its_connections_died(db: Database, cluster: Cluster) -> None:
    reader = (await create_viewer(db, "reader")).id
    assert await down(home(db.reads), 20, reader) == []
    await kill_backends(cluster, db)
    assert await down(home(db.reads), 20, reader) == []
