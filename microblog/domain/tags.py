"""Hashtags that somebody follows, or shows on their profile; how much a tag is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from microblog.domain.errors import InvalidInput, NotFound
from microblog.domain.text import hashtag_key

FOLLOWED_MOST: Final = 200  #: tags that one person follows
FEATURED_MOST: Final = 10  #: tags on a profile
HISTORY_DAYS: Final = 7

NO_TAG: Final = "That can't be a hashtag. A hashtag is letters, digits and underscores, not digits alone."


@dataclass(frozen=True, slots=True)
class TagDay:
    """The use of a tag on a day (UTC): in how many public posts, by how many people."""

    day: date
    uses: int
    people: int


@dataclass(frozen=True, slots=True)
class TagView:
    """A tag as somebody sees it: ``following`` and ``featuring`` are about them. ``history``: today first, 7 days."""

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
        """At most: who used it on two days counts twice."""
        return sum(each.people for each in self.history)


@dataclass(frozen=True, slots=True)
class FeaturedTag:
    """A tag on a profile, with how often its owner used it in posts that everyone may see."""

    id: int
    tag: str
    shown: str
    posts_count: int
    last_at: datetime | None


def tag_key(written: str) -> str:
    """The key of a tag in an address, with or without #. Raises NotFound for what can't be one."""
    key = hashtag_key(written.strip().removeprefix("#"))
    if key is None:
        raise NotFound(NO_TAG)
    return key


def tag_named(written: str, field: str = "name") -> tuple[str, str]:
    """Key and shown form of a tag that somebody typed. Raises InvalidInput."""
    shown = written.strip().removeprefix("#")
    if not shown:
        raise InvalidInput("Name a hashtag.", field, "blank")
    key = hashtag_key(shown)
    if key is None:
        raise InvalidInput(NO_TAG, field)
    return key, shown
