"""Accessors: the arguments as declared, however they are given."""

from __future__ import annotations

from typing import Any, Protocol

import pytest
from dbxs import query, statement

from microblog.store.access import accessor
from microblog.store.database import Database, scalar


class Sums(Protocol):
    @query(sql="SELECT {a}::integer - {b}::integer + {a}::integer", load=scalar)
    async def sum(self, a: int, b: int = 1) -> int: ...

    @statement(sql="SET TIME ZONE 'UTC'")
    async def nothing(self) -> None: ...


sums: Any = accessor(Sums)


async def test_arguments_come_by_place_by_name_and_by_default(db: Database) -> None:
    bound = sums(db.reads)
    assert await bound.sum(5, 2) == 8
    assert await bound.sum(5, b=2) == 8
    assert await bound.sum(b=2, a=5) == 8
    assert await bound.sum(5) == 9
    assert await bound.nothing() is None


@pytest.mark.parametrize(
    ("given", "named"), [((), {}), ((1, 2, 3), {}), ((1,), {"c": 2}), ((1,), {"a": 2}), ((), {"b": 2})]
)
async def test_a_call_that_does_not_fit_is_refused(
    db: Database, given: tuple[int, ...], named: dict[str, int]
) -> None:
    with pytest.raises(TypeError, match=r"sum\(\)"):
        await sums(db.reads).sum(*given, **named)
