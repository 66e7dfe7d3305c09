"""The order in which transactions lock rows, and the retry after a deadlock.

Every transaction that writes takes its locks in this order, so that no two can wait for each other in a circle:

1. **posts**, by id. A post is younger than the post that it answers or boosts, so the order of ids locks those first.
   A transaction locks the post that it changes before it reads it: with `post` for a reply, a reaction, an edit or a
   pin, and with `lock_to_delete` for a deletion, which also changes the post's boosts and replies.
2. **accounts**, by id (`accounts.lock`): the authors whose counters change, both sides of a follow or a block.
   The statement that inserts a post locks its author itself.
3. their dependent rows: follows, favourites, mentions, conversations (by account), notifications (by recipient).
4. **jobs**, by key. One statement puts all jobs of one cause (`notifications.put`).

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
    """Run a use case a second time after a deadlock or serialisation failure.

    Before its transaction commits, such a use case must do nothing that can't be repeated.
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
        """Lock a post, or the post that a boost boosts, and return its id, or None if it does not exist."""

    @query(
        sql="SELECT id FROM posts WHERE id = ANY (ARRAY(SELECT unnest(ARRAY[w.id, w.reply_to_id, w.boost_of_id]) "
        "FROM posts w WHERE w.id = ANY ({post_ids}::bigint[]))) ORDER BY id FOR UPDATE",
        load=rows(int),
    )
    async def posts_to_delete(self, post_ids: Sequence[int]) -> list[int]:
        """Lock posts with the posts that they answer or boost. After this, no reply or boost can be added to them."""

    @query(
        sql="SELECT id FROM posts WHERE boost_of_id = ANY ({post_ids}::bigint[]) "
        "OR reply_to_id = ANY ({post_ids}::bigint[]) ORDER BY id FOR UPDATE",
        load=rows(int),
    )
    async def boosts_and_replies(self, post_ids: Sequence[int]) -> list[int]:
        """Lock the boosts and replies of posts. Call `posts_to_delete` first, so that no new ones can be added."""

    @query(
        sql="""SELECT id FROM accounts WHERE id IN (
            SELECT author_id FROM posts WHERE id = ANY ({post_ids}::bigint[])
            UNION SELECT author_id FROM posts WHERE boost_of_id = ANY ({post_ids}::bigint[])
        ) ORDER BY id FOR NO KEY UPDATE""",
        load=rows(int),
    )
    async def authors(self, post_ids: Sequence[int]) -> list[int]:
        """Lock the accounts whose counters change with the deletion of posts: their authors and boosters."""


locks = accessor(LockQueries)


async def lock_to_delete(tx: Any, post_ids: Sequence[int]) -> None:
    """Lock posts, and all rows whose counters change with their deletion, in the order of this module."""
    queries = locks(tx)
    await queries.posts_to_delete(post_ids)
    await queries.boosts_and_replies(post_ids)
    await queries.authors(post_ids)
