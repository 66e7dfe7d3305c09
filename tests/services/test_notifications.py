"""What people are told, and what they are not."""

from __future__ import annotations

from microblog.domain.accounts import Viewer
from microblog.domain.events import NotificationKind
from microblog.domain.posts import Span
from microblog.domain.visibility import Visibility
from microblog.services.notifications.write import notify, notify_all
from tests.services.people import Site


async def told(site: Site, viewer: Viewer) -> list[tuple[str, str, bool]]:
    page = await site.notifications.page(viewer, Span())
    return [(each.kind.value, each.actor.name, each.read) for each in page.items]


async def unread(site: Site, viewer: Viewer) -> int:
    return (await site.viewer(viewer.id)).unread


async def test_each_comes_with_who_did_it_and_the_post(site: Site) -> None:
    ada, bob = await site.people("ada", "bob")
    post = await site.post(ada, "Hello @bob")
    page = await site.notifications.page(bob, Span())
    [mention] = page.items
    assert (mention.kind, mention.actor.id, mention.recipient_id) == (
        NotificationKind.MENTION,
        ada.id,
        bob.id,
    )
    assert mention.post is not None
    assert (mention.post.id, mention.post.author.name, mention.post.text) == (post.id, "ada", "Hello @bob")
    assert await site.notifications.by_ids([mention.id]) == [mention]


async def test_in_one_statement_there_are_the_row_its_event_and_the_mail(site: Site) -> None:
    ada, bob = await site.people("ada", "bob")
    await site.sql("DELETE FROM jobs")
    async with site.db.transaction() as tx:
        assert await notify(tx, bob.id, NotificationKind.FOLLOW, ada.id)
        assert not await notify(tx, bob.id, NotificationKind.FOLLOW, ada.id)
    [(notification_id,)] = await site.sql("SELECT id FROM notifications")
    assert ("notification", ada.id, bob.id, {"notification": notification_id}) in await site.events()
    assert await site.sql("SELECT kind, payload, key FROM jobs") == [
        ("mail.notifications", {"account": bob.id}, f"mail:{bob.id}")
    ]


async def test_a_burst_makes_one_mail_and_unwanted_kinds_none(site: Site) -> None:
    ada, bob, eve = await site.people("ada", "bob", "eve")
    await site.sql("DELETE FROM jobs")
    async with site.db.transaction() as tx:
        assert await notify_all(tx, [bob.id, eve.id, ada.id], NotificationKind.MENTION, ada.id) == [
            bob.id,
            eve.id,
        ]
    async with site.db.transaction() as tx:
        await notify(tx, bob.id, NotificationKind.FOLLOW, ada.id)
        await notify(tx, ada.id, NotificationKind.FAVOURITE, bob.id)
    assert await site.sql("SELECT key FROM jobs ORDER BY key") == [(f"mail:{bob.id}",), (f"mail:{eve.id}",)]
    await site.sql("DELETE FROM jobs")
    await site.profiles.update_preferences(eve, mail_replies=False)
    async with site.db.transaction() as tx:
        await notify(tx, eve.id, NotificationKind.REPLY, ada.id)
    assert await site.sql("SELECT key FROM jobs") == []


async def test_nobody_is_told_by_whom_they_block_or_mute_or_who_blocks_them(site: Site) -> None:
    ada, bob, eve, dan = await site.people("ada", "bob", "eve", "dan")
    await site.follows.block(bob, ada.id)
    await site.follows.mute(eve, ada.id)
    await site.follows.block(ada, dan.id)
    async with site.db.transaction() as tx:
        assert await notify_all(tx, [bob.id, eve.id, dan.id], NotificationKind.MENTION, ada.id) == []


async def test_a_mute_may_leave_notifications(site: Site) -> None:
    ada, bob = await site.people("ada", "bob")
    await site.follows.mute(bob, ada.id, notifications=False)
    async with site.db.transaction() as tx:
        assert await notify(tx, bob.id, NotificationKind.FOLLOW, ada.id)


async def test_muting_hides_what_came_before_and_unmuting_brings_it_back(site: Site) -> None:
    ada, bob = await site.people("ada", "bob")
    await site.follows.follow(ada, bob.id)
    await site.follows.mute(bob, ada.id)
    assert await told(site, bob) == []
    assert await unread(site, bob) == 0
    await site.follows.unmute(bob, ada.id)
    assert await told(site, bob) == [("follow", "ada", False)]
    assert await unread(site, bob) == 1


async def test_the_suspended_are_not_heard(site: Site) -> None:
    _, bob, eve = await site.people("ada", "bob", "eve")
    await site.follows.follow(bob, eve.id)
    await site.moderation.suspend("bob")
    assert await told(site, eve) == []


async def test_a_post_that_can_no_longer_be_seen_is_not_told_of(site: Site) -> None:
    ada, bob = await site.people("ada", "bob")
    await site.post(ada, "For you, @bob", Visibility.DIRECT)
    assert await told(site, bob) == [("mention", "ada", False)]
    await site.sql("DELETE FROM posts")
    assert await told(site, bob) == []


async def test_reading_marks_all_or_up_to_one_and_never_back(site: Site) -> None:
    ada, bob, eve = await site.people("ada", "bob", "eve")
    await site.follows.follow(bob, ada.id)
    await site.follows.follow(eve, ada.id)
    assert await unread(site, ada) == 2
    newest, oldest = (await site.notifications.page(ada, Span())).items
    await site.notifications.mark_read(ada, oldest.id)
    assert await told(site, ada) == [("follow", "eve", False), ("follow", "bob", True)]
    await site.notifications.mark_read(ada)
    assert await unread(site, ada) == 0
    await site.notifications.mark_read(ada, oldest.id)
    await site.notifications.mark_read(ada, 1)
    assert await unread(site, ada) == 0
    assert newest.id > oldest.id


async def test_a_mark_from_the_future_reads_no_more_than_there_is(site: Site) -> None:
    ada, bob, eve = await site.people("ada", "bob", "eve")
    await site.follows.follow(bob, ada.id)
    await site.notifications.mark_read(ada, 2**62)
    await site.follows.follow(eve, ada.id)
    assert await unread(site, ada) == 1


async def test_unread_is_counted_to_a_hundred(site: Site) -> None:
    ada, bob = await site.people("ada", "bob")
    await site.sql(
        "INSERT INTO posts (id, author_id, visibility, text, thread_id) "
        "SELECT n, %s, 'public', 'x', n FROM generate_series(1, 130) n",
        ada.id,
    )
    await site.sql(
        "INSERT INTO notifications (account_id, kind, actor_id, post_id) "
        "SELECT %s, 'favourite', %s, n FROM generate_series(1, 130) n",
        ada.id,
        bob.id,
    )
    assert await unread(site, ada) == 100


async def test_pages_go_on_by_cursor(site: Site) -> None:
    ada = await site.person("ada")
    for fan in await site.people("fan1", "fan2", "fan3"):
        await site.follows.follow(fan, ada.id)
    first = await site.notifications.page(ada, Span(limit=2))
    assert [each.actor.name for each in first.items] == ["fan3", "fan2"]
    last = await site.notifications.page(ada, Span(max_id=first.older, limit=2))
    assert [each.actor.name for each in last.items] == ["fan1"]
    assert last.older is None
