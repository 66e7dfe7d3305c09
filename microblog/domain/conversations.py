"""Conversations: direct posts, a thread at a time, as one of those in it has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from microblog.domain.accounts import Account
from microblog.domain.posts import Post


@dataclass(frozen=True, slots=True)
class Conversation:
    """``people``: the others in it, as far as its last post names them; empty for notes to oneself."""

    id: int
    unread: bool
    last_post: Post
    people: Sequence[Account]
    owner: Account  #: the viewer

    @property
    def participants(self) -> Sequence[Account]:
        """``people``, or the owner where nobody else is left: clients take the first account."""
        return self.people or (self.owner,)
