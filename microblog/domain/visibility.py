"""Who may see a post: the one rule, which every surface asks.

    public      everyone, and it is listed on the public timelines
    unlisted    everyone who comes across it; not listed
    followers   accepted followers of the author, those it mentions, the author
    direct      those it mentions, the author

Over all of them: nobody sees a post whose author blocked them, and nobody but a moderator sees posts
of an account that is not active.  ``store/relations.py`` says the same in SQL; a property test holds the two together.
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
        """Whether a stranger without an account may see it."""
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
    """How somebody who looks stands to a post's author and to the post."""

    is_author: bool = False
    is_mentioned: bool = False
    follows_author: bool = False  #: accepted by the author
    blocked_by_author: bool = False
    author_active: bool = True


STRANGER = ViewerRelation()


def may_see(visibility: Visibility, relation: ViewerRelation = STRANGER) -> bool:
    """Whether somebody of this ``relation`` may see a post of this ``visibility``."""
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
    """Open posts are anyone's to boost; one for followers is its author's alone; direct ones are nobody's."""
    return visibility.open or (is_author and visibility is Visibility.FOLLOWERS)
