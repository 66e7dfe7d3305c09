"""Publishing, editing, deleting and boosting posts, and their visibility, on a real database."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred

from microblog.config.load import Config
from microblog.domain.accounts import Viewer
from microblog.domain.errors import Forbidden, InvalidInput, NotFound
from microblog.domain.posts import Draft, Span
from microblog.domain.visibility import Visibility
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.posts import Posts
from microblog.services.timelines import Timelines
from microblog.store.engine.database import Database
from tests.factories import create_viewer


class Site:
    """Two accounts and the services."""

    def __init__(self, db: Database, reactor: Any, ann: Viewer, bob: Viewer) -> None:
        config = Config.load({"public_url": "https://social.example"}, {})
        self.db = db
        self.ann, self.bob = ann, bob
        self.posts = Posts(config, db, EventDispatcher(db, reactor))
        self.timelines = Timelines(db)

    async def count(self, sql: str, *parameters: Any) -> Any:
        return (await self.db.reads.run(sql, parameters)).fetchall()[0][0]

    async def follow(self, follower: Viewer, followee: Viewer) -> None:
        async with self.db.transaction() as tx:
            await tx.run(
                "INSERT INTO follows (follower_id, followee_id, accepted) VALUES (%s, %s, true)",
                (follower.id, followee.id),
            )

    async def block(self, who: Viewer, whom: Viewer) -> None:
        async with self.db.transaction() as tx:
            await tx.run("INSERT INTO blocks (account_id, target_id) VALUES (%s, %s)", (who.id, whom.id))

    async def notified(self, viewer: Viewer) -> list[str]:
        cursor = await self.db.reads.run(
            "SELECT kind FROM notifications WHERE account_id = %s ORDER BY id", (viewer.id,)
        )
        return [kind for (kind,) in cursor.fetchall()]


@pytest_twisted.async_fixture
async def site(db: Database, reactor_: Any) -> Site:
    return Site(db, reactor_, await create_viewer(db, "ann"), await create_viewer(db, "bob"))


async def test_post_has_html_with_mentions_and_tags(site: Site) -> None:
    post = await site.posts.publish(site.ann, Draft("Hello @Bob and @nobody #First"))
    assert 'href="/@bob"' in post.html
    assert "nobody</a>" not in post.html
    assert [each.name for each in post.mentions] == ["bob"]
    assert post.tags == ("first",)
    assert post.thread_id == post.id
    assert await site.notified(site.bob) == ["mention"]
    assert (await site.posts.by_id(None, post.id)).text == "Hello @Bob and @nobody #First"


async def test_mention_with_the_sites_own_domain_is_local(site: Site) -> None:
    post = await site.posts.publish(site.ann, Draft("@bob@social.example hi"))
    assert post.mentions[0].address == "bob"


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "blank"), (" \u200b\n", "blank"), ("x" * 501, "too_long"), ("x" * 50_000, "too_long")],
)
async def test_invalid_draft_is_refused_with_a_reason(site: Site, text: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await site.posts.publish(site.ann, Draft(text))
    assert (refused.value.field, refused.value.reason) == ("text", reason)


async def test_link_counts_23_characters_and_grapheme_cluster_counts_one(site: Site) -> None:
    await site.posts.publish(site.ann, Draft("https://example.org/" + "x" * 300 + " " + "👩‍👩‍👧‍👦" * 476))
    with pytest.raises(InvalidInput):
        await site.posts.publish(site.ann, Draft("https://example.org/" + "x" * 300 + " " + "👩‍👩‍👧‍👦" * 477))


async def test_concurrent_requests_with_one_key_publish_one_post(site: Site) -> None:
    racing = [ensureDeferred(site.posts.publish(site.ann, Draft("once", key="k"))) for _ in range(4)]
    ids = {(await each).id for each in racing}
    ids.add((await site.posts.publish(site.ann, Draft("once", key="k"))).id)
    assert len(ids) == 1
    assert await site.count("SELECT count(*) FROM posts") == 1
    assert await site.count("SELECT posts_count FROM accounts WHERE id = %s", site.ann.id) == 1
    other = await site.posts.publish(site.bob, Draft("mine", key="k"))
    assert other.id not in ids


async def test_reply_joins_the_thread_and_notifies_once(site: Site) -> None:
    first = await site.posts.publish(site.bob, Draft("first"))
    answer = await site.posts.publish(site.ann, Draft("@bob yes", reply_to_id=first.id))
    assert (answer.reply_to_id, answer.thread_id, answer.reply_to_name) == (first.id, first.id, "bob")
    assert await site.notified(site.bob) == ["reply"]
    assert (await site.posts.by_id(None, first.id)).replies_count == 1


async def test_thread_is_in_order_and_survives_a_deletion_in_its_middle(site: Site) -> None:
    first = await site.posts.publish(site.ann, Draft("1"))
    second = await site.posts.publish(site.bob, Draft("2", reply_to_id=first.id))
    third = await site.posts.publish(site.ann, Draft("3", reply_to_id=second.id))
    other = await site.posts.publish(site.ann, Draft("2b", reply_to_id=first.id))
    thread = await site.posts.thread(None, first.id)
    assert [(depth, post.text) for depth, post in thread.descendants] == [(1, "2"), (2, "3"), (1, "2b")]
    below = await site.posts.thread(None, third.id)
    assert [post.text for post in below.ancestors] == ["1", "2"]
    await site.posts.delete(site.bob, second.id)
    thread = await site.posts.thread(None, first.id)
    assert [(depth, post.text) for depth, post in thread.descendants] == [(1, "3"), (1, "2b")]
    assert (await site.posts.by_id(None, third.id)).reply_to_name == "bob"
    assert other.thread_id == first.id


async def test_edit_keeps_the_earlier_version_and_notifies_new_mentions(site: Site) -> None:
    post = await site.posts.publish(site.ann, Draft("before #a"))
    edited = await site.posts.edit(site.ann, post.id, Draft("after @bob #b", summary="careful"))
    assert (edited.text, edited.summary, edited.tags, edited.sensitive) == (
        "after @bob #b",
        "careful",
        ("b",),
        True,
    )
    assert edited.edited_at is not None
    history = await site.posts.history(None, post.id)
    assert [each.text for each in history] == ["before #a", "after @bob #b"]
    assert await site.notified(site.bob) == ["mention"]
    assert (await site.timelines.tag(None, "a", Span())).items == ()
    assert [p.id for p in (await site.timelines.tag(None, "b", Span())).items] == [post.id]


async def test_edit_without_changes_makes_no_version(site: Site) -> None:
    post = await site.posts.publish(site.ann, Draft("same"))
    again = await site.posts.edit(site.ann, post.id, Draft("same"))
    assert again.edited_at is None
    assert len(await site.posts.history(None, post.id)) == 1


async def test_only_the_author_can_edit_or_delete_a_post(site: Site) -> None:
    post = await site.posts.publish(site.ann, Draft("mine"))
    with pytest.raises(NotFound):
        await site.posts.edit(site.bob, post.id, Draft("yours"))
    with pytest.raises(NotFound):
        await site.posts.delete(site.bob, post.id)
    assert (await site.posts.by_id(None, post.id)).text == "mine"


async def test_moderator_can_delete_any_post(site: Site) -> None:
    post = await site.posts.publish(site.ann, Draft("mine"))
    await site.posts.delete(await create_viewer(site.db, "mod", role="moderator"), post.id)
    with pytest.raises(NotFound):
        await site.posts.by_id(site.ann, post.id)


async def test_deleted_post_is_returned_and_removed_from_counters(site: Site) -> None:
    first = await site.posts.publish(site.ann, Draft("first"))
    answer = await site.posts.publish(site.bob, Draft("answer", reply_to_id=first.id))
    await site.posts.boost(site.bob, first.id)
    was = await site.posts.delete(site.bob, answer.id)
    assert was.text == "answer"
    assert (await site.posts.by_id(None, first.id)).replies_count == 0
    await site.posts.delete(site.ann, first.id)
    assert await site.count("SELECT sum(posts_count) FROM accounts") == 0
    assert await site.count("SELECT count(*) FROM posts") == 0


async def test_boosts_and_favourites_are_idempotent_and_counted_and_notify(site: Site) -> None:
    post = await site.posts.publish(site.ann, Draft("good"))
    for _ in range(2):
        boosted = await site.posts.boost(site.bob, post.id)
        liked = await site.posts.favourite(site.bob, post.id)
    assert (boosted.boosts_count, boosted.boosted) == (1, True)
    assert (liked.favourites_count, liked.favourited) == (1, True)
    assert await site.notified(site.ann) == ["boost", "favourite"]
    assert [a.name for a in (await site.posts.boosted_by(None, post.id, Span())).items] == ["bob"]
    assert [a.name for a in (await site.posts.favourited_by(None, post.id, Span())).items] == ["bob"]
    for _ in range(2):
        post = await site.posts.unboost(site.bob, post.id)
        post = await site.posts.unfavourite(site.bob, post.id)
    assert (post.boosts_count, post.favourites_count, post.boosted, post.favourited) == (0, 0, False, False)


async def test_others_can_boost_only_open_posts(site: Site) -> None:
    await site.follow(site.bob, site.ann)
    private = await site.posts.publish(site.ann, Draft("for you", visibility=Visibility.FOLLOWERS))
    with pytest.raises(Forbidden):
        await site.posts.boost(site.bob, private.id)
    await site.posts.boost(site.ann, private.id)
    with pytest.raises(NotFound):
        await site.posts.boosted_by(None, private.id, Span())


async def test_bookmarks_are_private_and_ordered_by_bookmark(site: Site) -> None:
    made = [await site.posts.publish(site.ann, Draft(str(n))) for n in range(5)]
    for post in reversed(made):
        await site.posts.bookmark(site.bob, post.id)
    first = await site.timelines.bookmarks(site.bob, Span(limit=3))
    assert [post.text for post in first.items] == ["0", "1", "2"]
    rest = await site.timelines.bookmarks(site.bob, Span(max_id=first.older, limit=3))
    assert [post.text for post in rest.items] == ["3", "4"]
    assert rest.older is None
    assert (await site.timelines.bookmarks(site.ann, Span())).items == ()


async def test_blocked_account_cannot_see_or_answer_posts(site: Site) -> None:
    post = await site.posts.publish(site.ann, Draft("hello"))
    await site.block(site.ann, site.bob)
    for attempt in (
        site.posts.by_id(site.bob, post.id),
        site.posts.boost(site.bob, post.id),
        site.posts.favourite(site.bob, post.id),
        site.posts.publish(site.bob, Draft("answer", reply_to_id=post.id)),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert (await site.posts.by_id(None, post.id)).id == post.id


async def test_home_timeline_has_followed_accounts_and_boosts_without_replies_to_others(
    site: Site,
) -> None:
    cat = await create_viewer(site.db, "cat")
    await site.follow(site.bob, site.ann)
    own = await site.posts.publish(site.bob, Draft("own"))
    followed = await site.posts.publish(site.ann, Draft("followed"))
    stranger = await site.posts.publish(cat, Draft("stranger"))
    await site.posts.publish(site.ann, Draft("to a stranger", reply_to_id=stranger.id))
    to_me = await site.posts.publish(site.ann, Draft("to me", reply_to_id=own.id))
    direct = await site.posts.publish(site.ann, Draft("not for bob", visibility=Visibility.DIRECT))
    await site.posts.boost(site.ann, stranger.id)
    home = (await site.timelines.home(site.bob, Span())).items
    assert [post.content.text for post in home] == ["stranger", "to me", "followed", "own"]
    assert home[0].author.name == "ann"
    assert home[0].content.author.name == "cat"
    assert direct.id not in [post.id for post in home]
    assert {followed.id, to_me.id} <= {post.id for post in home}


async def test_pages_join_without_gap_or_repeat_in_both_directions(site: Site) -> None:
    made = [(await site.posts.publish(site.ann, Draft(str(n)))).id for n in range(11)]
    down: list[int] = []
    span = Span(limit=4)
    while True:
        page = await site.timelines.public(None, span)
        down += [post.id for post in page.items]
        if page.older is None:
            break
        span = Span(max_id=page.older, limit=4)
    assert down == made[::-1]
    up: list[int] = []
    span = Span(min_id=made[0], limit=4)
    while True:
        page = await site.timelines.public(None, span)
        up = [post.id for post in page.items] + up
        if page.newer is None:
            break
        span = Span(min_id=page.newer, limit=4)
    assert up == made[:0:-1]
    newest = await site.timelines.public(None, Span(since_id=made[0], limit=4))
    assert [post.id for post in newest.items] == made[:-5:-1]


async def test_publish_returns_the_post_as_it_is_read(site: Site) -> None:
    for draft in (
        Draft("Plain words"),
        Draft("With a #Tag, and https://books.example/1", summary="Warned", language="de"),
        Draft("Behind a curtain", sensitive=True, visibility=Visibility.FOLLOWERS, key="once"),
    ):
        post = await site.posts.publish(site.ann, draft)
        assert post == await site.posts.by_id(site.ann, post.id)


async def test_post_without_mentions_takes_one_statement(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    run = site.db.reads.run

    async def counted(operation: str, parameters: Any = None) -> Any:
        said.append(operation)
        return await run(operation, parameters)

    monkeypatch.setattr(site.db.reads, "run", counted)
    before = site.db.commits
    post = await site.posts.publish(site.ann, Draft("Nobody is named", key="k"))
    assert (len(said), site.db.commits) == (1, before)
    assert await site.posts.publish(site.ann, Draft("Sent again", key="k")) == post
    assert await site.count("SELECT count(*) FROM posts") == 1
    assert await site.count("SELECT count(*) FROM events WHERE kind = 'post'") == 1


async def test_follower_with_notify_is_notified_of_each_post(site: Site) -> None:
    await site.follow(site.bob, site.ann)
    async with site.db.transaction() as tx:
        await tx.run("UPDATE follows SET notify = true")
    post = await site.posts.publish(site.ann, Draft("Hear me"))
    assert post == await site.posts.by_id(site.ann, post.id)
    assert await site.notified(site.bob) == ["post"]
