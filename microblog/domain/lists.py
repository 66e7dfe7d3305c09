"""Lists: people whose posts somebody reads apart from all others."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from microblog.domain.errors import InvalidInput
from microblog.domain.text import one_line

TITLE_MOST: Final = 255  #: characters
LISTS_MOST: Final = 50  #: of one person
MEMBERS_MOST: Final = 1000  #: of one list


class RepliesPolicy(StrEnum):
    """Replies to whom a list shows."""

    FOLLOWED = "followed"  #: to all whom its owner follows
    LIST = "list"  #: to those in the list
    NONE = "none"


@dataclass(frozen=True, slots=True)
class UserList:
    """A list of somebody's. Nobody else learns of it, nor those in it."""

    id: int
    title: str
    replies_policy: RepliesPolicy
    exclusive: bool  #: who is in it does not appear at home

    @property
    def path(self) -> str:
        return f"/lists/{self.id}"


def list_title(written: str) -> str:
    """A title as it is kept: one line. Raises InvalidInput (field "title")."""
    if len(written) > 4 * TITLE_MOST:
        raise InvalidInput(f"A title has at most {TITLE_MOST} characters.", "title", "too_long")
    title = one_line(written, TITLE_MOST + 1).strip()
    if not title:
        raise InvalidInput("Give the list a title.", "title", "blank")
    if len(title) > TITLE_MOST:
        raise InvalidInput(f"A title has at most {TITLE_MOST} characters.", "title", "too_long")
    return title


def replies_policy(written: str) -> RepliesPolicy:
    """Raises InvalidInput (field "replies_policy")."""
    if written not in set(RepliesPolicy):
        raise InvalidInput(
            "Choose whose replies the list shows: followed, list or none.", "replies_policy", "inclusion"
        )
    return RepliesPolicy(written)
