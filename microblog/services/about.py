"""The site as a whole: its numbers, and the account that people can write to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from microblog.domain.accounts import Account
from microblog.store.about import about
from microblog.store.engine.database import Database

KEPT: Final = 60.0  #: seconds that the figures are not counted again


@dataclass(frozen=True, slots=True)
class Facts:
    people: int
    posts: int  #: boosts included, as on profiles
    active_month: int  #: people who were here in the last 30 days
    active_half_year: int  #: in the last 180
    contact: Account | None  #: the one that the settings name, else the owner's


class About:
    """``seconds`` is a monotonic clock, ``contact_account`` the name of the account that people can write to."""

    def __init__(
        self, db: Database, seconds: Callable[[], float], contact_account: str | None = None
    ) -> None:
        self._db = db
        self._contact_account = contact_account
        self._seconds = seconds
        self._kept: tuple[float, Facts] | None = None

    async def facts(self) -> Facts:
        """At most a minute old: every client asks for them first, and counting looks at everybody."""
        if self._kept is not None and self._seconds() - self._kept[0] < KEPT:
            return self._kept[1]
        facts = Facts(*await about(self._db.reads).facts(self._contact_account))
        self._kept = (self._seconds(), facts)
        return facts
