"""An account of any size is deleted: at once for everybody, and its rows in batches that survive interruptions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from microblog.domain.accounts import Viewer
from microblog.domain.errors import NotFound, TookTooLong, Unavailable
from microblog.domain.posts import Draft, Span
from microblog.domain.visibility import Visibility
from microblog.services import deletion as deletion_service
from microblog.services.conversations import Conversations
from microblog.services.deletion import ERASE, Deletion
from microblog.services.notifications.read import Notifications
from microblog.services.posts import Posts
from microblog.store.engine.database import Database
from microblog.store.erasing import references_to_accounts, references_to_posts
from microblog.tasks.jobs import Done, Later
from microblog.tasks.service import Tasks
from tests.recount import differences
from tests.services.people import PASSWORD, Site

#: Rows of a large account: posts, favourites and boosts of one of them, favourites by it, followers, notifications.
MANY = 6000


async def fill(site: Site, big: Viewer, other: Viewer) -> None:
    """Make ``big`` a large account, with everybody else's rows around it."""
    for statement in (
        f"INSERT INTO accounts (id, name) SELECT n, 'n' || n FROM generate_series(1, {MANY}) n",
        (
            "INSERT INTO posts (id, author_id, visibility, text, thread_id, tags) "
            f"SELECT snowflake(), {big.id}, 'public', 'text', 1, '{{tea}}' FROM generate_series(1, {MANY})"
        ),
        (
            f"INSERT INTO posts (id, author_id, visibility, text, thread_id) SELECT n, {other.id}, 'public', 'text', 1 "
            f"FROM generate_series(1, {MANY}) n"
        ),
        "INSERT INTO post_tags (tag, post_id) SELECT 'tea', id FROM posts WHERE tags = '{tea}'",
        # One post that everybody favourited, boosted and answered.
        (
            f"UPDATE posts SET reply_to_id = (SELECT max(id) FROM posts WHERE author_id = {big.id}) "
            f"WHERE author_id = {other.id}"
        ),
        (
            "INSERT INTO favourites (account_id, post_id) "
            f"SELECT n, (SELECT max(id) FROM posts WHERE author_id = {big.id}) FROM generate_series(1, {MANY}) n"
        ),
        (
            "INSERT INTO posts (id, author_id, visibility, boost_of_id, thread_id) SELECT snowflake(), n, 'public', "
            f"(SELECT max(id) FROM posts WHERE author_id = {big.id}), 1 FROM generate_series(1, {MANY}) n"
        ),
        f"INSERT INTO favourites (account_id, post_id) SELECT {big.id}, n FROM generate_series(1, {MANY}) n",
        (
            f"INSERT INTO follows (follower_id, followee_id, accepted) SELECT n, {big.id}, n % 3 > 0 "
            f"FROM generate_series(1, {MANY}) n"
        ),
        (
            f"INSERT INTO follows (follower_id, followee_id, accepted) SELECT {big.id}, n, true "
            f"FROM generate_series(1, {MANY}) n WHERE n % 2 = 0"
        ),
        (
            f"INSERT INTO notifications (account_id, kind, actor_id) SELECT {big.id}, 'follow', n "
            f"FROM generate_series(1, {MANY}) n"
        ),
        (
            "UPDATE posts p SET favourites_count = (SELECT count(*) FROM favourites f WHERE f.post_id = p.id), "
            "boosts_count = (SELECT count(*) FROM posts b WHERE b.boost_of_id = p.id), "
            "replies_count = (SELECT count(*) FROM posts r WHERE r.reply_to_id = p.id)"
        ),
        (
            "UPDATE accounts a SET posts_count = (SELECT count(*) FROM posts p WHERE p.author_id = a.id), "
            "followers_count = (SELECT count(*) FROM follows f WHERE f.followee_id = a.id AND f.accepted), "
            "following_count = (SELECT count(*) FROM follows f WHERE f.follower_id = a.id AND f.accepted)"
        ),
        "ANALYZE",
    ):
        await site.sql(statement)


async def rows_of(site: Site, account_id: int) -> int:
    [[count]] = await site.sql(
        "SELECT (SELECT count(*) FROM accounts WHERE id = %s) + (SELECT count(*) FROM posts WHERE author_id = %s) "
        "+ (SELECT count(*) FROM follows WHERE %s IN (follower_id, followee_id)) "
        "+ (SELECT count(*) FROM favourites WHERE account_id = %s) "
        "+ (SELECT count(*) FROM notifications WHERE %s IN (account_id, actor_id))",
        *[account_id] * 5,
    )
    return int(count)


async def test_a_large_account_is_deleted_in_shares_under_a_small_statement_timeout(
    site: Site, dsn: str, reactor_: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, big, other = await site.people("ada", "big", "other")
    await fill(site, big, other)
    monkeypatch.setattr(deletion_service, "AT_ONCE", 0.0)
    await site.deletion.delete(big, PASSWORD)
    assert await site.sql("SELECT payload->>'account' FROM jobs WHERE kind = %s", ERASE) == [(str(big.id),)]
    patient = Database(dsn, reactor_, size=2, statement_timeout=0.5)
    left, shares = await rows_of(site, big.id), 0
    assert left > 4 * MANY
    while True:
        # A new object each time, as after a restart.
        done = await Deletion(patient, site.credentials, site.poke).delete_rows(big.id, 0.2)
        shares, left = shares + 1, await rows_of(site, big.id)
        if done:
            break
        assert shares < 500
    assert (left, await differences(site.db)) == (0, {})
    assert shares > 1
    assert await Deletion(patient, site.credentials, site.poke).delete_rows(
        big.id, 1.0
    )  # once more does no harm
    await patient.close()


async def test_a_batch_that_takes_too_long_is_tried_with_fewer_rows(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    deletion = Deletion(site.db, site.credentials, site.poke)
    sizes: list[int] = []

    async def step(account_id: int) -> bool:
        sizes.append(deletion._batch)
        if deletion._batch > 100:
            raise TookTooLong
        return False

    monkeypatch.setattr(deletion, "_step", step)
    assert await deletion.delete_rows(1, 10.0)
    assert sizes == [500, 250, 125, 62]


async def test_a_deleted_account_is_gone_for_everybody_before_its_rows_are(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob, eve = await site.people("ada", "bob", "eve")
    posts = Posts(site.config, site.db, site)  # type: ignore[arg-type]
    hers = await site.post(eve, "@bob hello #tea")
    letter = await posts.publish(eve, Draft("@bob psst", visibility=Visibility.DIRECT))
    await site.follows.follow(eve, bob.id)
    await site.follows.follow(bob, eve.id)
    await site.follows.mute(bob, eve.id)
    await site.follows.block(ada, eve.id)
    await posts.favourite(bob, hers.id)

    async def stopped(*_: object) -> bool:
        raise Unavailable

    monkeypatch.setattr(Deletion, "delete_rows", stopped)
    await site.deletion.delete(eve, PASSWORD)
    assert await rows_of(site, eve.id) > 3

    for viewer in (None, ada, bob):
        for post in (hers, letter):
            with pytest.raises(NotFound):
                await posts.by_id(viewer, post.id)
    for name in ("eve", "EVE"):
        with pytest.raises(NotFound):
            await site.accounts.by_name(name)
        with pytest.raises(NotFound):
            await site.accounts.in_any_state(name)
        with pytest.raises(NotFound):
            await site.follows.related(bob, name)
    with pytest.raises(NotFound):
        await site.accounts.by_id(eve.id)
    with pytest.raises(NotFound):
        await site.follows.followers(ada, eve.id, Span())
    with pytest.raises(NotFound):
        await site.follows.follow(bob, eve.id)
    with pytest.raises(NotFound):
        await site.moderation.unsuspend("eve")
    assert await site.accounts.by_ids([eve.id]) == []
    assert await site.follows.relationships(bob, [eve.id]) == []
    for listing in (
        await site.follows.blocks(ada, Span()),
        await site.follows.mutes(bob, Span()),
        await site.follows.followers(None, bob.id, Span()),
        await site.follows.following(None, bob.id, Span()),
        await site.notifications.page(bob, Span()),
        await Conversations(db=site.db).page(bob, Span()),
        await site.moderation.accounts(ada, "", Span()),
    ):
        assert "eve" not in repr(listing)
    assert await site.search.people(bob, "eve") == []
    assert await site.search.people(None, "eve") == []
    assert await site.sessions.viewer_of(eve.id) is None
    assert "eve" not in {account.name for account, _ in await site.accounts.all()}


async def test_what_a_request_under_way_adds_is_deleted_as_well(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, bob, eve = await site.people("ada", "bob", "eve")
    monkeypatch.setattr(deletion_service, "AT_ONCE", 0.0)
    await site.deletion.delete(eve, PASSWORD)
    with pytest.raises(NotFound):
        await site.post(eve, "@bob I was on my way")
    await site.follows.follow(eve, bob.id)
    assert await Deletion(site.db, site.credentials, site.poke).delete_rows(eve.id, 10.0)
    assert (await rows_of(site, eve.id), await differences(site.db)) == (0, {})


async def test_the_job_comes_back_until_nothing_is_left() -> None:
    shares = [False, False, True]

    async def delete_rows(account_id: int, patience: float) -> bool:
        return shares.pop(0)

    tasks = Tasks.__new__(Tasks)
    tasks._microblog = SimpleNamespace(deletion=SimpleNamespace(delete_rows=delete_rows))  # type: ignore[assignment]
    job: Any = SimpleNamespace(payload={"account": 1})
    assert isinstance(await tasks._erase(job), Later)
    assert isinstance(await tasks._erase(job), Later)
    assert isinstance(await tasks._erase(job), Done)


async def test_each_reference_to_an_account_or_a_post_is_found_by_an_index(db: Database) -> None:
    """Deleting looks for the rows of each table; without an index it would read all of it, with every batch."""
    found = [*await references_to_accounts(db.reads), *await references_to_posts(db.reads)]
    assert len(found) > 30
    cursor = await db.reads.run(
        "SELECT i.indrelid::regclass::text, quote_ident(a.attname) FROM pg_index i "
        "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
    )
    indexed = set(cursor.fetchall())
    assert [each for each in found if tuple(each) not in indexed] == []


async def test_a_post_with_very_many_reactions_is_deleted_under_a_small_statement_timeout(
    site: Site, dsn: str, reactor_: Any
) -> None:
    _, big, other = await site.people("ada", "big", "other")
    await fill(site, big, other)
    [(post_id,)] = await site.sql("SELECT max(id) FROM posts WHERE author_id = %s", big.id)
    hurried = Database(dsn, reactor_, size=2, statement_timeout=0.3)
    await Posts(site.config, hurried, site).delete(big, post_id)  # type: ignore[arg-type]
    await hurried.close()
    assert await site.sql("SELECT id FROM posts WHERE %s IN (id, boost_of_id, reply_to_id)", post_id) == []
    wrong = await differences(site.db)
    assert {what for what in wrong if "tag" not in what} == set()


async def test_very_many_notifications_are_cleared_under_a_small_statement_timeout(
    site: Site, dsn: str, reactor_: Any
) -> None:
    _, big, other = await site.people("ada", "big", "other")
    await fill(site, big, other)
    hurried = Database(dsn, reactor_, size=2, statement_timeout=0.3)
    await Notifications(hurried).clear(big)
    await hurried.close()
    assert await site.sql("SELECT count(*) FROM notifications WHERE account_id = %s", big.id) == [(0,)]
