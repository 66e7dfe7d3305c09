"""What is wrong with the database itself, as a line in the log for whoever runs the site.

Visitors are told to come back in a moment, and that is all they can do.  The operator needs the reason, and needs it
once: a database that is away or full fails each statement of each visitor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from twisted.logger import Logger, LogLevel

from microblog.store.engine.sqlstate import Fault, fault_of

log = Logger()

#: Seconds in which the same trouble is not told again.
QUIET: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    text: str  #: what it means, and what to do
    level: Any = LogLevel.warn


_FULL = _Kind(
    "full",
    "The database has no room left, and what is written is refused. Make room on its disk; it goes on by itself",
    LogLevel.error,
)
_SHORT = _Kind("short", "The database lacks memory or connections, and refuses work", LogLevel.error)
_READ_ONLY = _Kind("read only", "The database can only be read, and what is written is refused")
_SLOW = _Kind(
    "slow", "The database gave a statement up, which took too long or waited too long (statement_timeout)"
)
_AWAY = _Kind("away", "The database is away, and what needs it gets 503; it is tried again all the time")
_OTHER = _Kind("other", "The database could not do what it was asked", LogLevel.error)


#: Faults that are about the database, and not about one statement.
_KINDS: Final = {
    Fault.FULL: _FULL,
    Fault.SHORT: _SHORT,
    Fault.READ_ONLY: _READ_ONLY,
    Fault.SLOW: _SLOW,
    Fault.ENDED: _SLOW,
    Fault.LOST: _AWAY,
    Fault.BROKEN: _OTHER,
    Fault.OTHER: _OTHER,
}


def _reason(error: BaseException) -> str:
    """What libpq or the server said, on one line, without its hints."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line), type(error).__name__).removesuffix(".")


class Trouble:
    """Tells the log about each kind of trouble at most once in :data:`QUIET` seconds, and when the database is back."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._told: dict[str, float] = {}
        self._untold: dict[str, int] = {}
        self._away_since: float | None = None

    def seen(self, error: BaseException) -> None:
        """A statement, or an attempt to connect, failed with ``error``."""
        kind = _KINDS.get(fault_of(error))
        if kind is not None:
            self._tell(kind, _reason(error))

    def silent(self, seconds: float) -> None:
        """It gave no answer at all in so many seconds."""
        self._tell(_AWAY, f"no answer in {seconds:g} s")

    def answers(self) -> None:
        """A connection was opened."""
        if self._away_since is not None:
            log.info(
                "The database is back after {seconds:.1f} s.", seconds=self._seconds() - self._away_since
            )
            self._away_since = None
            # Should it go once more, that is news.
            self._told.pop(_AWAY.name, None)
            self._untold.pop(_AWAY.name, None)

    def _tell(self, kind: _Kind, reason: str) -> None:
        now = self._seconds()
        if kind is _AWAY and self._away_since is None:
            self._away_since = now
        if kind.name in self._told and now < self._told[kind.name] + QUIET:
            self._untold[kind.name] = self._untold.get(kind.name, 0) + 1
            return
        self._told[kind.name] = now
        untold = self._untold.pop(kind.name, 0)
        log.emit(
            kind.level,
            "{text}: {reason}.{more}",
            text=kind.text,
            reason=reason,
            more=f" ({untold} times more since this was said last.)" if untold else "",
        )
