"""What must not show: letters to moderators, private answers in public counters, the blocked in lists of people."""

from __future__ import annotations

import re
from typing import Any

import pytest

from microblog.domain.accounts import Role
from microblog.domain.errors import NotFound
from microblog.domain.posts import Draft, Page, Post, Span
from microblog.domain.visibility import Visibility
from microblog.services.outgoing_mail import OutgoingMail
from tests.web.html.html_site import HtmlSite, Person, flashes


async def write(
    html_site: HtmlSite, person: Person, text: str, visibility: str = "public", to: Post | None = None
) -> Post:
    draft = Draft(text, visibility=Visibility(visibility), reply_to_id=to.id if to else None)
    return await html_site.microblog.posts.publish(person.viewer, draft)


def same(page: str, post_id: int) -> str:
    """A page without what differs each time: the form's token, and its own address."""
    return re.sub(r'name="csrf_token" value="[^"]*"', "", page).replace(f"/posts/{post_id}/", "/posts/…/")


def names(page: Page[Any]) -> list[str]:
    return [each.name for each in page.items]


class TestModerators:
    async def test_moderator_deletes_a_public_post_without_getting_it_as_a_draft(
        self, html_site: HtmlSite
    ) -> None:
        mona, bob = await html_site.person("mona"), await html_site.person("bob")
        post = await write(html_site, bob, "Buy these pills")
        await html_site.microblog.follows.block(
            bob.viewer, mona.viewer.id
        )  # which keeps nobody from their duty
        page = await mona.send(f"/posts/{post.id}/delete")
        assert (page.status, page.headers["location"]) == (303, "/@bob")
        assert flashes(await mona.get("/@bob")) == ["The post is deleted."]
        with pytest.raises(NotFound):
            await html_site.microblog.posts.by_id(bob.viewer, post.id)

    @pytest.mark.parametrize("visibility", ["followers", "direct"])
    async def test_private_posts_of_others_look_nonexistent_to_moderators(
        self, html_site: HtmlSite, visibility: str
    ) -> None:
        mona, bob, cem = [await html_site.person(name) for name in ("mona", "bob", "cem")]
        post = await write(html_site, bob, "@cem our secret", visibility)
        page = await mona.send(f"/posts/{post.id}/delete")
        absent = await mona.send("/posts/1/delete")
        assert page.status == absent.status == 404
        assert same(page.text, post.id) == same(absent.text, 1)
        assert (await html_site.microblog.posts.by_id(cem.viewer, post.id)).text == "@cem our secret"

    async def test_moderator_can_delete_a_direct_post_that_mentions_them(self, html_site: HtmlSite) -> None:
        mona, bob = await html_site.person("mona"), await html_site.person("bob")
        post = await write(html_site, bob, "@mona you villain", "direct")
        assert (await mona.send(f"/posts/{post.id}/delete")).status == 303

    async def test_users_can_delete_only_their_own_posts(self, html_site: HtmlSite) -> None:
        await html_site.person("mona")
        bob, eve = await html_site.person("bob"), await html_site.person("eve")
        assert eve.viewer.role is Role.USER
        post = await write(html_site, bob, "Mine")
        assert (await eve.send(f"/posts/{post.id}/delete")).status == 404


class TestCounters:
    async def test_private_replies_are_not_counted(self, html_site: HtmlSite) -> None:
        ann, bob = await html_site.person("ann"), await html_site.person("bob")
        post = await write(html_site, ann, "A question")
        answers = [
            await write(html_site, bob, "@ann an answer", visibility, post)
            for visibility in ("public", "unlisted", "followers", "direct")
        ]
        posts = html_site.microblog.posts
        assert (await posts.by_id(None, post.id)).replies_count == 2
        for answer, left in zip(reversed(answers), (2, 2, 1, 0), strict=True):
            await posts.delete(bob.viewer, answer.id)
            assert (await posts.by_id(None, post.id)).replies_count == left

    async def test_deleted_account_no_longer_counts(self, html_site: HtmlSite) -> None:
        ann, bob = await html_site.person("ann"), await html_site.person("bob")
        post = await write(html_site, ann, "A question")
        for visibility in ("public", "direct", "direct"):
            await write(html_site, bob, "@ann an answer", visibility, post)
        await html_site.microblog.deletion.delete(bob.viewer, "a long enough passphrase")
        assert (await html_site.microblog.posts.by_id(None, post.id)).replies_count == 0

    async def test_direct_posts_are_not_in_a_profiles_counts(self, html_site: HtmlSite) -> None:
        ann, bob = await html_site.person("ann"), await html_site.person("bob")
        letter = await write(html_site, ann, "@bob psst", "direct")
        account = await html_site.microblog.accounts.by_name("ann")
        assert (account.posts_count, account.last_post_at) == (0, None)
        await write(html_site, ann, "Hello")
        await html_site.microblog.posts.delete(ann.viewer, letter.id)
        assert (await html_site.microblog.accounts.by_name("ann")).posts_count == 1
        assert bob.viewer.id in {each.account_id for each in letter.mentions}


class TestBlocks:
    async def test_blocked_accounts_do_not_see_each_other_in_lists_of_accounts(
        self, html_site: HtmlSite
    ) -> None:
        ann, bob, eve = [await html_site.person(name) for name in ("ann", "bob", "eve")]
        follows, posts = html_site.microblog.follows, html_site.microblog.posts
        post = await write(html_site, ann, "Hello")
        for fan in (bob, eve):
            await follows.follow(fan.viewer, ann.viewer.id)
            await follows.follow(ann.viewer, fan.viewer.id)
            await posts.favourite(fan.viewer, post.id)
            await posts.boost(fan.viewer, post.id)
        await follows.block(bob.viewer, eve.viewer.id)
        for one, other in ((bob, "eve"), (eve, "bob")):
            for listing in (
                follows.followers(one.viewer, ann.viewer.id, Span()),
                follows.following(one.viewer, ann.viewer.id, Span()),
                posts.favourited_by(one.viewer, post.id, Span()),
                posts.boosted_by(one.viewer, post.id, Span()),
            ):
                assert names(await listing) == [one.name], other
        assert names(await follows.followers(None, ann.viewer.id, Span())) == ["eve", "bob"]
        assert names(await posts.boosted_by(ann.viewer, post.id, Span())) == ["eve", "bob"]

    async def test_boosts_by_a_blocking_account_are_hidden(self, html_site: HtmlSite) -> None:
        ann, bob, eve = [await html_site.person(name) for name in ("ann", "bob", "eve")]
        post = await write(html_site, ann, "Hello")
        await html_site.microblog.posts.boost(bob.viewer, post.id)
        boost = await html_site.microblog.posts.boost_of(bob.viewer, post.id)
        await html_site.microblog.follows.block(bob.viewer, eve.viewer.id)
        page = await html_site.microblog.timelines.account(eve.viewer, bob.viewer.id, Span())
        assert page.items == ()
        with pytest.raises(NotFound):
            await html_site.microblog.posts.by_id(eve.viewer, boost.id)
        assert await html_site.microblog.posts.by_ids(eve.viewer, [boost.id]) == []
        assert (await html_site.microblog.posts.by_id(eve.viewer, post.id)).text == "Hello"

    async def test_blocked_viewer_does_not_get_boosts_of_the_author_on_a_live_stream(
        self, html_site: HtmlSite
    ) -> None:
        ann, bob, eve = [await html_site.person(name) for name in ("ann", "bob", "eve")]
        dispatcher = html_site.microblog.dispatcher
        await html_site.microblog.follows.block(ann.viewer, eve.viewer.id)
        readers = {}
        for person in (eve, bob):
            readers[person.name] = reader = _Reader()
            live = dispatcher.connect(reader, person.viewer)
            await live.subscribe(f"user:{bob.viewer.id}", since=dispatcher.position)
        post = await write(html_site, ann, "Not for eve")
        await html_site.microblog.posts.boost(bob.viewer, post.id)
        mark = await write(html_site, bob, "For all")
        for name, seen in (("bob", [post.id, mark.id]), ("eve", [mark.id])):
            reader = readers[name]
            await reader.until(mark.id)
            assert [event.post.content.id for event in reader.events] == seen


class _Reader:
    def __init__(self) -> None:
        self.events: list[Any] = []

    def deliver(self, batch: Any) -> None:
        self.events.extend(batch.events)

    def end(self, reason: str) -> None:
        pass

    async def until(self, post_id: int) -> None:
        from twisted.internet import reactor

        from tests.waiting import until

        await until(reactor, lambda: any(event.post_id == post_id for event in self.events))


class TestMail:
    async def test_mail_does_not_mention_posts_that_became_invisible(self, html_site: HtmlSite) -> None:
        ann, bob = await html_site.person("ann"), await html_site.person("bob")
        post = await write(html_site, ann, "@bob can you keep a secret?", "direct")
        rules = OutgoingMail(html_site.microblog.db)
        assert await rules.notice(bob.viewer.id) is not None
        await html_site.microblog.posts.edit(ann.viewer, post.id, Draft("No, better not: my PIN is 1234"))
        assert await rules.notice(bob.viewer.id) is None
