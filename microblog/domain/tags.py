"""Hashtags that an account follows or features on its profile, and their use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from microblog.domain.errors import InvalidInput, NotFound
from microblog.domain.text import hashtag_key

FOLLOWED_MOST: Final = 200  #: hashtags that one account follows
FEATURED_MOST: Final = 10  #: hashtags on a profile
HISTORY_DAYS: Final = 7

NO_TAG: Final = "That can't be a hashtag. A hashtag is letters, digits and underscores, not digits alone."


@dataclass(frozen=True, slots=True)
class TagDay:
    """The use of a hashtag on a day (UTC): the number of public posts and of accounts."""

    day: date
    uses: int
    people: int


@dataclass(frozen=True, slots=True)
class TagView:
    """A hashtag as a viewer sees it. ``history`` has the last 7 days, today first."""

    tag: str
    shown: str
    following: bool
    featuring: bool
    history: Sequence[TagDay]

    @property
    def uses(self) -> int:
        return sum(each.uses for each in self.history)

    @property
    def people(self) -> int:
        """The upper bound of the accounts that used it: an account counts once for each day."""
        return sum(each.people for each in self.history)


@dataclass(frozen=True, slots=True)
class FeaturedTag:
    """A hashtag on a profile, with the number of public posts in which its owner used it."""

    id: int
    tag: str
    shown: str
    posts_count: int
    last_at: datetime | None


def tag_key(written: str) -> str:
    """Return the key of a hashtag in an address, with or without #. Raises NotFound if it can't be one."""
    key = hashtag_key(written.strip().removeprefix("#"))
    if key is None:
        raise NotFound(NO_TAG)
    return key


def tag_named(written: str, field: str = "name") -> tuple[str, str]:
    """Return the key and the shown form of a typed hashtag. Raises InvalidInput."""
    shown = written.strip().removeprefix("#")
    if not shown:
        raise InvalidInput("Name a hashtag.", field, "blank")
    key = hashtag_key(shown)
    if key is None:
        raise InvalidInput(NO_TAG, field)
    return key, shown
