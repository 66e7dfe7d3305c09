"""Filters: where they apply, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from microblog.domain.filters import Context
from microblog.services.filters import Filters, KeywordChange
from tests.services.people import Site
from tests.testrig import person


async def test_it_applies_in_its_contexts_until_it_expires(site: Site) -> None:
    ann, bob = await person(site.db, "ann"), await person(site.db, "bob")
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
