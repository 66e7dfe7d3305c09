"""Trends, the directory and suggestions, in the database."""

from __future__ import annotations

from typing import Any, Final, Protocol

from dbxs import query

from microblog.domain.accounts import Account
from microblog.domain.posts import Post
from microblog.domain.trends import Suggestion
from microblog.store.accounts import ACCOUNT_COLUMNS, account, account_from
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import rows, scalar
from microblog.store.posts.columns import POST_COLUMNS, post_row
from microblog.store.relations import FINDABLE, UNWANTED, VISIBLE, listed_for, no_block_between, wanted


def _suggestion(friends: int, *row: Any) -> Suggestion:
    return Suggestion(account_from(row), friends)


#: The account is in the directory for this viewer. PostgreSQL looks unwanted accounts up in a hash.
_LISTED: Final = f"""{FINDABLE} AND (NOT {{local}} OR a.domain IS NULL)
            AND a.id NOT IN ({UNWANTED})"""


class TrendQueries(Protocol):
    @query(sql="SELECT pg_try_advisory_xact_lock(hashtext('microblog.trends'))", load=scalar)
    async def lock(self) -> bool:
        """Lock the computation of trends. Return False while another process computes them."""

    @query(
        sql="""WITH did AS (
            SELECT v.post_id, v.account_id, 1.0 AS weight, v.id FROM favourites v WHERE v.id >= {from_id}
            UNION ALL
            SELECT b.boost_of_id, b.author_id, 2.0, b.id FROM posts b
            WHERE b.boost_of_id IS NOT NULL AND b.id >= {from_id}
        ), scored AS (
            SELECT d.post_id, sum(d.weight * power(0.5, greatest({now_ms}::float8 - (d.id >> 16), 0)
                / ({half_life}::float8 * 1000))) AS score
            FROM did d JOIN posts p ON p.id = d.post_id JOIN accounts a ON a.id = p.author_id
            WHERE p.id >= {from_id} AND p.visibility = 'public' AND p.boost_of_id IS NULL AND NOT p.sensitive
                AND p.reply_to_account_id IS NULL AND a.state = 'active' AND a.discoverable
                AND d.account_id <> p.author_id
            GROUP BY d.post_id HAVING count(DISTINCT d.account_id) >= {least}
            ORDER BY score DESC, d.post_id DESC LIMIT {most}
        ), gone AS (
            DELETE FROM trending_posts WHERE post_id NOT IN (SELECT post_id FROM scored)
        ), made AS (
            INSERT INTO trending_posts (post_id, score) SELECT post_id, score FROM scored
            ON CONFLICT (post_id) DO UPDATE SET score = excluded.score
        )
        SELECT count(*) FROM scored""",
        load=scalar,
    )
    async def compute_posts(
        self, from_id: int, now_ms: float, half_life: float, least: int, most: int
    ) -> int: ...

    @query(
        sql="""WITH used AS (
            SELECT t.tag, p.author_id, max(t.post_id) AS last
            FROM post_tags t JOIN posts p ON p.id = t.post_id JOIN accounts a ON a.id = p.author_id
            WHERE t.post_id >= {from_id} AND p.visibility = 'public' AND a.state = 'active' AND a.discoverable
            GROUP BY t.tag, p.author_id
        ), scored AS (
            SELECT tag, sum(power(0.5, greatest({now_ms}::float8 - (last >> 16), 0)
                / ({half_life}::float8 * 1000))) AS score
            FROM used GROUP BY tag HAVING count(*) >= {least} ORDER BY score DESC, tag LIMIT {most}
        ), gone AS (
            DELETE FROM trending_tags WHERE tag NOT IN (SELECT tag FROM scored)
        ), made AS (
            INSERT INTO trending_tags (tag, score) SELECT tag, score FROM scored
            ON CONFLICT (tag) DO UPDATE SET score = excluded.score
        )
        SELECT count(*) FROM scored""",
        load=scalar,
    )
    async def compute_tags(
        self, from_id: int, now_ms: float, half_life: float, least: int, most: int
    ) -> int: ...

    @query(
        sql="SELECT k.tag FROM trending_tags k JOIN tags t ON t.tag = k.tag WHERE t.uses > 0 "
        "ORDER BY k.score DESC, k.tag OFFSET {offset} LIMIT {limit}",
        load=rows(str),
    )
    async def tags(self, offset: int, limit: int) -> list[str]: ...

    @query(
        sql=f"SELECT {POST_COLUMNS} FROM trending_posts k JOIN posts p ON p.id = k.post_id "
        f"JOIN accounts a ON a.id = p.author_id WHERE p.visibility = 'public' AND {VISIBLE} "
        f"AND {listed_for('p.author_id')} "
        "ORDER BY k.score DESC, k.post_id DESC OFFSET {offset} LIMIT {limit}",
        load=rows(post_row),
    )
    async def posts(self, viewer: int | None, offset: int, limit: int) -> list[Post]: ...

    # ---------------------------------------------------------------------------------- directory, suggestions

    @query(
        sql=f"""WITH writing AS MATERIALIZED (
            SELECT a.id, a.last_post_at
            FROM (SELECT a.* FROM (SELECT DISTINCT author_id FROM (
                SELECT author_id FROM posts ORDER BY id DESC LIMIT 500 + 5 * ({{offset}} + {{limit}})) newest) w
                JOIN accounts a ON a.id = w.author_id OFFSET 0) a  -- one by one, before any is left out
            WHERE {_LISTED} AND a.last_post_at IS NOT NULL
        ), listed AS (
            SELECT id, last_post_at FROM writing WHERE (SELECT count(*) FROM writing) >= {{offset}} + {{limit}}
            UNION ALL
            SELECT a.id, a.last_post_at FROM accounts a
            WHERE (SELECT count(*) FROM writing) < {{offset}} + {{limit}} AND {_LISTED}
        )
        SELECT {ACCOUNT_COLUMNS}
        FROM (SELECT id, last_post_at FROM listed
            ORDER BY last_post_at DESC NULLS LAST, id DESC OFFSET {{offset}} LIMIT {{limit}}) l
        JOIN accounts a ON a.id = l.id ORDER BY l.last_post_at DESC NULLS LAST, l.id DESC""",
        load=rows(account),
    )
    async def active(self, viewer: int | None, local: bool, offset: int, limit: int) -> list[Account]:
        """Return the accounts of the directory, last active first.

        The first pages are among the authors of the newest posts. Only a page beyond these sorts all accounts. An index
        on the time would make each post more expensive.
        """

    @query(
        sql=f"SELECT {ACCOUNT_COLUMNS} FROM accounts a WHERE {_LISTED} "
        "ORDER BY a.id DESC OFFSET {offset} LIMIT {limit}",
        load=rows(account),
    )
    async def newest(self, viewer: int | None, local: bool, offset: int, limit: int) -> list[Account]: ...

    @query(
        sql=f"""WITH mine AS (
            SELECT followee_id FROM follows WHERE follower_id = {{viewer}} AND accepted ORDER BY id DESC LIMIT 300
        ), near AS (
            SELECT f.followee_id AS id, count(*) AS friends
            FROM mine CROSS JOIN LATERAL (
                SELECT f.followee_id FROM follows f WHERE f.follower_id = mine.followee_id AND f.accepted
                ORDER BY f.id DESC LIMIT 100
            ) f GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 200
        ), many AS (
            SELECT id, 0::bigint AS friends FROM accounts
            WHERE discoverable AND state = 'active' AND followers_count > 0
            ORDER BY followers_count DESC, id LIMIT 200
        ), offered AS (
            SELECT id, max(friends) AS friends FROM (SELECT * FROM near UNION ALL SELECT * FROM many) each GROUP BY id
        )
        SELECT o.friends, {ACCOUNT_COLUMNS} FROM offered o JOIN accounts a ON a.id = o.id
        WHERE {FINDABLE} AND a.id <> {{viewer}}
            AND NOT EXISTS (SELECT FROM follows f WHERE f.follower_id = {{viewer}} AND f.followee_id = a.id)
            AND NOT EXISTS (SELECT FROM suggestion_dismissals d WHERE d.account_id = {{viewer}} AND d.target_id = a.id)
            AND {no_block_between("a.id")} AND {wanted("a.id")}
        ORDER BY o.friends DESC, a.followers_count DESC, a.id LIMIT {{limit}}""",
        load=rows(_suggestion),
    )
    async def suggestions(self, viewer: int, limit: int) -> list[Suggestion]: ...

    @query(
        sql="""INSERT INTO suggestion_dismissals (account_id, target_id)
        SELECT {account_id}, id FROM accounts WHERE id = {target_id}
        ON CONFLICT (account_id, target_id) DO UPDATE SET target_id = excluded.target_id RETURNING target_id""",
        load=scalar,
    )
    async def dismiss(self, account_id: int, target_id: int) -> int | None:
        """Return ``target_id``, or None where there is no such account."""
        ...


trends = accessor(TrendQueries)
