"""Lists: whom they take, what they show, and that nobody else gets at them."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.domain.accounts import Viewer
from microblog.domain.errors import InvalidInput, NotFound
from microblog.domain.lists import LISTS_MOST, RepliesPolicy, UserList
from microblog.domain.posts import Post, Span
from microblog.services.lists import Lists
from microblog.services.timelines import Timelines
from tests.factories import create_viewer
from tests.services.people import Site


class Reading:
    """Ann, who follows bob and eve, and what she reads."""

    def __init__(self, site: Site, ann: Viewer, bob: Viewer, eve: Viewer) -> None:
        self.site, self.ann, self.bob, self.eve = site, ann, bob, eve
        self.lists = Lists(db=site.db, poke=site.poke)

    async def texts(self, chosen: UserList) -> list[str]:
        page = await self.lists.timeline(self.ann, chosen.id, Span())
        return [each.content.text for each in page.items]

    async def home(self) -> list[str]:
        page = await Timelines(self.site.db).home(self.ann, Span())
        return [each.content.text for each in page.items]


async def reading(site: Site) -> Reading:
    ann, bob, eve = [await create_viewer(site.db, name) for name in ("ann", "bob", "eve")]
    for each in (bob, eve):
        await site.follows.follow(ann, each.id)
    return Reading(site, ann, bob, eve)


async def test_a_list_shows_what_those_in_it_wrote_and_boosted(site: Site) -> None:
    there = await reading(site)
    friends = await there.lists.create(there.ann, " Friends ")
    assert friends.title == "Friends"
    await there.lists.add(there.ann, friends.id, [there.bob.id])
    await site.post(there.bob, "by bob")
    await site.post(there.eve, "by eve")
    await site.post(there.ann, "by ann")
    assert await there.texts(friends) == ["by bob"]
    await there.lists.add(there.ann, friends.id, [there.bob.id, there.eve.id])
    assert await there.texts(friends) == ["by eve", "by bob"]
    await there.lists.remove(there.ann, friends.id, [there.bob.id])
    assert await there.texts(friends) == ["by eve"]


@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        (RepliesPolicy.NONE, set()),
        (RepliesPolicy.LIST, {"to ann"}),
        (RepliesPolicy.FOLLOWED, {"to ann", "to eve"}),
    ],
)
async def test_whose_replies_it_shows_is_its_owners_choice(
    site: Site, policy: RepliesPolicy, shown: set[str]
) -> None:
    there = await reading(site)
    stranger = await create_viewer(site.db, "stranger")
    chosen = await there.lists.create(there.ann, "Some", replies_policy=policy)
    await there.lists.add(there.ann, chosen.id, [there.bob.id])
    beginnings: dict[str, Post] = {
        each.account.name: await site.post(each, "first") for each in (there.ann, there.eve, stranger)
    }
    for name, post in beginnings.items():
        await site.post(there.bob, f"to {name}", to=post)
    assert set(await there.texts(chosen)) == shown


async def test_who_is_in_an_exclusive_list_is_not_at_home(site: Site) -> None:
    there = await reading(site)
    chosen = await there.lists.create(there.ann, "Loud", exclusive=True)
    await there.lists.add(there.ann, chosen.id, [there.bob.id])
    await site.post(there.bob, "by bob")
    await site.post(there.eve, "by eve")
    assert await there.home() == ["by eve"]
    await there.lists.update(there.ann, chosen.id, exclusive=False)
    assert await there.home() == ["by eve", "by bob"]


async def test_only_whom_one_follows_can_be_in_it_and_who_is_unfollowed_leaves(site: Site) -> None:
    there = await reading(site)
    stranger = await create_viewer(site.db, "stranger")
    chosen = await there.lists.create(there.ann, "Friends")
    with pytest.raises(NotFound):
        await there.lists.add(there.ann, chosen.id, [there.bob.id, stranger.id])
    assert (await there.lists.members(there.ann, chosen.id, Span())).items == ()
    await there.lists.add(there.ann, chosen.id, [there.bob.id])
    assert [each.title for each in await there.lists.with_member(there.ann, there.bob.id)] == ["Friends"]
    await site.follows.unfollow(there.ann, there.bob.id)
    assert (await there.lists.members(there.ann, chosen.id, Span())).items == ()


async def test_others_lists_are_not_there(site: Site) -> None:
    there = await reading(site)
    chosen = await there.lists.create(there.ann, "Mine")
    calls: list[Any] = [
        there.lists.by_id(there.bob, chosen.id),
        there.lists.update(there.bob, chosen.id, title="Yours"),
        there.lists.delete(there.bob, chosen.id),
        there.lists.add(there.bob, chosen.id, []),
        there.lists.remove(there.bob, chosen.id, [there.ann.id]),
        there.lists.members(there.bob, chosen.id, Span()),
        there.lists.timeline(there.bob, chosen.id, Span()),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            await call
    assert await there.lists.all(there.bob) == []
    assert await there.lists.all(there.ann) == [chosen]
    await there.lists.delete(there.ann, chosen.id)
    assert await there.lists.all(there.ann) == []


async def test_a_title_is_one_line_and_there_is_an_end_to_lists(site: Site) -> None:
    there = await reading(site)
    for bad in ("", "  \n ", "x" * 256):
        with pytest.raises(InvalidInput) as caught:
            await there.lists.create(there.ann, bad)
        assert caught.value.field == "title"
    for number in range(LISTS_MOST):
        await there.lists.create(there.ann, f"List {number}")
    with pytest.raises(InvalidInput, match="most"):
        await there.lists.create(there.ann, "One more")
