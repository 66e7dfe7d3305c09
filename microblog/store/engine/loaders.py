"""Loaders of query results.

A query is declared with dbxs and gets its result through one of these loaders. Each fetches all rows at once, because
dbxs' own loaders fetch row by row, which costs a coroutine step for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from dbxs.async_dbapi import AsyncCursor

from microblog.domain.errors import NotFound
from microblog.store.engine.bad_rows import readable

T = TypeVar("T")

Loader = Callable[[object, AsyncCursor], Coroutine[Any, Any, T]]


def rows(load: Callable[..., T]) -> Loader[list[T]]:
    """Load all rows, with each column as an argument, without the rows that can't be read (`bad_rows`)."""

    async def loader(db: object, cursor: AsyncCursor) -> list[T]:
        fetched = await cursor.fetchall()
        try:
            return [load(*each) for each in fetched]
        except Exception:  # noqa: BLE001 - one of them is bad
            return readable(load, fetched)

    return loader


def every_row(load: Callable[..., T]) -> Loader[list[T]]:
    """Load all rows of a statement that wrote them, so that none may be missing. Raises what ``load`` raises."""

    async def loader(db: object, cursor: AsyncCursor) -> list[T]:
        return [load(*each) for each in await cursor.fetchall()]

    return loader


def maybe_row(load: Callable[..., T]) -> Loader[T | None]:
    """Load the first row, or None if there is none or it can't be read."""

    async def loader(db: object, cursor: AsyncCursor) -> T | None:
        loaded = readable(load, (await cursor.fetchall())[:1])
        return loaded[0] if loaded else None

    return loader


def row(load: Callable[..., T]) -> Loader[T]:
    """Load the first row. Raises NotFound if there is none or it can't be read."""

    async def loader(db: object, cursor: AsyncCursor) -> T:
        loaded = readable(load, (await cursor.fetchall())[:1])
        if not loaded:
            raise NotFound()
        return loaded[0]

    return loader


async def scalar(db: object, cursor: AsyncCursor) -> Any:
    """Return the first column of the first row, or None."""
    fetched = await cursor.fetchall()
    return fetched[0][0] if fetched else None
