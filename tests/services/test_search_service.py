"""Searching for accounts, hashtags and posts."""

from __future__ import annotations

import pytest

from microblog.domain.posts import Span
from microblog.domain.search_results import SearchResults
from microblog.domain.visibility import Visibility
from tests.services.people import Site


def people(found: SearchResults) -> list[str]:
    return [each.name for each in found.accounts]


def texts(found: SearchResults) -> list[str]:
    return [each.text for each in found.posts.items]


async def test_account_matches_by_prefix_of_its_name_and_words_of_its_display_name(site: Site) -> None:
    _, ben = await site.people("bob", "ben")
    await site.profiles.update(
        ben, display_name="Jürgen 山田", bio="", fields=(), locked=False, discoverable=True, bot=False
    )
    assert people(await site.search.find(None, "be", Span())) == ["ben"]
    assert sorted(people(await site.search.find(None, "b", Span()))) == ["ben", "bob"]
    assert people(await site.search.find(None, "@BEN", Span())) == ["ben"]
    assert people(await site.search.find(None, "@ben@localhost", Span())) == ["ben"]
    assert people(await site.search.find(None, "jurgen", Span())) == ["ben"]
    assert people(await site.search.find(None, "山", Span())) == ["ben"]


async def test_exact_name_comes_first_and_followed_accounts_next(site: Site) -> None:
    ada, bo, bob, bobby = await site.people("ada", "bo", "bob", "bobby")
    await site.follows.follow(ada, bobby.id)
    assert people(await site.search.find(ada, "bo", Span())) == ["bo", "bobby", "bob"]
    assert {bo.id, bob.id} == {each.id for each in (bo, bob)}


async def test_undiscoverable_account_matches_only_by_its_full_name(site: Site) -> None:
    bob = await site.person("bob")
    await site.profiles.update(
        bob, display_name="Robert", bio="", fields=(), locked=False, discoverable=False, bot=False
    )
    assert people(await site.search.find(None, "bo", Span())) == []
    assert people(await site.search.find(None, "robert", Span())) == []
    assert people(await site.search.find(None, "bob", Span())) == ["bob"]


async def test_suspended_and_blocking_accounts_are_not_found(site: Site) -> None:
    ada, bob, _ = await site.people("ada", "bob", "eve")
    await site.follows.block(bob, ada.id)
    await site.moderation.suspend("eve")
    assert people(await site.search.find(ada, "bob", Span())) == []
    assert people(await site.search.find(None, "bob", Span())) == ["bob"]
    assert people(await site.search.find(ada, "eve", Span())) == []


async def test_posts_match_by_words_and_phrases_in_any_script(site: Site) -> None:
    ada = await site.person("ada")
    for text in ("The quick brown fox", "A brown dog, quick", "東京の猫", "Café au lait"):
        await site.post(ada, text)
    assert texts(await site.search.find(None, "quick brown", Span())) == [
        "A brown dog, quick",
        "The quick brown fox",
    ]
    assert texts(await site.search.find(None, '"quick brown"', Span())) == ["The quick brown fox"]
    assert texts(await site.search.find(None, "brown -fox", Span())) == ["A brown dog, quick"]
    assert texts(await site.search.find(None, "猫", Span())) == ["東京の猫"]
    assert texts(await site.search.find(None, "cafe", Span())) == ["Café au lait"]


async def test_operators_narrow_the_results(site: Site) -> None:
    ada, bob = await site.people("ada", "bob")
    await site.post(ada, "tea with milk")
    await site.post(bob, "tea with lemon")
    assert texts(await site.search.find(None, "tea from:bob", Span())) == ["tea with lemon"]
    assert texts(await site.search.find(None, "from:@ada@localhost", Span())) == ["tea with milk"]
    assert texts(await site.search.find(ada, "tea from:me", Span())) == ["tea with milk"]
    assert texts(await site.search.find(None, "tea before:2020-01-01", Span())) == []
    assert len(texts(await site.search.find(None, "tea after:2020-01-01", Span()))) == 2


async def test_post_that_the_viewer_may_not_see_is_not_found(site: Site) -> None:
    ada, bob, eve = await site.people("ada", "bob", "eve")
    await site.follows.follow(bob, ada.id)
    await site.post(ada, "secret for followers", Visibility.FOLLOWERS)
    await site.post(ada, "secret for @bob", Visibility.DIRECT)
    await site.post(ada, "secret unlisted", Visibility.UNLISTED)
    await site.post(ada, "secret for all")
    assert texts(await site.search.find(None, "secret", Span())) == ["secret for all"]
    assert texts(await site.search.find(eve, "secret", Span())) == ["secret for all"]
    assert texts(await site.search.find(bob, "secret", Span())) == ["secret for all", "secret for @bob"]
    assert len(texts(await site.search.find(ada, "secret", Span()))) == 4
    await site.follows.block(ada, bob.id)
    assert texts(await site.search.find(bob, "secret", Span())) == []


async def test_hashtags_are_ordered_by_use_and_lead_to_their_posts(site: Site) -> None:
    ada = await site.person("ada")
    await site.post(ada, "one #Bread")
    await site.post(ada, "two #bread")
    await site.post(ada, "three #breadth")
    found = await site.search.find(None, "#brea", Span())
    assert [(tag.tag, tag.posts_count) for tag in found.tags] == [("bread", 2), ("breadth", 1)]
    assert found.tags[0].shown == "Bread"
    assert people(found) == []


async def test_further_pages_have_posts_only(site: Site) -> None:
    ada = await site.person("ada")
    for number in range(5):
        await site.post(ada, f"ada wrote {number}")
    first = await site.search.find(None, "ada", Span(limit=3))
    assert people(first) == ["ada"]
    rest = await site.search.find(None, "ada", Span(max_id=first.posts.older, limit=3))
    assert texts(rest) == ["ada wrote 1", "ada wrote 0"]
    assert people(rest) == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "'",
        '"',
        "\\",
        "%",
        "_",
        "a\x00b",
        "!!!",
        "&|()<->:*",
        "-",
        "@",
        "#",
        "@@@",
        "##",
        "from:",
        "🐈",
        "x" * 3000,
        "\ud800",
    ],
)
async def test_no_query_is_an_error(site: Site, query: str) -> None:
    await site.person("ada")
    await site.search.find(None, query, Span())
