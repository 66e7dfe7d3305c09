"""The public timeline of somebody with a token, put together of posts that were rendered once, is what it was."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.domain.posts import Marks
from microblog.web.rendered import MOST, NOTHING_SPECIAL, RenderedPosts
from tests.web.api.town import Program, Town

PUBLIC = "/api/v1/timelines/public"


class Rendered(RenderedPosts):
    """``version`` and the clock are the test's."""

    def __init__(self) -> None:
        self.version, self.now, self.made = 0, 0.0, 0
        super().__init__(lambda: self.version, lambda: self.now)

    async def render(self, ids: Any) -> dict[int, bytes]:
        self.made += len(ids)
        return {each: b'{"id":%d,%b}' % (each, NOTHING_SPECIAL) for each in ids if each < 100}


def marks(number: int, **flags: bool) -> Marks:
    plain = dict.fromkeys(("favourited", "boosted", "bookmarked", "pinned", "muted"), False)
    return Marks(number, **{**plain, **flags})


async def test_a_post_is_rendered_once_for_all() -> None:
    rendered = Rendered()
    first = await rendered.page([marks(1), marks(2)], rendered.render)
    assert first.body == b'[{"id":1,%b},{"id":2,%b}]' % (NOTHING_SPECIAL, NOTHING_SPECIAL)
    assert await rendered.page([marks(1), marks(2)], rendered.render) is first
    liked = await rendered.page([marks(2, favourited=True), marks(3)], rendered.render)
    assert liked.body.startswith(b'[{"id":2,"favourited":true,"reblogged":false')
    assert rendered.made == 3


async def test_what_happens_and_a_second_throw_all_away() -> None:
    rendered = Rendered()
    await rendered.page([marks(1)], rendered.render)
    rendered.version += 1
    await rendered.page([marks(1)], rendered.render)
    rendered.now += 1.0
    await rendered.page([marks(1)], rendered.render)
    assert rendered.made == 3


async def test_what_is_gone_by_then_is_left_out() -> None:
    rendered = Rendered()
    assert (await rendered.page([marks(100)], rendered.render)).body == b"[]"


async def test_what_changed_while_it_was_rendered_is_not_kept() -> None:
    rendered = Rendered()

    async def late(ids: Any) -> dict[int, bytes]:
        rendered.version += 1
        return await rendered.render(ids)

    await rendered.page([marks(1)], late)
    assert len(rendered) == 0


async def test_there_is_an_end_to_what_is_kept() -> None:
    rendered = Rendered()
    for number in range(MOST + 10):
        await rendered.page([marks(1), marks(2), marks(number % 90 + 3)] * (number + 1), rendered.render)
    assert len(rendered._pages) <= MOST


@pytest.fixture
def kept(town: Town) -> Rendered:
    made = Rendered()
    object.__setattr__(town.web, "rendered_posts", made)
    return made


async def both(town: Town, program: Program, path: str) -> tuple[Any, Any]:
    """The answer put together, and the one made whole."""
    kept = town.web.rendered_posts
    together = await program.request("GET", path)
    object.__setattr__(town.web, "rendered_posts", None)
    whole = await program.request("GET", path)
    object.__setattr__(town.web, "rendered_posts", kept)
    assert together.headers["cache-control"] == "no-store"
    assert together.headers.get("link") == whole.headers.get("link")
    assert together.headers["content-type"] == whole.headers["content-type"]
    assert together.text == whole.text
    return together.json(), whole.json()


async def test_everybody_gets_what_they_would_have_got(town: Town, kept: Rendered) -> None:
    ann, bob = await town.program("ann"), await town.program("bob")
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
            await both(town, program, path)
    found, _ = await both(town, bob, PUBLIC)
    by_id = {each["id"]: each for each in found}
    assert [by_id[ids[0]]["favourited"], by_id[ids[1]]["reblogged"], by_id[ids[2]]["bookmarked"]] == [
        True
    ] * 3
    assert by_id[ids[3]]["muted"]
    assert '"favourited":false' in by_id[ids[0]]["content"].replace("&quot;", '"')
    own, _ = await both(town, ann, PUBLIC)
    assert {each["id"] for each in own if each["pinned"]} == {ids[4]}


async def test_whom_one_mutes_or_filters_is_heeded(town: Town, kept: Rendered) -> None:
    ann, bob = await town.program("ann"), await town.program("bob")
    await ann.publish("about cats")
    await bob.publish("about dogs")
    await bob.json(
        "POST",
        "/api/v2/filters",
        json={"title": "pets", "context": ["public"], "keywords_attributes": [{"keyword": "cats"}]},
    )
    found, _ = await both(town, bob, PUBLIC)
    assert [each["filter"]["title"] for each in found[1]["filtered"]] == ["pets"]
    await bob.json("POST", f"/api/v1/accounts/{ann.id}/mute")
    found, _ = await both(town, bob, PUBLIC)
    assert len(found) == 1
