"""The site as a whole: its figures and its contact account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from microblog.domain.accounts import Account
from microblog.store.about import about
from microblog.store.engine.database import Database

CACHED: Final = 60.0  #: seconds until the figures are counted again


@dataclass(frozen=True, slots=True)
class Facts:
    """The figures of the site."""

    people: int
    posts: int  #: boosts included, as on profiles
    active_month: int  #: accounts that were active in the last 30 days
    active_half_year: int  #: in the last 180
    contact: Account | None  #: the account that the settings name, or the owner's


class About:
    """Facts about the site. ``seconds`` is a monotonic clock; ``contact_account`` is the setting of that name."""

    def __init__(
        self, db: Database, seconds: Callable[[], float], contact_account: str | None = None
    ) -> None:
        self._db = db
        self._contact_account = contact_account
        self._seconds = seconds
        self._cached: tuple[float, Facts] | None = None

    async def facts(self) -> Facts:
        """Return figures that are at most a minute old: every client asks for them, and counting reads all accounts."""
        if self._cached is not None and self._seconds() - self._cached[0] < CACHED:
            return self._cached[1]
        facts = Facts(*await about(self._db.reads).facts(self._contact_account))
        self._cached = (self._seconds(), facts)
        return facts
