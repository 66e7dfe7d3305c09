"""The flags of many posts for many viewers, in one query.

Most viewers did nothing with most posts, so the result has one row for each flag that is set, and is mostly empty.
"""

from __future__ import annotations

from typing import Protocol

from dbxs import query

from microblog.store.engine.access import accessor, prepared
from microblog.store.engine.loaders import rows
from microblog.store.relations import UNWANTED_PAIRS


def _flag(viewer: int, kind: str, id: int) -> tuple[int, str, int]:
    return viewer, kind, id


class ViewerFlagQueries(Protocol):
    @prepared("bigint[]", "bigint[]", "bigint[]", "bigint[]")
    @query(
        sql="""
        SELECT account_id, 'favourited', post_id FROM favourites
            WHERE account_id = ANY ({viewers}) AND post_id = ANY ({ids})
        UNION ALL
        SELECT author_id, 'boosted', boost_of_id FROM posts
            WHERE boost_of_id = ANY ({ids}) AND author_id = ANY ({viewers})
        UNION ALL
        SELECT account_id, 'bookmarked', post_id FROM bookmarks
            WHERE account_id = ANY ({viewers}) AND post_id = ANY ({ids})
        UNION ALL
        SELECT account_id, 'pinned', post_id FROM pinned_posts
            WHERE account_id = ANY ({viewers}) AND post_id = ANY ({ids})
        UNION ALL
        SELECT account_id, 'muted', thread_id FROM thread_mutes
            WHERE account_id = ANY ({viewers}) AND thread_id = ANY ({threads})
        UNION ALL
"""
        + UNWANTED_PAIRS
        + """
        UNION ALL
        SELECT account_id, 'filter', id FROM filters
            WHERE account_id = ANY ({viewers}) AND 'public' = ANY (contexts)""",
        load=rows(_flag),
    )
    async def of(
        self, viewers: list[int], ids: list[int], threads: list[int], authors: list[int]
    ) -> list[tuple[int, str, int]]:
        """Return rows of viewer, kind and id.

        The kinds are the flags of `domain.posts.ViewerFlags` with the ids of posts ("muted": of threads), "unwanted"
        with the ids of authors whom the viewer mutes or blocks or who block the viewer, and "filter" with the ids of
        the viewer's filters for public posts.
        """


viewer_flags = accessor(ViewerFlagQueries)
