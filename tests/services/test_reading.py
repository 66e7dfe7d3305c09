"""Choices of the viewer: tags, filters, conversations, pins, muted threads, notes and markers."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.domain.errors import InvalidInput, NotFound
from microblog.domain.filters import Context
from microblog.domain.markers import MarkedTimeline
from microblog.domain.posts import Span
from microblog.domain.tags import FEATURED_MOST
from microblog.domain.visibility import Visibility
from microblog.services.conversations import Conversations
from microblog.services.endorsements import Endorsements
from microblog.services.filters import Filters, KeywordChange
from microblog.services.markers import Markers
from microblog.services.pins import Pins
from microblog.services.tags import Tags
from microblog.services.thread_mutes import ThreadMutes
from microblog.services.timelines import Timelines
from tests.factories import create_viewer
from tests.services.people import Site


async def two(site: Site) -> tuple[Any, Any]:
    return await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")


def tags_of(site: Site) -> Tags:
    return Tags(db=site.db, poke=site.poke, now=site.now)


# ------------------------------------------------------------------------------------------------------- tags


async def test_home_timeline_lists_a_post_with_followed_tags_once(site: Site) -> None:
    ann, bob = await two(site)
    tags, timelines = tags_of(site), Timelines(site.db)
    for text, visibility in [
        ("#one and #two", Visibility.PUBLIC),
        ("#one aside", Visibility.UNLISTED),
        ("#three", Visibility.PUBLIC),
    ]:
        await site.post(bob, text, visibility)
    first = (await timelines.public(None, Span())).items[-1]
    await site.post(bob, "answers #one", to=await site.post(ann, "mine"))

    async def home() -> list[str]:
        return [each.text for each in (await timelines.home(ann, Span())).items if each.author.id == bob.id]

    assert await home() == []
    for tag in ("One", "#two"):
        assert (await tags.follow(ann, tag)).following
    await tags.follow(ann, "one")
    assert await home() == ["#one and #two"]
    await site.follows.follow(ann, bob.id)
    assert (await home()).count("#one and #two") == 1
    await site.follows.mute(ann, bob.id)
    assert await home() == []
    await site.follows.unmute(ann, bob.id)
    page = await tags.followed(ann, Span(limit=1))
    assert [each.tag for each in page.items] == ["two"]
    page = await tags.followed(ann, Span(max_id=page.older))
    assert [each.tag for each in page.items] == ["one"]
    assert (page.items[0].uses, page.items[0].people) == (2, 1)
    assert not (await tags.unfollow(ann, "ONE")).following
    assert first.text == "#one and #two"


async def test_text_that_is_no_hashtag_is_not_found(site: Site) -> None:
    ann, _ = await two(site)
    tags = tags_of(site)
    for bad in ("", "12", "a b", "x" * 1000):
        with pytest.raises(NotFound):
            await tags.follow(ann, bad)
        with pytest.raises(InvalidInput):
            await tags.feature(ann, bad)


async def test_profile_shows_featured_tags_with_their_uses(site: Site) -> None:
    ann, bob = await two(site)
    tags = tags_of(site)
    await site.post(ann, "#Tea again")
    await site.post(ann, "secret #tea", Visibility.FOLLOWERS)
    assert [each.tag for each in await tags.worth_featuring(ann)] == ["tea"]
    made = await tags.feature(ann, "#Tea")
    assert (made.tag, made.shown, made.posts_count) == ("tea", "Tea", 1)
    assert await tags.feature(ann, "tea") == made
    with pytest.raises(NotFound):
        await tags.unfeature(bob, made.id)
    for number in range(FEATURED_MOST - 1):
        await tags.feature(ann, f"tag{number}")
    with pytest.raises(InvalidInput, match="at most"):
        await tags.feature(ann, "onemore")
    await tags.unfeature(ann, made.id)
    assert made not in await tags.featured(ann.id)


# ---------------------------------------------------------------------------------------------------- filters


async def test_filters_warn_about_or_hide_matching_posts_only(site: Site) -> None:
    ann, bob = await two(site)
    filters, timelines = Filters(db=site.db, now=site.now), Timelines(site.db)
    spoiler, soup, mine = (
        await site.post(bob, "A SPOILER for you"),
        await site.post(bob, "soup"),
        await site.post(ann, "my own spoiler"),
    )
    warn = await filters.create(ann, "Films", ["public"], keywords=[KeywordChange("spoiler")])
    page, found = await filters.applied(ann, await timelines.public(ann, Span()), Context.PUBLIC)
    assert [each.id for each in page.items] == [mine.id, soup.id, spoiler.id]
    assert list(found) == [spoiler.id]
    assert found[spoiler.id][0].keywords == ("SPOILER",)
    _, elsewhere = await filters.applied(ann, await timelines.public(ann, Span()), Context.HOME)
    assert elsewhere == {}
    hide = await filters.create(ann, "No soup", ["public"], action="hide", expires_in=3600)
    await filters.add_post(ann, hide.id, soup.id)
    page, _ = await filters.applied(ann, await timelines.public(ann, Span(limit=2)), Context.PUBLIC)
    assert [each.id for each in page.items] == [mine.id]
    assert page.older == soup.id
    _, others = await filters.applied(bob, await timelines.public(bob, Span()), Context.PUBLIC)
    assert others == {}
    assert await filters.results(None, page.items, Context.PUBLIC) == {}
    await site.sql("UPDATE filters SET expires_at = now() - interval '1 second' WHERE id = %s", hide.id)
    page, _ = await filters.applied(ann, await timelines.public(ann, Span()), Context.PUBLIC)
    assert len(page.items) == 3
    await filters.delete(ann, warn.id)
    assert [each.id for each in await filters.all(ann)] == [hide.id]


async def test_keywords_can_be_added_changed_and_removed(site: Site) -> None:
    ann, bob = await two(site)
    filters = Filters(db=site.db, now=site.now)
    made = await filters.create(ann, "Words", ["home"], keywords=[KeywordChange("one")])
    two_ = await filters.add_keyword(ann, made.id, " two  words ", whole_word=False)
    assert (two_.keyword, two_.whole_word) == ("two words", False)
    changed = await filters.change_keyword(ann, two_.id, None, True)
    assert (changed.keyword, changed.whole_word) == ("two words", True)
    for bad in ("", " ", "x" * 600):
        with pytest.raises(InvalidInput):
            await filters.add_keyword(ann, made.id, bad)
    calls: list[Any] = [
        filters.by_id(bob, made.id),
        filters.keyword(bob, two_.id),
        filters.add_keyword(bob, made.id, "mine"),
        filters.delete_keyword(bob, two_.id),
        filters.update(bob, made.id, title="Mine"),
        filters.delete(bob, made.id),
        filters.add_post(bob, made.id, 1),
        filters.delete_post(bob, 1),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            await call
    await filters.delete_keyword(ann, two_.id)
    assert [each.keyword for each in (await filters.by_id(ann, made.id)).keywords] == ["one"]
    for contexts in ([], ["nowhere"]):
        with pytest.raises(InvalidInput):
            await filters.update(ann, made.id, contexts=contexts)


# ---------------------------------------------------------------------------------------------- conversations


async def test_direct_posts_of_a_thread_are_one_conversation(site: Site) -> None:
    ann, bob = await two(site)
    eve = await create_viewer(site.db, "eve")
    talks = Conversations(db=site.db)
    first = await site.post(ann, "@bob hello", Visibility.DIRECT)
    (mine,), (his,) = (await talks.page(ann, Span())).items, (await talks.page(bob, Span())).items
    assert (mine.unread, his.unread) == (False, True)
    assert [each.id for each in mine.people] == [bob.id]
    assert [each.id for each in his.people] == [ann.id]
    assert not (await talks.mark_read(bob, his.id)).unread
    answer = await site.post(bob, "@ann yes?", Visibility.DIRECT, to=first)
    other = await site.post(ann, "@bob something else", Visibility.DIRECT)
    page = await talks.page(ann, Span())
    assert [(each.last_post.id, each.unread) for each in page.items] == [(other.id, False), (answer.id, True)]
    assert (await talks.page(eve, Span())).items == []
    for call in (talks.mark_read(eve, mine.id), talks.delete(eve, mine.id), talks.by_id(eve, mine.id)):
        with pytest.raises(NotFound):
            await call
    await site.sql("DELETE FROM posts WHERE id = %s", answer.id)
    assert (await talks.by_id(ann, mine.id)).last_post.id == first.id
    await talks.delete(ann, mine.id)
    assert [each.last_post.id for each in (await talks.page(ann, Span())).items] == [other.id]
    assert len((await talks.page(bob, Span())).items) == 2


# -------------------------------------------------------------------------------------- pins and muted threads


async def test_author_can_pin_five_posts(site: Site) -> None:
    ann, bob = await two(site)
    pins = Pins(db=site.db, poke=site.poke)
    written = [await site.post(ann, f"post {number}") for number in range(6)]
    for post in written[:5]:
        assert (await pins.pin(ann, post.id)).pinned
    assert (await pins.pin(ann, written[0].id)).pinned
    with pytest.raises(InvalidInput, match="most"):
        await pins.pin(ann, written[5].id)
    with pytest.raises(InvalidInput, match="yourself"):
        await pins.pin(bob, written[0].id)
    direct = await site.post(ann, "@bob psst", Visibility.DIRECT)
    with pytest.raises(InvalidInput, match="direct"):
        await pins.pin(ann, direct.id)
    with pytest.raises(NotFound):
        await pins.pin(await create_viewer(site.db, "eve"), direct.id)
    assert not (await pins.unpin(ann, written[0].id)).pinned
    hers = await site.post(ann, "for followers", Visibility.FOLLOWERS)
    await pins.pin(ann, hers.id)
    assert (await pins.of(ann, ann.id))[0].id == hers.id
    assert hers.id not in [each.id for each in await pins.of(bob, ann.id)]
    assert len(await pins.of(None, ann.id)) == 4
    assert not any(each.pinned for each in await pins.of(bob, ann.id))


async def test_muted_thread_sends_no_notifications(site: Site) -> None:
    ann, bob = await two(site)
    mutes = ThreadMutes(db=site.db)
    post = await site.post(ann, "begins")
    other = await site.post(ann, "another")
    answer = await site.post(bob, "first answer", to=post)
    assert (await mutes.mute(ann, answer.id)).muted
    await site.post(bob, "@ann second answer", to=answer)
    await site.post(bob, "elsewhere", to=other)
    told = (await site.notifications.page(ann, Span())).items
    assert [each.post.text for each in told if each.post] == ["elsewhere", "first answer"]
    assert not (await mutes.unmute(ann, post.id)).muted
    await site.post(bob, "third answer", to=post)
    assert len((await site.notifications.page(ann, Span())).items) == 3


# -------------------------------------------------------------------------------- notes, endorsements, markers


async def test_notes_are_private_and_endorsements_public(site: Site) -> None:
    ann, bob = await two(site)
    endorsements = Endorsements(db=site.db, poke=site.poke)
    assert (await endorsements.note(ann, bob.id, " from the choir ")).note == "from the choir"
    (theirs,) = await site.follows.relationships(bob, [ann.id])
    assert theirs.note == ""
    assert (await endorsements.note(ann, bob.id, "")).note == ""
    with pytest.raises(InvalidInput):
        await endorsements.note(ann, bob.id, "x" * 2001)
    with pytest.raises(NotFound):
        await endorsements.note(ann, 1, "nobody")
    with pytest.raises(InvalidInput, match="Follow"):
        await endorsements.endorse(ann, bob.id)
    await site.follows.follow(ann, bob.id)
    assert (await endorsements.endorse(ann, bob.id)).endorsed
    assert [each.id for each in (await endorsements.of(bob, ann.id, Span())).items] == [bob.id]
    await site.follows.unfollow(ann, bob.id)
    assert (await endorsements.of(bob, ann.id, Span())).items == ()


async def test_markers_increase_their_version_and_mark_notifications_as_read(site: Site) -> None:
    ann, bob = await two(site)
    markers = Markers(db=site.db)
    assert await markers.of(ann, list(MarkedTimeline)) == []
    await site.post(bob, "@ann hello")
    assert (await site.viewer(ann.id)).unread == 1
    (told,) = (await site.notifications.page(ann, Span())).items
    await markers.set(ann, {MarkedTimeline.HOME: 5})
    home, seen = await markers.set(ann, {MarkedTimeline.NOTIFICATIONS: told.id, MarkedTimeline.HOME: 7})
    assert (home.last_read_id, home.version, seen.version) == (7, 2, 1)
    assert (await site.viewer(ann.id)).unread == 0
    assert await markers.of(bob, list(MarkedTimeline)) == []
