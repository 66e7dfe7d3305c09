"""Which direct posts reach an account, which versions it may read, and what counts as read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted

from microblog.config.load import Config
from microblog.domain.accounts import Viewer
from microblog.domain.notification_groups import Verdict
from microblog.domain.posts import Draft, Post, Span
from microblog.domain.visibility import Visibility
from microblog.services.microblog import Microblog
from microblog.services.passwords import Passwords
from microblog.store.engine.pool import connect
from microblog.store.mail import mail
from tests.factories import CHEAP, create_viewer
from tests.services.live.live_site import Reading
from tests.waiting import until

DIRECT = Visibility.DIRECT


@pytest_twisted.async_yield_fixture
async def site(dsn: str, reactor_: Any) -> AsyncIterator[Microblog]:
    microblog = Microblog(
        Config.load({"rate_limits": "off"}, {}),
        dsn,
        reactor_,
        listen=False,
        passwords=Passwords(reactor_, CHEAP),
    )
    await microblog.start()
    yield microblog
    await microblog.stop()


async def sql(site: Microblog, statement: str, *parameters: object) -> None:
    async with site.db.transaction() as tx:
        await tx.run(statement, parameters)


async def direct(site: Microblog, author: Viewer, text: str, to: Post | None = None) -> Post:
    return await site.posts.publish(author, Draft(text, visibility=DIRECT, reply_to_id=to.id if to else None))


async def talks(site: Microblog, viewer: Viewer) -> list[tuple[str, bool]]:
    """The last post of each conversation, and whether it is unread."""
    page = await site.conversations.page(viewer, Span())
    return [(each.last_post.text, each.unread) for each in page.items]


async def surfaces(site: Microblog, viewer: Viewer, reading: Reading) -> dict[str, bool]:
    """On which surfaces a direct post by "ann" has arrived."""
    await until(site.dispatcher._reactor, lambda: site.dispatcher.idle)
    fresh = await site.sessions.viewer_of(viewer.id)
    assert fresh is not None
    kinds = ["mention", "reply"]
    return {
        "conversations": bool(await talks(site, viewer)),
        "notifications": bool((await site.notifications.page(viewer, Span())).items),
        "groups": bool((await site.notification_groups.page(viewer, Span())).items),
        "badge": bool(fresh.unread),
        "count": bool(await site.notifications.unread(viewer)),
        "group count": bool(await site.notification_groups.unread(viewer)),
        "mail": bool(await mail(site.db.reads).news(viewer.id, kinds, 10)),
        "direct and mentions": bool((await site.timelines.mentions(viewer, Span())).items),
        "search": bool((await site.search.posts(viewer, "psst", Span())).items),
        "streams": bool(reading.texts),
    }


async def relate(site: Microblog, how: str, viewer: Viewer, author: Viewer) -> None:
    match how:
        case "blocking":
            await site.follows.block(viewer, author.id)
        case "blocked":
            await site.follows.block(author, viewer.id)
        case "muting" | "mute expired":
            await site.follows.mute(viewer, author.id)
            if how == "mute expired":
                await sql(site, "UPDATE mutes SET expires_at = clock_timestamp() - interval '1 s'")
        case "drop" | "filter":
            for rule in ("not_following", "not_followers", "new_accounts", "private_mentions"):
                await site.notification_policy.set(viewer, **{f"for_{rule}": Verdict(how)})
        case "suspended":
            await sql(site, "UPDATE accounts SET state = 'suspended' WHERE id = %s", author.id)


REACHING = ("stranger", "mute expired")
WITHHOLDING = ("blocking", "blocked", "muting", "drop", "filter")


@pytest.mark.parametrize("how", [*REACHING, *WITHHOLDING])
async def test_direct_post_is_on_all_surfaces_or_on_none(site: Microblog, how: str) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    await relate(site, how, bob, ann)
    reading = Reading()
    subscription = site.dispatcher.connect(reading, bob)
    for stream in ("direct", "mentions", "notifications", "home"):
        await subscription.subscribe(stream)
    await direct(site, ann, "@bob psst")
    found = await surfaces(site, bob, reading)
    assert set(found.values()) == {how in REACHING}, found
    assert await talks(site, ann) == [("@bob psst", False)]


@pytest.mark.parametrize("how", WITHHOLDING)
async def test_stream_is_silent_about_the_deletion_of_a_post_that_did_not_arrive(
    site: Microblog, how: str
) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    await relate(site, how, bob, ann)
    post = await direct(site, ann, "@bob psst")
    reading = Reading()
    subscription = site.dispatcher.connect(reading, bob)
    for stream in ("direct", "mentions", "home"):
        await subscription.subscribe(stream)
    await site.posts.delete(ann, post.id)
    await surfaces(site, bob, reading)
    assert reading.texts == []


@pytest.mark.parametrize("how", ["blocking", "blocked", "muting", "suspended"])
async def test_later_relation_takes_the_direct_post_off_all_surfaces(site: Microblog, how: str) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    await direct(site, ann, "@bob psst")
    await relate(site, how, bob, ann)
    found = await surfaces(site, bob, Reading())
    assert not any(found.values()), found


async def test_block_leaves_the_rest_of_a_conversation(site: Microblog) -> None:
    ann, bob, eve = [await create_viewer(site.db, name) for name in ("ann", "bob", "eve")]
    first = await direct(site, ann, "@bob @eve hello")
    await direct(site, eve, "@bob @ann hello from eve", first)
    await site.follows.block(bob, eve.id)
    assert await talks(site, bob) == [("@bob @eve hello", True)]
    await direct(site, eve, "@bob @ann once more", first)
    assert await talks(site, bob) == [("@bob @eve hello", True)]
    await site.follows.unblock(bob, eve.id)
    # What was written while the block lasted stays away.
    assert await talks(site, bob) == [("@bob @ann hello from eve", True)]


async def test_post_of_a_muted_account_does_not_make_a_conversation_unread(site: Microblog) -> None:
    ann, bob, eve = [await create_viewer(site.db, name) for name in ("ann", "bob", "eve")]
    first = await direct(site, ann, "@bob @eve hello")
    [talk] = (await site.conversations.page(bob, Span())).items
    await site.conversations.mark_read(bob, talk.id)
    await site.follows.mute(bob, eve.id)
    await direct(site, eve, "@bob @ann psst", first)
    assert await talks(site, bob) == [("@bob @eve hello", False)]
    await site.follows.unmute(bob, eve.id)
    assert await talks(site, bob) == [("@bob @ann psst", False)]


async def test_post_of_a_muted_account_brings_back_no_conversation(site: Microblog) -> None:
    ann, bob, eve = [await create_viewer(site.db, name) for name in ("ann", "bob", "eve")]
    first = await direct(site, ann, "@bob @eve hello")
    [talk] = (await site.conversations.page(bob, Span())).items
    await site.conversations.delete(bob, talk.id)
    await site.follows.mute(bob, eve.id)
    await direct(site, eve, "@bob @ann psst", first)
    assert await talks(site, bob) == []
    await direct(site, ann, "@bob again", first)
    assert await talks(site, bob) == [("@bob again", True)]


async def test_conversation_that_a_muted_account_began_appears_after_the_mute(site: Microblog) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    await site.follows.mute(bob, ann.id)
    await direct(site, ann, "@bob psst")
    assert await talks(site, bob) == []
    await site.follows.unmute(bob, ann.id)
    assert await talks(site, bob) == [("@bob psst", False)]


async def test_accepted_request_brings_its_conversation(site: Microblog) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    await relate(site, "filter", bob, ann)
    post = await direct(site, ann, "@bob psst")
    assert await talks(site, bob) == []
    assert (await site.notification_policy.get(bob)).pending_requests == 1
    await site.notification_policy.accept(bob, [ann.id])
    assert await talks(site, bob) == [("@bob psst", True)]
    await direct(site, ann, "@bob again", post)
    assert await talks(site, bob) == [("@bob again", True)]


async def test_request_of_a_blocked_account_does_not_wait(site: Microblog) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    await relate(site, "filter", bob, ann)
    await direct(site, ann, "@bob psst")
    await sql(site, "INSERT INTO blocks (account_id, target_id) VALUES (%s, %s)", bob.id, ann.id)
    assert (await site.notification_policy.requests(bob, Span())).items == []
    policy = await site.notification_policy.get(bob)
    assert (policy.pending_requests, policy.pending_notifications) == (0, 0)


@pytest.mark.parametrize("others", [(), ("@gone ",)])
async def test_conversation_without_others_is_with_its_owner(
    site: Microblog, others: tuple[str, ...]
) -> None:
    ann, gone = await create_viewer(site.db, "ann"), await create_viewer(site.db, "gone")
    await direct(site, ann, "".join(others) + "a note")
    await sql(site, "DELETE FROM accounts WHERE id = %s", gone.id)
    [talk] = (await site.conversations.page(ann, Span())).items
    assert [each.id for each in talk.people] == []
    assert [each.id for each in talk.participants] == [ann.id]


# ---------------------------------------------------------------------------------------------------- edits


async def history(site: Microblog, viewer: Viewer, post: Post) -> list[str]:
    return [each.text for each in await site.posts.history(viewer, post.id)]


@pytest.mark.parametrize("visibility", [Visibility.DIRECT, Visibility.FOLLOWERS])
async def test_account_named_by_an_edit_reads_versions_from_then_on(
    site: Microblog, visibility: Visibility
) -> None:
    ann, bob, eve = [await create_viewer(site.db, name) for name in ("ann", "bob", "eve")]
    post = await site.posts.publish(ann, Draft("@bob the secret", visibility=visibility))
    await site.posts.edit(ann, post.id, Draft("@bob the second secret"))
    await site.posts.edit(ann, post.id, Draft("@bob @eve hello"))
    await site.posts.edit(ann, post.id, Draft("@bob @eve hello both"))
    everything = ["@bob the secret", "@bob the second secret", "@bob @eve hello", "@bob @eve hello both"]
    assert await history(site, ann, post) == everything
    assert await history(site, bob, post) == everything
    assert await history(site, eve, post) == everything[2:]


async def test_follower_reads_all_versions_of_a_post_for_followers(site: Microblog) -> None:
    ann, eve = await create_viewer(site.db, "ann"), await create_viewer(site.db, "eve")
    await site.follows.follow(eve, ann.id)
    post = await site.posts.publish(ann, Draft("one", visibility=Visibility.FOLLOWERS))
    await site.posts.edit(ann, post.id, Draft("@eve two"))
    assert await history(site, eve, post) == ["one", "@eve two"]


async def test_everybody_reads_all_versions_of_an_open_post(site: Microblog) -> None:
    ann, eve = await create_viewer(site.db, "ann"), await create_viewer(site.db, "eve")
    post = await site.posts.publish(ann, Draft("one"))
    await site.posts.edit(ann, post.id, Draft("@eve two"))
    assert await history(site, eve, post) == ["one", "@eve two"]


async def test_edit_brings_the_conversation_to_an_account_it_names(site: Microblog) -> None:
    ann, bob, eve = [await create_viewer(site.db, name) for name in ("ann", "bob", "eve")]
    reading = Reading()
    subscription = site.dispatcher.connect(reading, eve)
    await subscription.subscribe("direct")
    post = await direct(site, ann, "@bob psst")
    await site.posts.edit(ann, post.id, Draft("@bob @eve psst"))
    found = await surfaces(site, eve, reading)
    assert all(found.values()), found
    assert await talks(site, eve) == [("@bob @eve psst", True)]
    assert await talks(site, bob) == [("@bob @eve psst", True)]


@pytest.mark.parametrize("how", WITHHOLDING)
async def test_edit_brings_no_conversation_to_an_account_it_does_not_reach(site: Microblog, how: str) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    post = await direct(site, ann, "hello")
    await relate(site, how, bob, ann)
    await site.posts.edit(ann, post.id, Draft("@bob hello"))
    found = await surfaces(site, bob, Reading())
    assert not any(found.values()), found


@pytest.mark.parametrize("visibility", [Visibility.DIRECT, Visibility.FOLLOWERS])
async def test_account_that_an_edit_drops_keeps_the_version_that_named_it(
    site: Microblog, visibility: Visibility
) -> None:
    ann, bob, eve, zoe = [await create_viewer(site.db, name) for name in ("ann", "bob", "eve", "zoe")]
    post = await site.posts.publish(ann, Draft("@bob first", visibility=visibility))
    await site.posts.edit(ann, post.id, Draft("@bob @zoe hello"))
    await until(site.dispatcher._reactor, lambda: site.dispatcher.idle)
    reading = Reading()
    subscription = site.dispatcher.connect(reading, bob)
    for stream in ("direct", "mentions", "home", f"thread:{post.id}", f"user:{ann.id}"):
        await subscription.subscribe(stream)
    edited = await site.posts.edit(ann, post.id, Draft("@eve my secret #walrus"))
    await site.posts.edit(ann, post.id, Draft("@zoe @eve my second secret #walrus"))
    await site.posts.edit(ann, post.id, Draft("@zoe my third secret #walrus"))
    assert [each.name for each in edited.mentions] == ["eve"]

    seen = await site.posts.by_id(bob, post.id)
    assert (seen.text, seen.tags) == ("@bob @zoe hello", ())
    assert {each.name for each in seen.mentions} == {"bob", "zoe"}
    assert await history(site, bob, post) == ["@bob first", "@bob @zoe hello"]
    assert (await site.posts.thread(bob, post.id)).post.text == "@bob @zoe hello"
    answer = await direct(site, bob, "@ann yes?", post)
    assert [each.text for each in (await site.posts.thread(bob, answer.id)).ancestors] == ["@bob @zoe hello"]
    texts = [each.post.text for each in (await site.notifications.page(bob, Span())).items if each.post]
    assert texts == ["@bob @zoe hello"]
    assert [each.text for each in (await site.timelines.mentions(bob, Span())).items] == ["@bob @zoe hello"]
    assert await mail(site.db.reads).news(bob.id, ["mention", "reply"], 10) == []
    for words in ("secret", "walrus"):
        assert not (await site.search.posts(bob, words, Span())).items
    await surfaces(site, bob, reading)
    assert "@bob @zoe hello" not in "".join(reading.texts)
    assert "secret" not in "".join(reading.texts)
    assert await history(site, ann, post) == [
        "@bob first",
        "@bob @zoe hello",
        "@eve my secret #walrus",
        "@zoe @eve my second secret #walrus",
        "@zoe my third secret #walrus",
    ]
    assert await history(site, eve, post) == ["@eve my secret #walrus", "@zoe @eve my second secret #walrus"]
    # An account that is named again reads from then on.
    assert await history(site, zoe, post) == [
        "@zoe @eve my second secret #walrus",
        "@zoe my third secret #walrus",
    ]
    await site.posts.delete(ann, post.id)
    await surfaces(site, bob, reading)
    assert "delete" in reading.texts


async def test_account_that_is_named_again_reads_from_then_on(site: Microblog) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    post = await direct(site, ann, "@bob one")
    await site.posts.edit(ann, post.id, Draft("two"))
    assert await talks(site, bob) == [("@bob one", True)]
    await site.posts.edit(ann, post.id, Draft("@bob three"))
    assert (await site.posts.by_id(bob, post.id)).text == "@bob three"
    assert await history(site, bob, post) == ["@bob three"]
    await site.posts.edit(ann, post.id, Draft("@bob four"))
    assert await history(site, bob, post) == ["@bob three", "@bob four"]


async def test_follower_that_an_edit_drops_reads_on(site: Microblog) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    await site.follows.follow(bob, ann.id)
    post = await site.posts.publish(ann, Draft("@bob one", visibility=Visibility.FOLLOWERS))
    await site.posts.edit(ann, post.id, Draft("two"))
    assert (await site.posts.by_id(bob, post.id)).text == "two"
    assert await history(site, bob, post) == ["@bob one", "two"]


# ---------------------------------------------------------------------------------------------------- read flags


async def counts(site: Microblog, viewer: Viewer) -> tuple[int, int, int]:
    fresh = await site.sessions.viewer_of(viewer.id)
    assert fresh is not None
    news = await mail(site.db.reads).news(viewer.id, ["favourite"], 10)
    return fresh.unread, await site.notifications.unread(viewer), len(news)


async def test_notification_that_commits_below_the_mark_stays_unread(
    site: Microblog, dsn: str, reactor_: Any
) -> None:
    ann, bob, eve = [await create_viewer(site.db, name) for name in ("ann", "bob", "eve")]
    post = await site.posts.publish(bob, Draft("hello"))
    late = await connect(dsn, reactor_, 20.0)
    try:
        await late.runOperation("BEGIN")
        await late.runOperation(
            "INSERT INTO notifications (account_id, kind, actor_id, post_id) "
            "VALUES (%s, 'favourite', %s, %s)",
            (bob.id, ann.id, post.id),
        )
        await site.posts.favourite(eve, post.id)
        assert await counts(site, bob) == (1, 1, 1)
        await site.notifications.mark_read(bob)
        assert await counts(site, bob) == (0, 0, 0)
        await late.runOperation("COMMIT")
    finally:
        late.close()
    assert await counts(site, bob) == (1, 1, 1)
    read = {each.actor.id: each.read for each in (await site.notifications.page(bob, Span())).items}
    assert read == {eve.id: True, ann.id: False}
    await site.notifications.mark_read(bob)
    assert await counts(site, bob) == (0, 0, 0)


async def test_notification_that_commits_after_the_page_was_read_stays_unread(site: Microblog) -> None:
    ann, bob, eve = [await create_viewer(site.db, name) for name in ("ann", "bob", "eve")]
    post = await site.posts.publish(bob, Draft("hello"))
    await site.posts.favourite(eve, post.id)
    [group] = (await site.notification_groups.page(bob, Span())).items
    await site.posts.favourite(ann, post.id)
    await sql(site, "UPDATE notifications SET id = %s WHERE actor_id = %s", group.newest_id - 1, ann.id)
    await site.notifications.mark_read(bob, group.newest_id, group.as_of)
    assert await counts(site, bob) == (1, 1, 1)


async def test_read_mark_holds_in_a_restored_database(site: Microblog) -> None:
    """Transaction ids there are those of another server, which may be far ahead."""
    bob, eve = await create_viewer(site.db, "bob"), await create_viewer(site.db, "eve")
    post = await site.posts.publish(bob, Draft("hello"))
    await site.posts.favourite(eve, post.id)
    await sql(site, "UPDATE notifications SET xid = '1000000000000'::xid8")
    assert await counts(site, bob) == (1, 1, 1)
    await site.notifications.mark_read(bob)
    assert await counts(site, bob) == (0, 0, 0)
    assert all(each.read for each in (await site.notifications.page(bob, Span())).items)
