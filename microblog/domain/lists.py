"""Lists: accounts whose posts the owner reads as a timeline of their own."""

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
    """The replies that a list shows, by the account that they answer."""

    FOLLOWED = "followed"  #: to accounts that the owner follows
    LIST = "list"  #: to members of the list
    NONE = "none"


@dataclass(frozen=True, slots=True)
class UserList:
    """A list of one account. Only the owner can see it; its members are not notified."""

    id: int
    title: str
    replies_policy: RepliesPolicy
    exclusive: bool  #: posts of members do not appear on the owner's home timeline

    @property
    def path(self) -> str:
        return f"/lists/{self.id}"


def list_title(written: str) -> str:
    """Return the title to store, on one line. Raises InvalidInput (field "title")."""
    if len(written) > 4 * TITLE_MOST:
        raise InvalidInput(f"A title has at most {TITLE_MOST} characters.", "title", "too_long")
    title = one_line(written, TITLE_MOST + 1).strip()
    if not title:
        raise InvalidInput("Give the list a title.", "title", "blank")
    if len(title) > TITLE_MOST:
        raise InvalidInput(f"A title has at most {TITLE_MOST} characters.", "title", "too_long")
    return title


def replies_policy(written: str) -> RepliesPolicy:
    """Return the policy with that name. Raises InvalidInput (field "replies_policy")."""
    if written not in set(RepliesPolicy):
        raise InvalidInput(
            "Choose whose replies the list shows: followed, list or none.", "replies_policy", "inclusion"
        )
    return RepliesPolicy(written)
