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
    """All rows, each passed to ``load`` column by column; without those that can't be read (`bad_rows`)."""

    async def loader(db: object, cursor: AsyncCursor) -> list[T]:
        found = await cursor.fetchall()
        try:
            return [load(*each) for each in found]
        except Exception:  # noqa: BLE001 - one of them is bad
            return readable(load, found)

    return loader


def every_row(load: Callable[..., T]) -> Loader[list[T]]:
    """All rows of a statement that wrote them: none may be missing. Raises what ``load`` raises."""

    async def loader(db: object, cursor: AsyncCursor) -> list[T]:
        return [load(*each) for each in await cursor.fetchall()]

    return loader


def maybe_row(load: Callable[..., T]) -> Loader[T | None]:
    """The first row, or None; also where it can't be read."""

    async def loader(db: object, cursor: AsyncCursor) -> T | None:
        made = readable(load, (await cursor.fetchall())[:1])
        return made[0] if made else None

    return loader


def row(load: Callable[..., T]) -> Loader[T]:
    """The first row. Raises NotFound when there is none, or it can't be read."""

    async def loader(db: object, cursor: AsyncCursor) -> T:
        made = readable(load, (await cursor.fetchall())[:1])
        if not made:
            raise NotFound()
        return made[0]

    return loader


async def scalar(db: object, cursor: AsyncCursor) -> Any:
    """The first column of the first row, or None."""
    found = await cursor.fetchall()
    return found[0][0] if found else None
