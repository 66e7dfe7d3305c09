"""The weights and half-lives that decide which posts and hashtags trend.

A post scores for each account that favourited (1) or boosted it (2), a hashtag for each account that used it (1). Each
of these scores halves in every half-life since the action, so that new posts can rise above those of yesterday.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from microblog.domain.accounts import Account

WINDOW_DAYS: Final = 3  #: older actions are ignored
POST_HALF_LIFE: Final = 12 * 3600.0  #: seconds
TAG_HALF_LIFE: Final = 24 * 3600.0
PEOPLE_LEAST: Final = 2  #: accounts that a trend needs
TRENDS_MOST: Final = 100  #: stored trends of each kind


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An account that the viewer may want to follow. ``friends`` counts its followers that the viewer follows."""

    account: Account
    friends: int

    @property
    def reason(self) -> str:
        return "friends_of_friends" if self.friends else "most_followed"
