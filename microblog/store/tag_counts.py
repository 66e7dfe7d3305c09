"""The counts of hashtags.

All posts with a hashtag would wait for each other at its row. So a trigger only adds rows to ``tag_changes`` in the
transaction of the post. Afterwards one process at a time removes these rows and adds them to the counts, in one
transaction: a count plus its recorded changes is always the number of posts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dbxs import query

from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import scalar


class TagCountQueries(Protocol):
    @query(
        sql="""SET LOCAL synchronous_commit = off; SET LOCAL lock_timeout = '2s';
        SELECT pg_advisory_xact_lock(hashtext('microblog.tag_counts'));
        WITH taken AS (
            DELETE FROM tag_changes WHERE id IN (SELECT id FROM tag_changes ORDER BY id LIMIT {limit})
            RETURNING tag, account_id, day, by
        ), counted AS (
            INSERT INTO tags AS t (tag, shown, uses, posts_count)
            SELECT n.tag, coalesce(w.shown, ''), n.by, greatest(n.by, 0)
            FROM (SELECT tag, sum(by)::integer AS by FROM taken GROUP BY tag) n
            LEFT JOIN unnest({tags}::text[], {shown}::text[]) AS w (tag, shown) ON w.tag = n.tag ORDER BY n.tag
            ON CONFLICT (tag) DO UPDATE SET uses = t.uses + excluded.uses,
                shown = CASE WHEN t.shown = '' THEN excluded.shown ELSE t.shown END,
                posts_count = greatest(t.posts_count + excluded.uses, 0), last_at = clock_timestamp()
        ), named AS (
            UPDATE tags t SET shown = w.shown FROM unnest({tags}::text[], {shown}::text[]) AS w (tag, shown)
            WHERE t.tag = w.tag AND t.shown = '' AND t.tag NOT IN (SELECT tag FROM taken)
        ), each AS (
            SELECT tag, day, account_id, sum(by)::integer AS by FROM taken
            WHERE day > (clock_timestamp() AT TIME ZONE 'UTC')::date - 9
            GROUP BY tag, day, account_id HAVING sum(by) <> 0
        ), people AS (
            INSERT INTO tag_day_accounts AS t (tag, day, account_id, uses)
            SELECT tag, day, account_id, by FROM each ORDER BY tag, day, account_id
            ON CONFLICT (tag, day, account_id) DO UPDATE SET uses = t.uses + excluded.uses
            RETURNING tag, day, account_id, uses
        ), days AS (
            INSERT INTO tag_days AS t (tag, day, uses, people)
            SELECT e.tag, e.day, sum(e.by)::integer,
                (count(*) FILTER (WHERE p.uses > 0 AND p.uses - e.by <= 0)
                    - count(*) FILTER (WHERE p.uses <= 0 AND p.uses - e.by > 0))::integer
            FROM each e JOIN people p ON (p.tag, p.day, p.account_id) = (e.tag, e.day, e.account_id)
            GROUP BY e.tag, e.day ORDER BY e.tag, e.day
            ON CONFLICT (tag, day) DO UPDATE SET uses = t.uses + excluded.uses, people = t.people + excluded.people
        )
        SELECT count(*) FROM taken""",
        load=scalar,
    )
    async def add_up(self, tags: Sequence[str], shown: Sequence[str], limit: int) -> int:
        """Add recorded changes to the counts and return the number of changes.

        ``shown`` has the ``tags`` as written. They are stored also where another process, which does not know how the
        tags were written, has already counted them.
        """


tag_counts = accessor(TagCountQueries)
