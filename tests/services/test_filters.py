"""Filters: where they apply, and for how long."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from microblog.domain.accounts import Viewer
from microblog.domain.errors import InvalidInput
from microblog.domain.filters import (
    CHARACTERS_OF_ACCOUNT,
    KEYWORDS_MOST,
    KEYWORDS_OF_ACCOUNT,
    Context,
    Filter,
)
from microblog.services import filters as services_filters
from microblog.services.filters import Filters, KeywordChange
from tests.factories import create_viewer
from tests.services.people import Site


async def test_it_applies_in_its_contexts_until_it_expires(site: Site) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    post = await site.post(bob, "a cat")
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    filters = Filters(db=site.db, now=lambda: hour_ago)

    async def applying(context: Context) -> list[str]:
        found = await filters.results(ann, [post], context)
        return [each.filter.title for each in found.get(post.id, ())]

    for title, seconds in (("over", 1800), ("lasting", 7200), ("for ever", None)):
        await filters.create(
            ann, title, ["home"], expires_in=seconds, keywords=[KeywordChange(keyword="cat")]
        )
    assert await applying(Context.HOME) == ["lasting", "for ever"]
    assert await applying(Context.PUBLIC) == []
    assert [each.title for each in await filters.all(ann)] == ["over", "lasting", "for ever"]


async def full(filters: Filters, viewer: Viewer) -> list[Filter]:
    """As many keywords as an account may have."""
    return [
        await filters.create(
            viewer,
            f"filter {number}",
            ["home"],
            keywords=[KeywordChange(f"word {number} {each}") for each in range(KEYWORDS_MOST)],
        )
        for number in range(KEYWORDS_OF_ACCOUNT // KEYWORDS_MOST)
    ]


@pytest.mark.parametrize("way", ["create", "update", "add_keyword"])
async def test_account_has_a_budget_of_keywords_whichever_way_it_adds_them(site: Site, way: str) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    filters = Filters(db=site.db, now=lambda: datetime.now(UTC))
    empty = await filters.create(ann, "empty", ["home"])
    made = await full(filters, ann)
    ways: dict[str, Callable[[], Awaitable[Any]]] = {
        "create": lambda: filters.create(ann, "more", ["home"], keywords=[KeywordChange("more")]),
        "update": lambda: filters.update(ann, empty.id, keywords=[KeywordChange("more")]),
        "add_keyword": lambda: filters.add_keyword(ann, empty.id, "more"),
    }
    with pytest.raises(InvalidInput, match=f"at most {KEYWORDS_OF_ACCOUNT} keywords"):
        await ways[way]()
    assert len(await filters.all(ann)) == 1 + len(made)
    await filters.create(bob, "others have their own", ["home"], keywords=[KeywordChange("more")])
    await filters.update(ann, made[0].id, title="renamed")
    await filters.change_keyword(ann, made[0].keywords[0].id, "changed", whole_word=None)
    await filters.delete_keyword(ann, made[0].keywords[0].id)
    await ways[way]()


async def test_longer_keywords_count_for_the_budget_as_well(site: Site) -> None:
    ann = await create_viewer(site.db, "ann")
    filters = Filters(db=site.db, now=lambda: datetime.now(UTC))
    long = [KeywordChange("x" * 500 + str(number)) for number in range(39)]
    made = await filters.create(ann, "long", ["home"], keywords=long)
    with pytest.raises(InvalidInput, match=f"at most {CHARACTERS_OF_ACCOUNT} characters"):
        await filters.update(ann, made.id, keywords=[KeywordChange("y" * 500)])
    short = await filters.add_keyword(ann, made.id, "y")
    with pytest.raises(InvalidInput, match="characters"):
        await filters.change_keyword(ann, short.id, "y" * 500, whole_word=None)


async def test_much_work_is_done_off_the_reactors_thread(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob = await create_viewer(site.db, "ann"), await create_viewer(site.db, "bob")
    listed = [await site.post(bob, text) for text in ("a word 3 14 here", "nothing")]
    filters = Filters(db=site.db, now=lambda: datetime.now(UTC))
    await full(filters, ann)
    threads: list[int] = []
    real = services_filters._results

    def watched(*arguments: Any) -> Any:
        threads.append(threading.get_ident())
        return real(*arguments)

    monkeypatch.setattr(services_filters, "_results", watched)
    at_once = await filters.results(ann, listed, Context.HOME)
    monkeypatch.setattr(services_filters, "AT_ONCE", 10)
    assert await filters.results(ann, listed, Context.HOME) == at_once
    assert [each.keywords for each in at_once[listed[0].id]] == [("word 3 14",)]
    assert [each == threading.get_ident() for each in threads] == [True, False]
