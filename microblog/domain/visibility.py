"""The rule that decides who may see a post.

    public      everyone; listed on the public timelines
    unlisted    everyone who has its address; not listed
    followers   accepted followers of the author, the accounts it mentions, the author
    direct      the accounts it mentions, the author

In all cases, an account does not see the posts of authors who blocked it, and only moderators see posts of accounts
that are not active. ``store/relations.py`` has the same rule in SQL; a property test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Visibility(StrEnum):
    PUBLIC = "public"
    UNLISTED = "unlisted"
    FOLLOWERS = "followers"
    DIRECT = "direct"

    @property
    def open(self) -> bool:
        """Whether an anonymous viewer may see it."""
        return self in (Visibility.PUBLIC, Visibility.UNLISTED)

    def no_wider_than(self, other: Visibility) -> Visibility:
        """Return the narrower of the two."""
        order = list(Visibility)
        return max(self, other, key=order.index)

    def wider_than(self, other: Visibility) -> bool:
        """Return whether more people can see a post of this visibility than one of ``other``."""
        return self is not other and self.no_wider_than(other) is other


@dataclass(frozen=True, slots=True)
class ViewerRelation:
    """The relation of a viewer to a post and its author."""

    is_author: bool = False
    is_mentioned: bool = False
    follows_author: bool = False  #: accepted by the author
    blocked_by_author: bool = False
    author_active: bool = True


STRANGER = ViewerRelation()


def may_see(visibility: Visibility, relation: ViewerRelation = STRANGER) -> bool:
    """Return whether a viewer with this ``relation`` may see a post of this ``visibility``."""
    if not relation.author_active:
        return False
    if relation.is_author:
        return True
    if relation.blocked_by_author:
        return False
    if visibility.open or relation.is_mentioned:
        return True
    return visibility is Visibility.FOLLOWERS and relation.follows_author


def may_boost(visibility: Visibility, is_author: bool) -> bool:
    """Return whether an account may boost a post: an open one, or its own post for followers."""
    return visibility.open or (is_author and visibility is Visibility.FOLLOWERS)
