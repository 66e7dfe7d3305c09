"""Problems of the database itself, logged for the operator of the site.

A database that is away or full fails every statement of every visitor. The operator needs the reason, and needs it
once. Visitors only learn that they should try again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from twisted.logger import Logger, LogLevel

from microblog.store.engine.sqlstate import Fault, fault_of

log = Logger()

#: Seconds from one log line about a problem to the next.
INTERVAL: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Problem:
    name: str
    text: str  #: what happened, and what to do
    level: Any = LogLevel.warn


_FULL = _Problem(
    "full",
    "The database has no room left, and what is written is refused. Make room on its disk; it goes on by itself",
    LogLevel.error,
)
_SHORT = _Problem("short", "The database lacks memory or connections, and refuses work", LogLevel.error)
_READ_ONLY = _Problem("read only", "The database can only be read, and what is written is refused")
_SLOW = _Problem(
    "slow", "The database gave a statement up, which took too long or waited too long (statement_timeout)"
)
_AWAY = _Problem("away", "The database is away, and what needs it gets 503; it is tried again all the time")
_OTHER = _Problem("other", "The database could not do what it was asked", LogLevel.error)


#: Faults of the database itself, and not of one statement.
_PROBLEMS: Final = {
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
    """Return the first line of an error of libpq or the server, without its hints."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line), type(error).__name__).removesuffix(".")


class DatabaseHealth:
    """Logs each kind of problem at most once in :data:`INTERVAL` seconds, and the recovery of the database."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._logged_at: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}
        self._away_since: float | None = None

    def failed(self, error: BaseException) -> None:
        """Record that a statement, or an attempt to connect, failed."""
        problem = _PROBLEMS.get(fault_of(error))
        if problem is not None:
            self._log(problem, _reason(error))

    def timed_out(self, seconds: float) -> None:
        """Record that the database gave no answer in so many seconds."""
        self._log(_AWAY, f"no answer in {seconds:g} s")

    def connected(self) -> None:
        """Record that a connection was opened."""
        if self._away_since is not None:
            log.info(
                "The database is back after {seconds:.1f} s.", seconds=self._seconds() - self._away_since
            )
            self._away_since = None
            # The next loss is logged at once.
            self._logged_at.pop(_AWAY.name, None)
            self._suppressed.pop(_AWAY.name, None)

    def _log(self, problem: _Problem, reason: str) -> None:
        now = self._seconds()
        if problem is _AWAY and self._away_since is None:
            self._away_since = now
        if problem.name in self._logged_at and now < self._logged_at[problem.name] + INTERVAL:
            self._suppressed[problem.name] = self._suppressed.get(problem.name, 0) + 1
            return
        self._logged_at[problem.name] = now
        suppressed = self._suppressed.pop(problem.name, 0)
        log.emit(
            problem.level,
            "{text}: {reason}.{more}",
            text=problem.text,
            reason=reason,
            more=f" ({suppressed} times more since this was said last.)" if suppressed else "",
        )
