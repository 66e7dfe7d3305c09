"""Filters in the database. A query returns each filter with its keywords and posts in one row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from dbxs import query, statement

from microblog.domain.filters import Action, Context, Filter, FilterPost, Keyword
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import maybe_row, row, rows, scalar

_COLUMNS: Final = """f.id, f.title, f.contexts, f.action, f.expires_at,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(k.id, k.keyword, k.whole_word) ORDER BY k.id), '[]')
     FROM filter_keywords k WHERE k.filter_id = f.id),
    (SELECT coalesce(jsonb_agg(jsonb_build_array(s.id, s.post_id) ORDER BY s.id), '[]')
     FROM filter_posts s WHERE s.filter_id = f.id)"""


def _filter(
    id: int,
    title: str,
    contexts: Sequence[str],
    action: str,
    expires_at: datetime | None,
    keywords: Sequence[Sequence[Any]],
    posts: Sequence[Sequence[int]],
) -> Filter:
    return Filter(
        id,
        title,
        tuple(each for each in Context if each.value in contexts),
        Action(action),
        expires_at,
        tuple(Keyword(*each) for each in keywords),
        tuple(FilterPost(*each) for each in posts),
    )


class FilterQueries(Protocol):
    @query(
        sql=f"SELECT {_COLUMNS} FROM filters f WHERE f.account_id = {{account_id}} ORDER BY f.id",
        load=rows(_filter),
    )
    async def all(self, account_id: int) -> list[Filter]: ...

    @query(
        sql=f"SELECT {_COLUMNS} FROM filters f WHERE f.account_id = {{account_id}} "
        "AND ({context}::text IS NULL OR {context} = ANY(f.contexts)) "
        "AND (f.expires_at IS NULL OR f.expires_at > clock_timestamp()) ORDER BY f.id",
        load=rows(_filter),
    )
    async def applying(self, account_id: int, context: str | None) -> list[Filter]: ...

    @query(
        sql=f"SELECT {_COLUMNS} FROM filters f WHERE f.account_id = {{account_id}} AND f.id = {{filter_id}}",
        load=maybe_row(_filter),
    )
    async def by_id(self, account_id: int, filter_id: int) -> Filter | None: ...

    @query(
        sql=f"SELECT {_COLUMNS} FROM filters f WHERE f.account_id = {{account_id}} AND f.id = ("
        "SELECT filter_id FROM filter_keywords WHERE id = {keyword_id})",
        load=maybe_row(_filter),
    )
    async def of_keyword(self, account_id: int, keyword_id: int) -> Filter | None: ...

    @query(
        sql=f"SELECT {_COLUMNS} FROM filters f WHERE f.account_id = {{account_id}} AND f.id = ("
        "SELECT filter_id FROM filter_posts WHERE id = {entry_id})",
        load=maybe_row(_filter),
    )
    async def of_post(self, account_id: int, entry_id: int) -> Filter | None: ...

    @query(
        sql="SELECT (SELECT count(*) FROM filter_keywords k JOIN filters f ON f.id = k.filter_id "
        "WHERE f.account_id = {account_id}), (SELECT coalesce(sum(length(k.keyword)), 0)::bigint "
        "FROM filter_keywords k JOIN filters f ON f.id = k.filter_id WHERE f.account_id = {account_id}), "
        "(SELECT count(*) FROM filter_posts s JOIN filters f ON f.id = s.filter_id "
        "WHERE f.account_id = {account_id})",
        load=row(lambda keywords, characters, posts: (keywords, characters, posts)),
    )
    async def used(self, account_id: int) -> tuple[int, int, int]:
        """Count the keywords, their characters and the single posts in all filters of an account."""

    @query(
        sql="INSERT INTO filters (account_id, title, contexts, action, expires_at) "
        "SELECT {account_id}, {title}, {contexts}::text[], {action}, {expires_at}::timestamptz "
        "WHERE (SELECT count(*) FROM filters o WHERE o.account_id = {account_id}) < {most} RETURNING id",
        load=scalar,
    )
    async def insert(
        self,
        account_id: int,
        title: str,
        contexts: list[str],
        action: str,
        expires_at: datetime | None,
        most: int,
    ) -> int | None: ...

    @query(
        sql="UPDATE filters SET title = {title}, contexts = {contexts}::text[], action = {action}, "
        "expires_at = {expires_at}::timestamptz WHERE id = {filter_id} AND account_id = {account_id} RETURNING id",
        load=scalar,
    )
    async def update(
        self,
        account_id: int,
        filter_id: int,
        title: str,
        contexts: list[str],
        action: str,
        expires_at: datetime | None,
    ) -> int | None: ...

    @query(
        sql="DELETE FROM filters WHERE id = {filter_id} AND account_id = {account_id} RETURNING id",
        load=scalar,
    )
    async def delete(self, account_id: int, filter_id: int) -> int | None: ...

    @query(
        sql="INSERT INTO filter_keywords (filter_id, keyword, whole_word) "
        "VALUES ({filter_id}, {keyword}, {whole_word}) RETURNING id",
        load=scalar,
    )
    async def add_keyword(self, filter_id: int, keyword: str, whole_word: bool) -> int: ...

    @statement(
        sql="UPDATE filter_keywords SET keyword = {keyword}, whole_word = {whole_word} "
        "WHERE id = {keyword_id} AND filter_id = {filter_id}"
    )
    async def update_keyword(
        self, filter_id: int, keyword_id: int, keyword: str, whole_word: bool
    ) -> None: ...

    @statement(sql="DELETE FROM filter_keywords WHERE id = {keyword_id} AND filter_id = {filter_id}")
    async def delete_keyword(self, filter_id: int, keyword_id: int) -> None: ...

    @statement(
        sql="INSERT INTO filter_posts (filter_id, post_id) VALUES ({filter_id}, {post_id}) ON CONFLICT DO NOTHING"
    )
    async def add_post(self, filter_id: int, post_id: int) -> None: ...

    @statement(sql="DELETE FROM filter_posts WHERE id = {entry_id} AND filter_id = {filter_id}")
    async def delete_post(self, filter_id: int, entry_id: int) -> None: ...


filters = accessor(FilterQueries)
