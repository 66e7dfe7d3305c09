"""A post asks only the live readers whom it may concern; a change of relations reads only what it may change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.events import Audience, Event, Kind
from microblog.domain.posts import Draft
from microblog.domain.streams import ListMembers, Relationships, belongs
from microblog.domain.visibility import Visibility
from microblog.services.live import relationship_cache
from microblog.services.live.followed import Followed
from microblog.services.live.groups import SubscriberGroup
from tests.factories import create_viewer
from tests.services.live.live_site import Reading, Site
from tests.waiting import until

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ids = st.integers(1, 8)
tags = st.sampled_from(["tea", "milk", "cats"])
relationships = st.builds(
    lambda owner, follows, tags, members: Relationships(
        owner, dict.fromkeys(follows, True), tags=tags, lists={5: ListMembers(members)}
    ),
    ids,
    st.frozensets(ids),
    st.frozensets(tags),
    st.frozensets(ids),
)
events = st.builds(
    lambda author, boost, visibility, tags, answered: Event(
        1,
        Kind.BOOST if boost else Kind.POST,
        NOW,
        author,
        None,
        audience=Audience(author, "name", visibility, (), tuple(tags), 1, answered, boost),
    ),
    ids,
    st.booleans(),
    st.sampled_from(list(Visibility)),
    st.frozensets(tags),
    st.none() | ids,
)


@given(st.lists(relationships, max_size=6), st.lists(relationships, max_size=6), st.sets(ids), events)
def test_index_misses_no_reader_of_home_or_of_a_list(
    first: list[Relationships], later: list[Relationships], gone: set[int], event: Event
) -> None:
    followed, known = Followed(), {}
    for each in (*first, *later):
        followed.put(each)
        known[each.id] = each
    for viewer_id in gone:
        followed.drop(viewer_id)
        known.pop(viewer_id, None)
    found = list(followed.viewers(event))
    assert len(found) == len(set(found)) <= len(known)
    for viewer_id, each in known.items():
        if belongs(event, "home", each) or belongs(event, "list:5", each):
            assert viewer_id in found
    for viewer_id in [*known]:
        followed.drop(viewer_id)
    assert followed._by_author == followed._by_tag == followed._relationships == {}


@pytest.fixture
def site(live_site: Site) -> Site:
    return live_site


@pytest.mark.parametrize("stream", ["home", "list"])
async def test_post_asks_only_the_readers_who_follow_its_author(
    site: Site, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    readers = []
    for number in range(12):
        viewer = await create_viewer(site.db, f"reader{number}")
        followed = bob if number < 2 else ann
        await site.run(
            "INSERT INTO follows (follower_id, followee_id, accepted) VALUES (%s, %s, true)",
            viewer.id,
            followed.id,
        )
        name = "home"
        if stream == "list":
            cursor = await site.db.reads.run(
                "WITH l AS (INSERT INTO lists (account_id, title) VALUES (%s, 'x') RETURNING id) "
                "INSERT INTO list_accounts (list_id, owner_id, account_id) SELECT id, %s, %s FROM l RETURNING list_id",
                (viewer.id, viewer.id, followed.id),
            )
            name = f"list:{cursor.fetchall()[0][0]}"
        readers.append(Reading())
        await site.dispatcher.connect(readers[-1], viewer).subscribe(name)
    asked: list[int] = []
    wants = SubscriberGroup.wants

    def counted(feed: SubscriberGroup, event: Event) -> bool:
        asked.append(event.position)
        return wants(feed, event)

    monkeypatch.setattr(SubscriberGroup, "wants", counted)
    await site.posts.publish(bob, Draft("one"))
    await site.settled()
    await until(site.reactor, lambda: all(each.texts == ["one"] for each in readers[:2]))
    assert len(asked) == 2
    assert all(each.texts == [] for each in readers[2:])


async def test_home_follows_a_new_follow_and_a_new_tag_at_once(site: Site) -> None:
    ann, bob, cat = [await create_viewer(site.db, name) for name in ("ann", "bob", "cat")]
    reader = Reading()
    await site.dispatcher.connect(reader, ann).subscribe("home")
    await site.posts.publish(bob, Draft("not followed"))
    await site.settled()
    await site.run(
        "INSERT INTO follows (follower_id, followee_id, accepted) VALUES (%s, %s, true)", ann.id, bob.id
    )
    await site.run("INSERT INTO followed_tags (account_id, tag) VALUES (%s, 'tea')", ann.id)
    await site.relation(ann, bob)
    await site.settled()
    await site.posts.publish(bob, Draft("followed"))
    await site.posts.publish(cat, Draft("with #tea"))
    await site.posts.publish(ann, Draft("by herself"))
    await site.settled()
    await site.run("DELETE FROM follows")
    await site.relation(ann, bob)
    await site.settled()
    await site.posts.publish(bob, Draft("not any more"))
    await site.settled()
    assert sorted(reader.texts) == ["by herself", "followed", "with #tea"]


@pytest.mark.parametrize(
    ("change", "reads"),
    [
        ("INSERT INTO follows (follower_id, followee_id, accepted) VALUES ({other}, {viewer}, true)", 0),
        ("INSERT INTO mutes (account_id, target_id) VALUES ({other}, {viewer})", 0),
        ("INSERT INTO blocks (account_id, target_id) VALUES ({other}, {viewer})", 1),
        ("DELETE FROM follows WHERE follower_id = {viewer} AND followee_id = {other}", 1),
    ],
)
async def test_act_of_another_account_reads_the_viewers_relations_only_when_it_changed_them(
    site: Site, monkeypatch: pytest.MonkeyPatch, change: str, reads: int
) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    await site.run(
        "INSERT INTO follows (follower_id, followee_id, accepted) VALUES (%s, %s, true)", ann.id, bob.id
    )
    await site.dispatcher.connect(Reading(), ann).subscribe("home")
    accessor, read = relationship_cache.live, []  # type: ignore[attr-defined, var-annotated]

    class Counting:
        def __init__(self, session: Any) -> None:
            self._real = accessor(session)

        def __getattr__(self, name: str) -> Any:
            if name == "relationships":
                read.append(name)
            return getattr(self._real, name)

    monkeypatch.setattr(relationship_cache, "live", Counting)
    await site.run(change.format(viewer=ann.id, other=bob.id))
    await site.relation(bob, ann)
    await site.settled()
    assert len(read) == reads


async def test_revocation_ends_only_its_own_readers(site: Site) -> None:
    from dataclasses import replace

    ann = await create_viewer(site.db, "ann")
    readers = {}
    for number in range(5):
        readers[number] = Reading()
        viewer = replace(ann, token_id=number, session_id=None if number else 7)
        site.dispatcher.connect(readers[number], viewer)
    site.dispatcher.registry._revoke(ann.id, {"token": 3})
    assert [number for number, each in readers.items() if each.ended] == [3]
    site.dispatcher.registry._revoke(ann.id, {"session": 7})
    assert [number for number, each in readers.items() if each.ended] == [0, 3]
    for live in list(site.dispatcher.registry.subscribers):
        live.close()
    assert not site.dispatcher.registry.by_credential
