"""Rows that can't be read: they are left out and logged, so that one of them does not break each page it is on.

A row can be bad after a mistake of an earlier release, a restored backup, or work by hand on the database. A value of a
newer release, during a rolling upgrade, looks the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from twisted.logger import Logger

log = Logger()
T = TypeVar("T")

#: Bad rows that are remembered, so that each is logged once by a process and not with each request.
REMEMBERED: Final = 1000

_logged: set[tuple[str, str]] = set()


def skip(what: str, key: object, error: BaseException) -> None:
    """Log that something was left out, without its content, which may be private."""
    said = what, str(key)[:50]
    if said in _logged:
        return
    if len(_logged) >= REMEMBERED:
        _logged.clear()
    _logged.add(said)
    log.error(
        "{what} {key} can't be read and is left out: {kind}",
        what=what,
        key=said[1],
        kind=type(error).__name__,
    )


def readable(load: Callable[..., T], rows: Iterable[Any]) -> list[T]:
    """Return what ``load`` makes of each row, without the rows that it can't read."""
    made = []
    for each in rows:
        try:
            made.append(load(*each))
        except Exception as error:  # noqa: BLE001 - whatever is wrong is wrong with this row
            skip(
                f"A row of {load.__module__}.{load.__qualname__} that begins with",
                each[0] if each else "",
                error,
            )
    return made


def elements(what: str, key: object, content: object, make: Callable[[Any], T]) -> tuple[T, ...]:
    """Return what ``make`` makes of each element of a JSON column, without those that it can't read."""
    if not content:
        return ()
    if not isinstance(content, list):
        skip(f"The {what} of", key, TypeError())
        return ()
    made = []
    for each in content:
        try:
            made.append(make(each))
        except Exception as error:  # noqa: BLE001 - whatever is wrong is wrong with this element
            skip(f"An element of the {what} of", key, error)
    return tuple(made)


def text_of(content: Any, name: str) -> str:
    """Return a member of a JSON object that has to be text. Raises TypeError, KeyError."""
    found = content[name]
    if not isinstance(found, str):
        raise TypeError(name)
    return found
