"""Boosts of one post, gathered: a page shows it once, with everyone who boosted it."""

from __future__ import annotations

from collections.abc import Iterable

from microblog.domain.accounts import Account
from microblog.domain.posts import Post


def collapse(posts: Iterable[Post]) -> tuple[list[Post], dict[int, list[Account]]]:
    """Keep the first of the posts and boosts that show the same content.

    :returns: what stays, in its order, and who boosted each content (by its id), in the order of the boosts.
    """
    kept: dict[int, Post] = {}
    boosters: dict[int, list[Account]] = {}
    for post in posts:
        kept.setdefault(post.content.id, post)
        if post.boost_of is not None:
            gathered = boosters.setdefault(post.content.id, [])
            if all(each.id != post.author.id for each in gathered):
                gathered.append(post.author)
    return list(kept.values()), boosters
