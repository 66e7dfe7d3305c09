"""Rows that can't be read. They are left out and logged, so that one bad row does not break each page that lists it.

A row can be bad after a mistake of an earlier release, a restored backup, or a manual change of the database. During a
rolling upgrade, a value of a newer release looks the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from twisted.logger import Logger

log = Logger()
T = TypeVar("T")

#: Bad rows to remember, so that a process logs each row once and not with each request.
REMEMBERED: Final = 1000

_logged: set[tuple[str, str]] = set()


def skip(what: str, key: object, error: BaseException) -> None:
    """Log that something was left out, without its content, which may be private."""
    identity = what, str(key)[:50]
    if identity in _logged:
        return
    if len(_logged) >= REMEMBERED:
        _logged.clear()
    _logged.add(identity)
    log.error(
        "{what} {key} can't be read and is left out: {kind}",
        what=what,
        key=identity[1],
        kind=type(error).__name__,
    )


def readable(load: Callable[..., T], rows: Iterable[Any]) -> list[T]:
    """Return the result of ``load`` for each row, without the rows that it can't read."""
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
    """Return the result of ``make`` for each element of a JSON column, without the elements that it can't read."""
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
    value = content[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value
