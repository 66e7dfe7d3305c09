"""What many like or use at the moment: how much a thing counts, and how fast it is forgotten.

A post scores for each person who favourited (1) or boosted it (2), a tag for each person who used it (1).  Each such
score falls by half in its half-life, counted from when it was done, so that something new can rise above what was big
yesterday.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from microblog.domain.accounts import Account

WINDOW_DAYS: Final = 3  #: what is older counts for nothing
POST_HALF_LIFE: Final = 12 * 3600.0  #: seconds
TAG_HALF_LIFE: Final = 24 * 3600.0
PEOPLE_LEAST: Final = 2  #: one alone makes no trend
KEPT: Final = 100  #: of each


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Somebody whom one might want to follow. ``friends``: how many whom one follows follow them; 0: many others do."""

    account: Account
    friends: int

    @property
    def reason(self) -> str:
        return "friends_of_friends" if self.friends else "most_followed"
