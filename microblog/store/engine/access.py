"""Accessors of dbxs queries that bind their parameters once instead of with each call.

``dbxs.accessor`` binds the arguments of each call to the signature with :mod:`inspect` and takes four coroutines for a
statement: 15 to 30 µs more for each statement than this module, which computes the order of the parameters once for
each query. dbxs still checks the declarations, and a call that does not fit the signature still raises TypeError.
The module uses ``QueryMetadata`` of ``dbxs._access``. tests/store/test_access.py fails if that changes.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from dbxs._access import METADATA_KEY, QueryMetadata

T = TypeVar("T")
M = TypeVar("M", bound=Callable[..., Any])


class Prepared(str):
    """An EXECUTE of a statement that each connection prepares, and plans, once before its first use."""

    __slots__ = ("name", "preparation", "text")
    name: str
    preparation: str
    text: str

    def __new__(cls, name: str, types: Sequence[str], text: str) -> Prepared:
        """``text`` has ``$1`` and so on for the parameters, of ``types``."""
        made = super().__new__(cls, f"EXECUTE {name} ({', '.join(['%s'] * len(types))})")
        made.name, made.text = name, text
        made.preparation = f"PREPARE {name} ({', '.join(types)}) AS {text}"
        return made


def prepared(*types: str) -> Callable[[M], M]:
    """Mark the ``@query`` below as a prepared statement with parameters of these types.

    Meant for statements that run often, cost more to plan than to run, and have one best plan for all parameters. Each
    connection plans the statement once, for any parameters (`database`), and again after a table's statistics change.
    Queries that page both ways can't be prepared, because the plan depends on their parameters (`paging`).
    """

    def mark(method: M) -> M:
        vars(method)["__prepared__"] = types
        return method

    return mark


class _Fetched:
    """A cursor for loaders whose rows are already fetched."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    async def description(self) -> Any:
        return self._cursor.description

    async def fetchone(self) -> Any:
        return self._cursor.fetchone()

    async def fetchall(self) -> Any:
        return self._cursor.fetchall() if self._cursor.description is not None else ()


class _Accessor:
    __slots__ = ("session",)

    def __init__(self, session: Any) -> None:
        self.session = session


def accessor(declarations: Callable[[], T]) -> Callable[[Any], T]:
    """Return a class, like dbxs' ``accessor``, whose instances run the declared queries on a session."""
    methods = {
        name: _method(declared, declarations.__name__, getattr(value, "__prepared__", ()))
        for name, value in vars(declarations).items()
        if (declared := getattr(value, METADATA_KEY, None)) is not None
    }
    made: Any = type(declarations.__name__, (_Accessor,), {"__slots__": (), **methods})
    return made  # type: ignore[no-any-return]


def _method(
    declared: QueryMetadata[Any], owner: str, types: tuple[str, ...]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    parameters = list(declared.signature.parameters.values())[1:]
    places = {each.name: number for number, each in enumerate(parameters)}
    sql, binder = declared.computeSQLFor("pyformat")
    order = tuple(places[name] for name in binder.names)
    if types:
        if len(types) != len(parameters):
            raise TypeError(f"{declared.name}() has {len(parameters)} parameters, and {len(types)} types")
        numbers = {name: f"${place + 1}" for name, place in places.items()}
        text = str(declared.sql).format_map(numbers).replace("%%", "%")
        sql = Prepared(f"{owner}_{declared.name}".lower(), types, text)
        order = tuple(places.values())
    defaults = {each.name: each.default for each in parameters if each.default is not each.empty}
    load = declared.load

    async def method(self: Any, *args: Any, **named: Any) -> Any:
        if named or len(args) != len(parameters):
            args = _arguments(declared.name, tuple(places), defaults, args, named)
        cursor = await self.session.run(sql, [args[place] for place in order])
        try:
            return await load(self, _Fetched(cursor))  # type: ignore[arg-type]
        finally:
            cursor.close()

    method.__name__ = declared.name
    return method


def _arguments(
    name: str, names: tuple[str, ...], defaults: dict[str, Any], args: tuple[Any, ...], named: dict[str, Any]
) -> tuple[Any, ...]:
    """Return all arguments in order. Raises TypeError when they do not fit the declaration."""
    if len(args) > len(names) or any(each in names[: len(args)] or each not in names for each in named):
        raise TypeError(f"{name}() takes {', '.join(names) or 'nothing'}")
    try:
        return (*args, *(named[each] if each in named else defaults[each] for each in names[len(args) :]))
    except KeyError as missing:
        raise TypeError(f"{name}() wants {missing.args[0]}") from None
