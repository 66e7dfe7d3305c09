"""The public timeline of somebody with a token, put together of posts that were rendered once, is what it was."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, ensureDeferred

from microblog.domain.errors import Unavailable
from microblog.domain.posts import Page, Post, ViewerFlags
from microblog.web.api.shared_timelines import MOST, MOST_ANSWERS, NO_FLAGS, SharedPage, SharedTimelines
from tests.web.api.api_site import ApiSite, Program

PUBLIC = "/api/v1/timelines/public"


class Rendered(SharedTimelines):
    """``version`` and the clock are the test's."""

    def __init__(self) -> None:
        self.version, self.now, self.loaded, self.rendered = 0, 0.0, 0, 0
        super().__init__(lambda: self.version, lambda: self.now)

    async def of(self, *ids: int, wait: Deferred[None] | None = None) -> SharedPage:
        async def load() -> Page[Post]:
            self.loaded += 1
            if wait is not None:
                await wait
            return Page(tuple(cast(Post, SimpleNamespace(id=each)) for each in ids))

        return await self.page(ids, load, self.render, self.mark)

    def render(self, post: Post) -> bytes:
        self.rendered += 1
        return b'{"id":%d,%b}' % (post.id, NO_FLAGS)

    async def mark(
        self, posts: Sequence[Post], viewers: Sequence[int]
    ) -> dict[int, tuple[ViewerFlags, ...] | None]:
        """Everybody likes the post of their own number; number 9 has a filter."""
        marked = {
            each: tuple(flags(post.id, favourited=True) for post in posts if post.id == each)
            for each in viewers
        }
        return {**marked, **dict.fromkeys({9} & set(viewers))}


def flags(number: int, **flags: bool) -> ViewerFlags:
    plain = dict.fromkeys(("favourited", "boosted", "bookmarked", "pinned", "muted"), False)
    return ViewerFlags(number, **{**plain, **flags})


async def test_a_page_is_read_and_a_post_rendered_once_for_all() -> None:
    rendered = Rendered()
    first = await rendered.of(1, 2)
    plain = first.answer(())
    assert plain.body == b'[{"id":1,%b},{"id":2,%b}]' % (NO_FLAGS, NO_FLAGS)
    assert (await rendered.of(1, 2)).answer(()) is plain
    await rendered.of(2, 3)
    assert (rendered.loaded, rendered.rendered) == (2, 3)


async def test_each_gets_their_own_words() -> None:
    shared = await Rendered().of(1, 2)
    liked = shared.answer((flags(2, favourited=True),))
    assert b'{"id":2,"favourited":true,"reblogged":false' in liked.body
    assert shared.answer((flags(2, favourited=True),)) is liked
    assert b"true" not in shared.answer(()).body


async def test_it_is_asked_what_it_is_to_each() -> None:
    shared = await Rendered().of(1, 2)
    assert (await shared.answer_for(2)) is shared.answer((flags(2, favourited=True),))
    assert (await shared.answer_for(3)) is shared.answer(())
    assert (await shared.answer_for(9)) is None


async def test_what_happens_and_a_second_throw_all_away() -> None:
    rendered = Rendered()
    await rendered.of(1)
    rendered.version += 1
    await rendered.of(1)
    rendered.now += 1.0
    await rendered.of(1)
    assert (rendered.loaded, rendered.rendered) == (3, 3)


async def test_who_asks_meanwhile_waits_for_the_same_page() -> None:
    rendered, wait = Rendered(), Deferred[None]()
    asking = [ensureDeferred(rendered.of(1, wait=wait)) for _ in range(3)]
    asking[1].addErrback(lambda _: None)
    asking[1].cancel()
    wait.callback(None)
    assert await asking[0] is await asking[2]
    assert rendered.loaded == 1


async def test_who_asks_after_something_happened_does_not_wait_for_what_was_before() -> None:
    rendered, wait = Rendered(), Deferred[None]()
    before = ensureDeferred(rendered.of(1, wait=wait))
    rendered.version += 1
    await rendered.of(1)
    assert not before.called
    wait.callback(None)
    await before
    assert rendered.loaded == 2


async def test_a_page_that_cannot_be_had_is_asked_for_again() -> None:
    rendered, wait = Rendered(), Deferred[None]()
    first, second = ensureDeferred(rendered.of(1, wait=wait)), ensureDeferred(rendered.of(1))
    wait.errback(Unavailable())
    with pytest.raises(Unavailable):
        await first
    assert (await second).answer(()).body
    assert rendered.loaded == 2


async def test_what_changed_while_it_was_read_is_not_kept() -> None:
    rendered, wait = Rendered(), Deferred[None]()
    asking = ensureDeferred(rendered.of(1, wait=wait))
    rendered.version += 1
    wait.callback(None)
    await asking
    assert len(rendered) == 0


async def test_there_is_an_end_to_what_is_kept() -> None:
    rendered = Rendered()
    for number in range(MOST + 10):
        await rendered.of(number)
    assert len(rendered) == MOST
    shared = await rendered.of(0, 1)
    for number in range(MOST_ANSWERS + 10):
        shared.answer((flags(number, favourited=True),))
    assert len(shared._answers) == MOST_ANSWERS


@pytest.fixture
def kept(api_site: ApiSite) -> Rendered:
    made = Rendered()
    api_site.share_timelines(made)
    return made


async def both(api_site: ApiSite, program: Program, path: str) -> tuple[Any, Any]:
    """The answer put together, and the one made whole."""
    kept = api_site.shared_timelines
    together = await program.request("GET", path)
    api_site.share_timelines(None)
    whole = await program.request("GET", path)
    api_site.share_timelines(kept)
    assert together.headers["cache-control"] == "no-store"
    assert together.headers.get("link") == whole.headers.get("link")
    assert together.headers["content-type"] == whole.headers["content-type"]
    assert together.text == whole.text
    return together.json(), whole.json()


async def test_everybody_gets_what_they_would_have_got(api_site: ApiSite, kept: Rendered) -> None:
    ann, bob = await api_site.program("ann"), await api_site.program("bob")
    posts = [await ann.publish(f'Number {n} #tag @bob "favourited":false') for n in range(6)]
    await bob.publish("One more", visibility="unlisted")
    await bob.publish("And one", spoiler_text="Warned")
    ids = [each["id"] for each in posts]
    for verb, number in (("favourite", 0), ("reblog", 1), ("bookmark", 2), ("mute", 3)):
        await bob.json("POST", f"/api/v1/statuses/{ids[number]}/{verb}")
    await ann.json("POST", f"/api/v1/statuses/{ids[4]}/pin")
    for path in (
        PUBLIC,
        f"{PUBLIC}?limit=2",
        f"{PUBLIC}?max_id={ids[3]}&local=true",
        f"{PUBLIC}?min_id={ids[1]}",
    ):
        for program in (ann, bob):
            kept.version += 1
            await both(api_site, program, path)
    found, _ = await both(api_site, bob, PUBLIC)
    by_id = {each["id"]: each for each in found}
    assert [by_id[ids[0]]["favourited"], by_id[ids[1]]["reblogged"], by_id[ids[2]]["bookmarked"]] == [
        True
    ] * 3
    assert by_id[ids[3]]["muted"]
    assert '"favourited":false' in by_id[ids[0]]["content"].replace("&quot;", '"')
    own, _ = await both(api_site, ann, PUBLIC)
    assert {each["id"] for each in own if each["pinned"]} == {ids[4]}


async def test_whom_one_mutes_or_filters_is_heeded(api_site: ApiSite, kept: Rendered) -> None:
    ann, bob = await api_site.program("ann"), await api_site.program("bob")
    await ann.publish("about cats")
    await bob.publish("about dogs")
    await bob.json(
        "POST",
        "/api/v2/filters",
        json={"title": "pets", "context": ["public"], "keywords_attributes": [{"keyword": "cats"}]},
    )
    found, _ = await both(api_site, bob, PUBLIC)
    assert [each["filter"]["title"] for each in found[1]["filtered"]] == ["pets"]
    await bob.json("POST", f"/api/v1/accounts/{ann.id}/mute")
    found, _ = await both(api_site, bob, PUBLIC)
    assert len(found) == 1


async def test_who_is_blocked_by_somebody_does_not_read_them(api_site: ApiSite, kept: Rendered) -> None:
    ann, bob = await api_site.program("ann"), await api_site.program("bob")
    await ann.publish("not for bob")
    await bob.publish("for all")
    await ann.json("POST", f"/api/v1/accounts/{bob.id}/block")
    for program in (ann, bob):
        found, _ = await both(api_site, program, PUBLIC)
        assert [each["account"]["id"] for each in found] == [program.id]
