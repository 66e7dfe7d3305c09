"""Followed and featured hashtags in the database, and the use of hashtags by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from dbxs import query, statement

from microblog.domain.tags import FeaturedTag
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import maybe_row, rows, scalar
from microblog.store.engine.paging import span_of


def _followed(id: int, tag: str) -> tuple[int, str]:
    return id, tag


def _about(tag: str, shown: str, following: bool, featuring: bool) -> tuple[str, str, bool, bool]:
    return tag, shown, following, featuring


def _day(tag: str, day: date, uses: int, people: int) -> tuple[str, date, int, int]:
    return tag, day, uses, people


_FEATURED = "SELECT k.id, k.tag, k.shown, k.uses, k.last_at FROM featured_tags k"


class TagQueries(Protocol):
    @query(
        sql="INSERT INTO followed_tags (account_id, tag) SELECT {account_id}, {tag} "
        "WHERE (SELECT count(*) FROM followed_tags k WHERE k.account_id = {account_id}) < {most} "
        "ON CONFLICT DO NOTHING RETURNING id",
        load=scalar,
    )
    async def follow(self, account_id: int, tag: str, most: int) -> int | None:
        """Follow a hashtag. Return None if the account follows it already, or follows ``most`` already."""

    @statement(sql="DELETE FROM followed_tags WHERE account_id = {account_id} AND tag = {tag}")
    async def unfollow(self, account_id: int, tag: str) -> None: ...

    @query(
        sql="SELECT k.id, k.tag FROM followed_tags k WHERE k.account_id = {account_id}" + span_of("k.id"),
        load=rows(_followed),
    )
    async def followed(
        self, account_id: int, below: int | None, above: int | None, ascending: bool, count: int
    ) -> list[tuple[int, str]]: ...

    @query(
        sql="""SELECT w.tag, coalesce(nullif(t.shown, ''), w.tag),
            EXISTS (SELECT FROM followed_tags k WHERE k.account_id = {viewer}::bigint AND k.tag = w.tag),
            EXISTS (SELECT FROM featured_tags k WHERE k.account_id = {viewer}::bigint AND k.tag = w.tag)
        FROM unnest({tags}::text[]) WITH ORDINALITY w (tag, place) LEFT JOIN tags t ON t.tag = w.tag
        ORDER BY w.place""",
        load=rows(_about),
    )
    async def about(self, viewer: int | None, tags: Sequence[str]) -> list[tuple[str, str, bool, bool]]:
        """Return each tag as shown, and whether the viewer follows and features it, in the order of ``tags``."""

    @query(
        sql="SELECT tag, day, uses, people FROM tag_days "
        "WHERE tag = ANY({tags}::text[]) AND day >= {since}::date AND uses > 0",
        load=rows(_day),
    )
    async def history(self, tags: Sequence[str], since: date) -> list[tuple[str, date, int, int]]:
        """Return the uses in public posts by tag and day, and the accounts that used the tag, from a day on."""

    @query(sql=_FEATURED + " WHERE k.account_id = {account_id} ORDER BY 4 DESC, k.id", load=rows(FeaturedTag))
    async def featured(self, account_id: int) -> list[FeaturedTag]: ...

    @query(
        sql=_FEATURED + " WHERE k.account_id = {account_id} AND k.tag = {tag}", load=maybe_row(FeaturedTag)
    )
    async def featured_one(self, account_id: int, tag: str) -> FeaturedTag | None: ...

    @query(
        sql="INSERT INTO featured_tags (account_id, tag, shown, uses, last_at) "
        "SELECT {account_id}, {tag}, {shown}, count(*), max(p.created_at) FROM posts p "
        "WHERE p.author_id = {account_id} AND {tag} = ANY (p.tags) AND p.visibility IN ('public', 'unlisted') "
        "HAVING (SELECT count(*) FROM featured_tags k WHERE k.account_id = {account_id}) < {most} "
        "ON CONFLICT DO NOTHING RETURNING id",
        load=scalar,
    )
    async def feature(self, account_id: int, tag: str, shown: str, most: int) -> int | None:
        """Feature a tag with the count of its uses so far. A trigger updates the count from then on."""

    @query(
        sql="DELETE FROM featured_tags WHERE account_id = {account_id} "
        "AND (id = {id}::bigint OR tag = {tag}::text) RETURNING id",
        load=scalar,
    )
    async def unfeature(self, account_id: int, id: int | None, tag: str | None) -> int | None: ...

    @query(
        sql="""SELECT u.tag FROM (
            SELECT unnest(p.tags) AS tag FROM (
                SELECT tags FROM posts WHERE author_id = {account_id} AND boost_of_id IS NULL
                ORDER BY id DESC LIMIT 1000) p) u
        WHERE NOT EXISTS (SELECT FROM featured_tags k WHERE k.account_id = {account_id} AND k.tag = u.tag)
        GROUP BY u.tag ORDER BY count(*) DESC, u.tag LIMIT {limit}""",
        load=rows(str),
    )
    async def used_most(self, account_id: int, limit: int) -> list[str]:
        """Return the tags of the account's last 1,000 posts that it does not feature, most used first."""


tags = accessor(TagQueries)
