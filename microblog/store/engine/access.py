"""Accessors of queries that are declared with dbxs: bound once, not with each call.

``dbxs.accessor`` binds the arguments of each call to the method's signature, by :mod:`inspect`, and takes four
coroutines a statement: 15 to 30 µs more than this, with each statement of each request.  Here the order of the
parameters is worked out once a query.  Declarations and their checks are dbxs' own, and a call that does not fit its
signature raises TypeError all the same.  Leans on ``dbxs._access``'s ``QueryMetadata``: tests/store/test_access.py
fails if that changes.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from dbxs._access import METADATA_KEY, QueryMetadata

T = TypeVar("T")
M = TypeVar("M", bound=Callable[..., Any])


class Prepared(str):
    """An EXECUTE of a statement that each connection prepares before it first runs it: planned once, not every time."""

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
    """Above ``@query``: this statement is prepared; its parameters are of these types.

    For what runs often, costs more to plan than to run, and is best planned the same way whatever is asked: each
    connection plans it once, for any parameters (`database`), and again when a table's statistics have changed.
    Queries that page both ways are none of these: their parameters are folded into the plan (`paging`).
    """

    def mark(method: M) -> M:
        vars(method)["__prepared__"] = types
        return method

    return mark


class _Fetched:
    """What a loader takes for a cursor: rows that are here already."""

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
    """As dbxs': a class whose instances, made of a session of `database`, have the declared methods."""
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

    async def method(self: Any, *given: Any, **named: Any) -> Any:
        if named or len(given) != len(parameters):
            given = _arguments(declared.name, tuple(places), defaults, given, named)
        cursor = await self.session.run(sql, [given[place] for place in order])
        try:
            return await load(self, _Fetched(cursor))  # type: ignore[arg-type]
        finally:
            cursor.close()

    method.__name__ = declared.name
    return method


def _arguments(
    name: str, names: tuple[str, ...], defaults: dict[str, Any], given: tuple[Any, ...], named: dict[str, Any]
) -> tuple[Any, ...]:
    """All arguments in their order. Raises TypeError when they are not those of the declaration."""
    if len(given) > len(names) or any(each in names[: len(given)] or each not in names for each in named):
        raise TypeError(f"{name}() takes {', '.join(names) or 'nothing'}")
    try:
        return (*given, *(named[each] if each in named else defaults[each] for each in names[len(given) :]))
    except KeyError as missing:
        raise TypeError(f"{name}() wants {missing.args[0]}") from None
