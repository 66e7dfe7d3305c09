"""How people stand to each other, and that the counters always fit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from twisted.internet.defer import DeferredList, ensureDeferred

from microblog.domain.accounts import Account, Relationship, Viewer
from microblog.domain.errors import Forbidden, InvalidInput, NotFound, Unavailable
from microblog.domain.posts import Page, Span
from tests.recount import differences
from tests.services.people import Site


async def lock(site: Site, viewer: Viewer, locked: bool = True) -> None:
    await site.profiles.update(
        viewer, display_name="", bio="", fields=(), locked=locked, discoverable=True, bot=False
    )


async def consistent(site: Site) -> bool:
    """Whether each counter is the number of its rows."""
    return not await site.sql(
        """SELECT a.name FROM accounts a WHERE
            a.followers_count <> (SELECT count(*) FROM follows WHERE followee_id = a.id AND accepted)
            OR a.following_count <> (SELECT count(*) FROM follows WHERE follower_id = a.id AND accepted)"""
    )


def names(page: Page[Account]) -> list[str]:
    return [account.name for account in page.items]


async def test_following_counts_once_and_tells_once(site: Site) -> None:
    ada, bob = await site.people("ada", "bob")
    for _ in range(2):
        relationship = await site.follows.follow(ada, bob.id)
    assert relationship == Relationship(bob.id, following=True)
    assert await site.counts(ada) == (0, 1)
    assert await site.counts(bob) == (1, 0)
    page = await site.notifications.page(bob, Span())
    assert [(each.kind.value, each.actor.name) for each in page.items] == [("follow", "ada")]
    assert ("relation", ada.id, bob.id, None) in await site.events()


async def test_following_again_changes_what_is_shown(site: Site) -> None:
    ada, bob = await site.people("ada", "bob")
    await site.follows.follow(ada, bob.id)
    relationship = await site.follows.follow(ada, bob.id, show_boosts=False, notify=True)
    assert (relationship.show_boosts, relationship.notify) == (False, True)


async def test_unfollowing_withdraws_the_notification(site: Site) -> None:
    ada, bob = await site.people("ada", "bob")
    for _ in range(2):
        await site.follows.follow(ada, bob.id)
        assert len((await site.notifications.page(bob, Span())).items) == 1
        await site.follows.unfollow(ada, bob.id)
        assert (await site.notifications.page(bob, Span())).items == ()


async def test_unfollowing_is_idempotent(site: Site) -> None:
    ada, bob = await site.people("ada", "bob")
    await site.follows.follow(ada, bob.id)
    for _ in range(2):
        assert not (await site.follows.unfollow(ada, bob.id)).following
    assert await site.counts(bob) == (0, 0)


async def test_oneself_and_nobody_can_t_be_followed(site: Site) -> None:
    ada, bob = await site.people("ada", "bob")
    with pytest.raises(InvalidInput):
        await site.follows.follow(ada, ada.id)
    with pytest.raises(NotFound):
        await site.follows.follow(ada, 1)
    await site.moderation.suspend("bob")
    with pytest.raises(NotFound):
        await site.follows.follow(ada, bob.id)
    assert await consistent(site)


class TestRequests:
    async def test_a_follow_of_somebody_locked_waits_for_an_answer(self, site: Site) -> None:
        ada, bob = await site.people("ada", "bob")
        await lock(site, bob)
        relationship = await site.follows.follow(ada, bob.id)
        assert (relationship.following, relationship.requested) == (False, True)
        assert await site.counts(bob) == (0, 0)
        assert names(await site.follows.requests(bob, Span())) == ["ada"]
        page = await site.notifications.page(bob, Span())
        assert [each.kind.value for each in page.items] == ["follow_request"]

    async def test_accepted_it_counts_and_the_request_is_settled(self, site: Site) -> None:
        ada, bob = await site.people("ada", "bob")
        await lock(site, bob)
        await site.follows.follow(ada, bob.id)
        for _ in range(2):
            assert (await site.follows.accept(bob, ada.id)).followed_by
        assert await site.counts(bob) == (1, 0)
        assert names(await site.follows.requests(bob, Span())) == []
        assert (await site.notifications.page(bob, Span())).items == ()

    async def test_rejected_it_is_gone(self, site: Site) -> None:
        ada, bob = await site.people("ada", "bob")
        await lock(site, bob)
        await site.follows.follow(ada, bob.id)
        for _ in range(2):
            assert not (await site.follows.reject(bob, ada.id)).requested_by
        assert not (await site.follows.relationships(ada, [bob.id]))[0].requested

    async def test_taken_back_it_can_t_be_accepted(self, site: Site) -> None:
        ada, bob = await site.people("ada", "bob")
        await lock(site, bob)
        await site.follows.follow(ada, bob.id)
        await site.follows.unfollow(ada, bob.id)
        assert (await site.notifications.page(bob, Span())).items == ()
        with pytest.raises(NotFound):
            await site.follows.accept(bob, ada.id)
        assert await consistent(site)

    async def test_unlocking_accepts_all_who_wait(self, site: Site) -> None:
        ada, bob, eve = await site.people("ada", "bob", "eve")
        await lock(site, bob)
        for viewer in (ada, eve):
            await site.follows.follow(viewer, bob.id)
        await lock(site, bob, locked=False)
        assert await site.counts(bob) == (2, 0)
        assert names(await site.follows.followers(None, bob.id, Span())) == ["eve", "ada"]
        assert await consistent(site)


class TestBlocks:
    async def test_a_block_ends_follows_both_ways_and_forbids_new_ones(self, site: Site) -> None:
        ada, bob = await site.people("ada", "bob")
        await site.follows.follow(ada, bob.id)
        await site.follows.follow(bob, ada.id)
        for _ in range(2):
            relationship = await site.follows.block(ada, bob.id)
        assert relationship == Relationship(bob.id, blocking=True)
        assert (await site.follows.relationships(bob, [ada.id]))[0].blocked_by
        assert await site.counts(ada) == await site.counts(bob) == (0, 0)
        for viewer, other in ((ada, bob), (bob, ada)):
            with pytest.raises(Forbidden):
                await site.follows.follow(viewer, other.id)
        assert names(await site.follows.blocks(ada, Span())) == ["bob"]
        assert names(await site.follows.blocks(bob, Span())) == []

    async def test_what_they_were_told_of_each_other_goes(self, site: Site) -> None:
        ada, bob = await site.people("ada", "bob")
        await site.follows.follow(bob, ada.id)
        assert len((await site.notifications.page(ada, Span())).items) == 1
        await site.follows.block(ada, bob.id)
        assert (await site.notifications.page(ada, Span())).items == ()

    async def test_unblocked_one_may_follow_again(self, site: Site) -> None:
        ada, bob = await site.people("ada", "bob")
        await site.follows.block(ada, bob.id)
        for _ in range(2):
            await site.follows.unblock(ada, bob.id)
        assert (await site.follows.follow(bob, ada.id)).following


class TestMutes:
    async def test_a_mute_is_known_to_the_muting_alone(self, site: Site) -> None:
        ada, bob = await site.people("ada", "bob")
        relationship = await site.follows.mute(ada, bob.id)
        assert (relationship.muting, relationship.muting_notifications) == (True, True)
        assert (await site.follows.relationships(bob, [ada.id])) == [Relationship(ada.id)]
        assert names(await site.follows.mutes(ada, Span())) == ["bob"]
        await site.follows.unmute(ada, bob.id)
        assert names(await site.follows.mutes(ada, Span())) == []

    async def test_it_can_end_by_itself(self, site: Site) -> None:
        ada, bob = await site.people("ada", "bob")
        await site.follows.mute(ada, bob.id, seconds=3600)
        assert (await site.follows.relationships(ada, [bob.id]))[0].muting
        await site.sql("UPDATE mutes SET expires_at = clock_timestamp() - interval '1 second'")
        assert not (await site.follows.relationships(ada, [bob.id]))[0].muting
        assert names(await site.follows.mutes(ada, Span())) == []

    async def test_any_length_of_time_can_be_asked_for(self, site: Site) -> None:
        ada, bob = await site.people("ada", "bob")
        for seconds in (0.0, -5.0, 1e300, float("inf")):
            assert (await site.follows.mute(ada, bob.id, seconds=seconds)).muting


async def test_a_removed_follower_is_no_follower(site: Site) -> None:
    ada, bob = await site.people("ada", "bob")
    await site.follows.follow(ada, bob.id)
    for _ in range(2):
        assert not (await site.follows.remove_follower(bob, ada.id)).followed_by
    assert await consistent(site)


async def test_relationships_come_in_the_order_asked_for(site: Site) -> None:
    ada, bob, eve = await site.people("ada", "bob", "eve")
    found = await site.follows.relationships(ada, [eve.id, 12345, bob.id])
    assert [each.account_id for each in found] == [eve.id, bob.id]
    assert await site.follows.relationships(ada, []) == []


async def test_listings_page_both_ways_by_cursor(site: Site) -> None:
    ada = await site.person("ada")
    fans = await site.people("fan1", "fan2", "fan3", "fan4", "fan5")
    for fan in fans:
        await site.follows.follow(fan, ada.id)
    first = await site.follows.followers(None, ada.id, Span(limit=2))
    assert (names(first), first.newer) == (["fan5", "fan4"], None)
    second = await site.follows.followers(None, ada.id, Span(max_id=first.older, limit=2))
    assert names(second) == ["fan3", "fan2"]
    last = await site.follows.followers(None, ada.id, Span(max_id=second.older, limit=2))
    assert (names(last), last.older) == (["fan1"], None)
    back = await site.follows.followers(None, ada.id, Span(min_id=last.newer, limit=2))
    assert names(back) == ["fan3", "fan2"]
    newest = await site.follows.followers(None, ada.id, Span(since_id=last.newer, limit=2))
    assert names(newest) == ["fan5", "fan4"]
    assert names(await site.follows.following(ada, fans[0].id, Span())) == ["ada"]
    with pytest.raises(NotFound):
        await site.follows.followers(None, 1, Span())


async def test_whatever_happens_at_once_counters_fit_and_nobody_waits_for_good(site: Site) -> None:
    ada, bob, eve = await site.people("ada", "bob", "eve")
    acts: list[Callable[[Viewer, int], Awaitable[Relationship]]] = [
        site.follows.follow,
        site.follows.follow,
        site.follows.block,
        site.follows.unblock,
        site.follows.unfollow,
        site.follows.remove_follower,
    ]

    async def attempt(
        act: Callable[[Viewer, int], Awaitable[Relationship]], viewer: Viewer, other: Viewer
    ) -> None:
        try:
            await act(viewer, other.id)
        except Forbidden:
            pass

    pairs = [(ada, bob), (bob, ada), (bob, eve), (eve, bob), (eve, ada), (ada, eve)]
    everything = [ensureDeferred(attempt(act, *pair)) for _ in range(3) for act in acts for pair in pairs]
    results = await DeferredList(everything, consumeErrors=True)
    assert [result for success, result in results if not success] == []
    assert await consistent(site)


class TestUnlocking:
    async def waiting(self, site: Site, who: Viewer) -> int:
        return await site.follows.requests_count(who)

    async def test_requests_are_not_lost_when_the_process_dies_after_the_unlocking(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ann, bob, cem = await site.people("ann", "bob", "cem")
        await lock(site, ann)
        for each in (bob, cem):
            await site.follows.follow(each, ann.id)

        async def killed(*_: object) -> bool:
            raise Unavailable

        with monkeypatch.context() as patched:
            patched.setattr(type(site.follows), "accept_waiting", killed)
            await lock(site, ann, locked=False)
        assert await self.waiting(site, ann) == 2
        assert await site.sql("SELECT payload FROM jobs WHERE kind = 'follows.accept'") == [
            ({"account": ann.id},)
        ]
        assert await site.follows.accept_waiting(ann.id, 5.0)
        assert (await self.waiting(site, ann), await site.counts(ann)) == (0, (2, 0))

    async def test_more_requests_than_one_transaction_takes_are_all_accepted(self, site: Site) -> None:
        ann = await site.person("ann")
        await lock(site, ann)
        await site.sql("INSERT INTO accounts (id, name) SELECT n, 'n' || n FROM generate_series(1, 450) n")
        await site.sql(
            "INSERT INTO follows (follower_id, followee_id, accepted) "
            "SELECT n, %s, false FROM generate_series(1, 450) n",
            ann.id,
        )
        await lock(site, ann, locked=False)
        assert (await self.waiting(site, ann), await site.counts(ann)) == (0, (450, 0))
        assert await differences(site.db) == {}

    async def test_a_job_that_finds_the_account_locked_again_accepts_nobody(self, site: Site) -> None:
        ann, bob = await site.people("ann", "bob")
        await lock(site, ann)
        await site.follows.follow(bob, ann.id)
        assert await site.follows.accept_waiting(ann.id, 5.0)
        assert await self.waiting(site, ann) == 1
