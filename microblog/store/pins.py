"""Pinned posts in the database."""

from __future__ import annotations

from typing import Protocol

from dbxs import query, statement

from microblog.domain.posts import Post
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import rows, scalar
from microblog.store.posts.columns import POST_COLUMNS, post_row
from microblog.store.relations import VISIBLE


class PinQueries(Protocol):
    @query(
        sql=f"SELECT {POST_COLUMNS} FROM pinned_posts k JOIN posts p ON p.id = k.post_id "
        f"JOIN accounts a ON a.id = p.author_id WHERE k.account_id = {{account_id}} AND {VISIBLE} ORDER BY k.id DESC",
        load=rows(post_row),
    )
    async def of(self, viewer: int | None, account_id: int) -> list[Post]:
        """Return the pinned posts of an account that the viewer may see, last pinned first."""

    @query(
        sql="SELECT count(*) FROM pinned_posts WHERE account_id = {account_id} AND post_id <> {post_id}",
        load=scalar,
    )
    async def others(self, account_id: int, post_id: int) -> int:
        """Return how many posts other than this one the account has pinned."""

    @statement(
        sql="INSERT INTO pinned_posts (account_id, post_id) VALUES ({account_id}, {post_id}) ON CONFLICT DO NOTHING"
    )
    async def pin(self, account_id: int, post_id: int) -> None: ...

    @statement(sql="DELETE FROM pinned_posts WHERE account_id = {account_id} AND post_id = {post_id}")
    async def unpin(self, account_id: int, post_id: int) -> None: ...


pins = accessor(PinQueries)
