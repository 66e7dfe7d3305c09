"""A row that can't be read is left out and logged; it never fails the query that finds it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from dbxs._access import METADATA_KEY, QueryMetadata

from microblog import store
from microblog.domain.errors import NotFound
from microblog.store.accounts import ACCOUNT_WIDTH, account_from
from microblog.store.engine import bad_rows
from microblog.store.engine.loaders import every_row, scalar
from tests.tasks.logs import logged

LOADING = scalar.__module__


def loaders() -> Iterator[tuple[str, Any]]:
    """Each declared query's loader, by the name of the query."""
    for module in pkgutil.iter_modules(store.__path__):
        found = importlib.import_module(f"microblog.store.{module.name}")
        for declarations in vars(found).values():
            if not isinstance(declarations, type) or declarations.__module__ != found.__name__:
                continue
            for value in vars(declarations).values():
                declared: QueryMetadata[Any] | None = getattr(value, METADATA_KEY, None)
                if (
                    declared is not None
                    and declared.load not in (None, scalar)
                    and declared.load.__module__ == LOADING
                ):
                    yield f"{module.name}.{declared.name}", declared.load


LOADERS = dict(loaders())
STRICT = every_row(int).__code__  # type: ignore[attr-defined]


class Cursor:
    """A cursor with rows that no query returns."""

    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows

    async def fetchall(self) -> list[Any]:
        return self.rows


BAD = [(), (None,), (None,) * 60, ("x",) * 60, ({},) * 60, ([[1]],) * 200, (object(),) * 3]


def test_the_loaders_of_all_queries_are_known() -> None:
    assert len(LOADERS) > 120


@pytest.mark.parametrize("name", LOADERS)
async def test_no_row_makes_a_query_fail(name: str) -> None:
    load = LOADERS[name]
    if getattr(load, "__code__", None) is STRICT:
        pytest.skip("it wrote what it returns")
    for bad in BAD:
        try:
            await load(None, Cursor([bad]))
        except NotFound:
            continue


async def test_good_rows_beside_a_bad_one_are_returned() -> None:
    from microblog.store.engine.loaders import rows

    bad_rows._logged.clear()
    with logged() as lines:
        for _ in range(3):
            assert await rows(int)(None, Cursor([("1",), ("secret",), ("3",)])) == [1, 3]  # type: ignore[arg-type]
    assert len(lines) == 1
    assert "ValueError" in lines[0]


GOOD = {"name": "Site", "value": "a", "html": "<b>a</b>"}


@pytest.mark.parametrize(
    "fields",
    [
        [GOOD, 1],
        [None, GOOD],
        [GOOD, []],
        [{}, GOOD],
        [GOOD, {**GOOD, "html": None}],
        [GOOD, {**GOOD, "name": 5}],
    ]
    + [[GOOD, {**GOOD, "verified_at": bad}] for bad in ("yesterday", 5, [1])],
)
def test_an_account_with_a_bad_field_has_its_other_fields(fields: list[Any]) -> None:
    row: list[Any] = [1, "ann", None, "Ann", "", "", fields, False, True, False, "active", datetime.now(UTC)]
    account = account_from(row + [None] * (ACCOUNT_WIDTH - len(row)))
    assert [each.name for each in account.fields] == ["Site"]


@pytest.mark.parametrize("fields", [{}, {"name": "x"}, "text", 7, True, None])
def test_an_account_whose_fields_are_no_list_has_none(fields: Any) -> None:
    row: list[Any] = [1, "ann", None, "Ann", "", "", fields, False, True, False, "active", datetime.now(UTC)]
    assert account_from(row + [None] * (ACCOUNT_WIDTH - len(row))).fields == ()


def test_what_is_remembered_of_bad_rows_is_bounded() -> None:
    with logged():
        for number in range(3 * bad_rows.REMEMBERED):
            bad_rows.skip("A row", number, ValueError())
    assert len(bad_rows._logged) <= bad_rows.REMEMBERED
