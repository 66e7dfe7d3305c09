"""Conversations: the direct posts of a thread, as one of its participants sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from microblog.domain.accounts import Account
from microblog.domain.posts import Post


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation of ``owner``. ``people`` are the other accounts that its last post names."""

    id: int
    unread: bool
    last_post: Post
    people: Sequence[Account]
    owner: Account  #: the viewer

    @property
    def participants(self) -> Sequence[Account]:
        """``people``, or the owner if there are none, because clients show the first account."""
        return self.people or (self.owner,)
