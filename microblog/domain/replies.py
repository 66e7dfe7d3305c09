"""The initial state of a reply: the accounts it addresses, and its default visibility."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from microblog.domain.posts import Post
from microblog.domain.text import Parsed
from microblog.domain.visibility import Visibility


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply before it is written."""

    to: Post  #: the answered post, never a boost
    addresses: tuple[str, ...]  #: of the addressed accounts: ``bob``, ``bob@example.org``
    visibility: Visibility  #: unless its author chooses another

    @property
    def beginning(self) -> str:
        """The names of all accounts that the reply addresses, as its text begins with them."""
        return names(self.addresses)

    def missing(self, parsed: Parsed, host: str) -> str:
        """Return the names that ``parsed`` does not mention yet, to be put before it; ``host`` is this site's."""
        mentioned = {each.name if each.domain in (None, host) else each.address for each in parsed.mentions}
        return names([each for each in self.addresses if each not in mentioned])


def names(addresses: Collection[str]) -> str:
    """Return the addresses as mentions, each followed by a space."""
    return "".join(f"@{each} " for each in addresses)


def participants(post: Post, replier_id: int) -> dict[int, str]:
    """Return the addresses of the accounts that take part in a post, by their ids: its author, then those it mentions.

    The account that replies is left out.
    """
    everyone = {post.author.id: post.author.address} | {
        each.account_id: each.address for each in post.mentions if each.account_id != post.author.id
    }
    return {each: address for each, address in everyone.items() if each != replier_id}


def visibility_of_reply(default: Visibility, answered: Visibility) -> Visibility:
    """Return the narrower of the default of the reply's author and the visibility of the post that it answers."""
    return default.no_wider_than(answered)
