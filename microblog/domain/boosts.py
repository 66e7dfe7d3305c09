"""Merging of boosts: a page shows a post once, with all accounts that boosted it."""

from __future__ import annotations

from collections.abc import Iterable

from microblog.domain.accounts import Account
from microblog.domain.posts import Post


def merge_boosts(posts: Iterable[Post]) -> tuple[list[Post], dict[int, list[Account]]]:
    """Keep the first of the posts and boosts with the same content.

    :returns: these posts, in their order, and the accounts that boosted each content, by its id.
    """
    first: dict[int, Post] = {}
    boosters: dict[int, list[Account]] = {}
    for post in posts:
        first.setdefault(post.content.id, post)
        if post.boost_of is not None:
            accounts = boosters.setdefault(post.content.id, [])
            if all(each.id != post.author.id for each in accounts):
                accounts.append(post.author)
    return list(first.values()), boosters
