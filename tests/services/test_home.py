"""The home timeline has the same pages by both query paths, and excluded posts make no page short."""

from __future__ import annotations

from typing import Any

from microblog.domain.accounts import Viewer
from microblog.domain.posts import Span
from microblog.domain.visibility import Visibility
from microblog.services.timelines import Timelines
from microblog.store.engine.database import Database
from microblog.store.home import SCANNED_MOST
from tests.factories import create_viewer
from tests.services.people import Site


async def crowd(db: Database, author: Viewer, count: int) -> None:
    """Insert many posts of an account without followers."""
    async with db.transaction() as tx:
        await tx.run(
            "INSERT INTO posts (id, author_id, visibility, text, thread_id) "
            "SELECT n.id, %s, 'public', 'noise', n.id FROM (SELECT snowflake() AS id FROM generate_series(1, %s)) n",
            (author.id, count),
        )


async def texts(db: Database, viewer: Viewer, span: Span | None = None) -> list[str]:
    page = await Timelines(db).home(viewer, span or Span())
    return [each.content.text for each in page.items]


async def test_old_posts_of_followed_accounts_are_found_behind_many_others(site: Site, db: Database) -> None:
    ann, bob, cat, dan = [await create_viewer(db, name) for name in ("ann", "bob", "cat", "dan")]
    for each in (bob, cat):
        await site.follows.follow(ann, each.id)
    for number in range(3):
        await site.post(bob, f"bob {number}")
    await site.post(cat, "cat")
    await site.post(ann, "mine")
    await crowd(db, dan, SCANNED_MOST + 10)
    await site.post(cat, "cat again")
    assert await texts(db, ann) == ["cat again", "mine", "cat", "bob 2", "bob 1", "bob 0"]
    first = await Timelines(db).home(ann, Span(limit=2))
    assert [each.text for each in first.items] == ["cat again", "mine"]
    assert await texts(db, ann, Span(max_id=first.older, limit=2)) == ["cat", "bob 2"]
    oldest = (await Timelines(db).home(ann, Span())).items[-1]
    assert await texts(db, ann, Span(min_id=oldest.id, limit=2)) == ["bob 2", "bob 1"]


async def test_excluded_posts_make_no_page_short(site: Site, db: Database) -> None:
    ann, bob, cat, dan = [await create_viewer(db, name) for name in ("ann", "bob", "cat", "dan")]
    for each in (bob, cat):
        await site.follows.follow(ann, each.id)
    for number in range(4):
        await site.post(bob, f"bob {number}")
    other = await site.post(dan, "of dan")
    posts: Any = site_posts(site)
    for number in range(4):
        await site.post(cat, f"cat {number}")
        await site.post(bob, f"@dan in private {number}", Visibility.DIRECT)
        await site.post(bob, f"answers {number}", to=other)
    await posts.boost(bob, other.id)
    await site.follows.mute(ann, cat.id)
    await site.follows.mute(ann, dan.id)
    page = await Timelines(db).home(ann, Span(limit=2))
    assert [each.text for each in page.items] == ["bob 3", "bob 2"]
    assert page.older is not None
    assert await texts(db, ann, Span(max_id=page.older, limit=2)) == ["bob 1", "bob 0"]


async def test_boosts_are_on_the_home_timeline_unless_the_follow_hides_them(site: Site, db: Database) -> None:
    ann, bob, dan = [await create_viewer(db, name) for name in ("ann", "bob", "dan")]
    await site.follows.follow(ann, bob.id)
    other = await site.post(dan, "of dan")
    await site_posts(site).boost(bob, other.id)
    assert await texts(db, ann) == ["of dan"]
    await site.follows.follow(ann, bob.id, show_boosts=False)
    assert await texts(db, ann) == []


def site_posts(site: Site) -> Any:
    from microblog.services.posts import Posts

    service: Any = Posts
    return service(site.config, site.db, site)
