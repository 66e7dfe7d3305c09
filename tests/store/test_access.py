"""Accessors: the arguments as declared, however they are given."""

from __future__ import annotations

from typing import Any, Protocol

import pytest
from dbxs import query, statement
from psycopg2.errors import UndefinedTable

from microblog.store.engine.access import accessor, prepared
from microblog.store.engine.database import Database
from microblog.store.engine.loaders import scalar


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


class Prepared(Protocol):
    @prepared("integer", "text[]")
    @query(
        sql="SELECT concat_ws('%%', {number} + {number}, cardinality({words}), "
        "(SELECT count(*) FROM pg_prepared_statements))",
        load=scalar,
    )
    async def said(self, number: int, words: list[str]) -> str: ...


async def test_a_statement_is_prepared_once_a_connection_and_runs_alone_or_in_a_transaction(
    db: Database,
) -> None:
    say: Any = accessor(Prepared)
    for _ in range(3):
        assert await say(db.reads).said(2, ["a", "b"]) == "4%2%1"
    async with db.transaction() as tx:
        assert await say(tx).said(3, []) == "6%0%1"
    assert db.pool.opened == 1


async def test_what_can_not_be_prepared_is_tried_again_the_next_time(db: Database) -> None:
    class Later(Protocol):
        @prepared("integer")
        @query(sql="SELECT {number} + n FROM later", load=scalar)
        async def sum(self, number: int) -> int: ...

    later: Any = accessor(Later)
    with pytest.raises(UndefinedTable):
        await later(db.reads).sum(1)
    await db.reads.run("CREATE TABLE later AS SELECT 2 AS n")
    assert await later(db.reads).sum(1) == 3
    assert db.pool.opened == 1


def test_a_prepared_statement_has_a_type_for_each_parameter() -> None:
    class Wrong(Protocol):
        @prepared("integer")
        @query(sql="SELECT {a} + {b}", load=scalar)
        async def sum(self, a: int, b: int) -> int: ...

    with pytest.raises(TypeError, match="2 parameters, and 1 types"):
        accessor(Wrong)
