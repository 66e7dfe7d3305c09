"""Subscription streams of lists, and followed tags at home, on a real database."""

from __future__ import annotations

import pytest

from microblog.domain.errors import NotFound
from microblog.domain.posts import Draft, Span
from microblog.services.lists import Lists
from microblog.services.tags import Tags
from microblog.services.timelines import Timelines
from tests.factories import create_viewer
from tests.services.live.live_site import Reading, Site
from tests.waiting import now


@pytest.fixture
def site(live_site: Site) -> Site:
    return live_site


async def test_list_stream_follows_changes_of_the_list(site: Site) -> None:
    ann, bob, eve = [await create_viewer(site.db, name) for name in ("ann", "bob", "eve")]
    for each in (bob, eve):
        await site.run(
            "INSERT INTO follows (follower_id, followee_id, accepted) VALUES (%s, %s, true)", ann.id, each.id
        )
    lists = Lists(db=site.db, poke=site.dispatcher.poke)
    chosen = await lists.create(ann, "Some")
    await lists.add(ann, chosen.id, [bob.id])
    reader = Reading()
    live = site.dispatcher.connect(reader, ann)
    await live.subscribe(f"list:{chosen.id}")
    await site.posts.publish(bob, Draft("one"))
    await site.posts.publish(eve, Draft("not in it"))
    await site.settled()
    assert reader.texts == ["one"]
    await lists.add(ann, chosen.id, [eve.id])
    await site.settled()
    await site.posts.publish(eve, Draft("two"))
    await site.settled()
    assert reader.texts == ["one", "two"]
    await lists.delete(ann, chosen.id)
    await site.settled()
    await site.posts.publish(eve, Draft("gone"))
    await site.settled()
    assert reader.texts == ["one", "two"]


async def test_lists_of_other_accounts_are_not_found(site: Site) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    chosen = await Lists(db=site.db, poke=site.dispatcher.poke).create(ann, "Mine")
    for viewer in (bob, None):
        live = site.dispatcher.connect(Reading(), viewer)
        with pytest.raises(NotFound):
            await live.subscribe(f"list:{chosen.id}")
        live.close()


async def test_home_is_live_as_it_is_read(site: Site) -> None:
    """What comes live is what the page shows: tags that are followed, without those in exclusive lists."""
    ann, bob, eve = [await create_viewer(site.db, name) for name in ("ann", "bob", "eve")]
    await site.run(
        "INSERT INTO follows (follower_id, followee_id, accepted) VALUES (%s, %s, true)", ann.id, bob.id
    )
    lists = Lists(db=site.db, poke=site.dispatcher.poke)
    chosen = await lists.create(ann, "Loud", exclusive=True)
    await lists.add(ann, chosen.id, [bob.id])
    await Tags(db=site.db, poke=site.dispatcher.poke, now=now).follow(ann, "tea")
    await site.settled()
    reader = Reading()
    live = site.dispatcher.connect(reader, ann)
    await live.subscribe("home")
    first = await site.posts.publish(eve, Draft("some #tea"))
    for author, draft in [
        (bob, Draft("loud")),
        (bob, Draft("loud #tea")),
        (eve, Draft("coffee")),
        (ann, Draft("mine")),
        (bob, Draft("answers #tea", reply_to_id=first.id)),
    ]:
        await site.posts.publish(author, draft)
    await site.settled()
    page = await Timelines(site.db).home(ann, Span())
    assert reader.texts == [each.text for each in reversed(page.items)] == ["some #tea", "loud #tea", "mine"]
