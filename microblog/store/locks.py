"""The one order in which transactions lock rows, and what happens when two meet all the same.

Every transaction that writes takes its locks in this order, so that no two can wait for each other in a circle:

1. **posts**, by id. A post is younger than the post that it answers or boosts, so the order of ids locks those first.
   A writer locks the post that it is about before it reads it: `post` for an answer, a reaction, an edit or a pin;
   `lock_to_delete` for a deletion, which also changes the post's boosts and answers.
2. **accounts**, by id (`accounts.lock`): the authors whose counters change, both sides of a follow or a block.
3. what hangs on them: follows, favourites, mentions, conversations (by account), notifications (by recipient).
4. **jobs**, by key. All jobs of one cause are put by one statement (`notifications.put`).

A foreign key takes a weak lock (``FOR KEY SHARE``) on the row that it refers to. Only the deletion of that row waits
for it, and a deletion takes its own locks in this order before it deletes.

PostgreSQL still reports a deadlock (40P01) or a serialisation failure (40001) where the order cannot be kept, such as
by a cascade over rows that appeared meanwhile. That transaction is rolled back, and :func:`retried` runs it once more.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

from dbxs import query

from microblog.domain.errors import Contended
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import rows, scalar

P = ParamSpec("P")
T = TypeVar("T")


def retried(
    method: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Run a use case once more when its transaction lost against another.

    For methods that do nothing before their transaction commits which must not be done twice.
    """

    @wraps(method)
    async def twice(*args: P.args, **named: P.kwargs) -> T:
        try:
            return await method(*args, **named)
        except Contended:
            return await method(*args, **named)

    return twice


class LockQueries(Protocol):
    @query(
        sql="SELECT p.id FROM posts w JOIN posts p ON p.id = coalesce(w.boost_of_id, w.id) "
        "WHERE w.id = {post_id} FOR NO KEY UPDATE OF p",
        load=scalar,
    )
    async def post(self, post_id: int) -> int | None:
        """Lock a post, or what a boost boosts, against changes and deletion. None when it does not exist."""

    @query(
        sql="SELECT id FROM posts WHERE id = ANY (ARRAY(SELECT unnest(ARRAY[w.id, w.reply_to_id, w.boost_of_id]) "
        "FROM posts w WHERE w.id = ANY ({post_ids}::bigint[]))) ORDER BY id FOR UPDATE",
        load=rows(int),
    )
    async def posts_to_delete(self, post_ids: Sequence[int]) -> list[int]:
        """Lock posts with those that they answer or boost. After this nobody can answer or boost them."""

    @query(
        sql="SELECT id FROM posts WHERE boost_of_id = ANY ({post_ids}::bigint[]) "
        "OR reply_to_id = ANY ({post_ids}::bigint[]) ORDER BY id FOR UPDATE",
        load=rows(int),
    )
    async def boosts_and_answers(self, post_ids: Sequence[int]) -> list[int]:
        """Lock what changes with the deletion of posts. After `posts_to_delete`, when they can't become more."""

    @query(
        sql="""SELECT id FROM accounts WHERE id IN (
            SELECT author_id FROM posts WHERE id = ANY ({post_ids}::bigint[])
            UNION SELECT author_id FROM posts WHERE boost_of_id = ANY ({post_ids}::bigint[])
        ) ORDER BY id FOR NO KEY UPDATE""",
        load=rows(int),
    )
    async def authors(self, post_ids: Sequence[int]) -> list[int]:
        """Lock the accounts whose counters change with the deletion of posts: their authors, and who boosted them."""


locks = accessor(LockQueries)


async def lock_to_delete(tx: Any, post_ids: Sequence[int]) -> None:
    """Lock posts, and all rows whose counters change with their deletion, in the one order."""
    held = locks(tx)
    await held.posts_to_delete(post_ids)
    await held.boosts_and_answers(post_ids)
    await held.authors(post_ids)
