"""What some posts are to some people: asked for all of them at once, of the few tables that know.

Most posts are nothing special to anybody, so the answer has a row for each thing there is, and mostly none.
"""

from __future__ import annotations

from typing import Protocol

from dbxs import query

from microblog.store.engine.access import accessor, prepared
from microblog.store.engine.loaders import rows
from microblog.store.relations import UNWANTED_PAIRS


def _mark(viewer: int, kind: str, id: int) -> tuple[int, str, int]:
    return viewer, kind, id


class MarkQueries(Protocol):
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
        load=rows(_mark),
    )
    async def of(
        self, viewers: list[int], ids: list[int], threads: list[int], authors: list[int]
    ) -> list[tuple[int, str, int]]:
        """To whom, and what, by the names of `domain.posts.ViewerFlags`: posts, and threads that are muted.

        "unwanted" are authors whom the viewer does not want to read, or who don't want the viewer to; "filter" is a
        filter of theirs that may say something of any public post.
        """


flags = accessor(MarkQueries)
