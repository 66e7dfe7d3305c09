"""A post that concerns nobody but its author and whoever reads it, written by one statement of its own.

Most posts name nobody and answer nothing.  For these no transaction is needed around several statements: all that hangs
on a post goes with it, its key and its event too; the statement is its own transaction, and one round trip publishes
it.  All other posts are `posts.insert` and what follows it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from dbxs import query

from microblog.domain.accounts import Account
from microblog.store.access import accessor
from microblog.store.accounts import ACCOUNT_COLUMNS, account_from
from microblog.store.database import maybe_row


def _published(id: int, created_at: datetime, *account: Any) -> tuple[int, datetime, Account]:
    return id, created_at, account_from(account)


class PublishingQueries(Protocol):
    @query(
        sql=f"""
        WITH made AS (
            INSERT INTO posts (id, author_id, visibility, text, html, summary, sensitive, language, thread_id, tags,
                search, created_at)
            SELECT n.id, {{author_id}}, {{visibility}}, {{text}}, {{html}}, {{summary}}, {{sensitive}}, {{language}},
                n.id, {{tags}}::text[], to_tsvector('simple', {{search}}), n.at
            FROM (SELECT snowflake(at) AS id, at FROM (
                SELECT coalesce({{at}}::timestamptz, clock_timestamp()) AS at) t) n
            WHERE NOT EXISTS (SELECT FROM follows WHERE followee_id = {{author_id}} AND notify AND accepted)
            RETURNING id, created_at
        ), tagged AS (
            INSERT INTO post_tags (tag, post_id) SELECT unnest({{tags}}::text[]), id FROM made
        ), kept AS (
            INSERT INTO idempotency_keys (account_id, key, post_id)
            SELECT {{author_id}}, {{key}}::text, id FROM made WHERE {{key}}::text IS NOT NULL
        ), told AS (
            INSERT INTO outbox (kind, account_id, post_id) SELECT 'post', {{author_id}}, id FROM made
        )
        UPDATE accounts a SET posts_count = posts_count + 1, last_post_at = greatest(last_post_at, made.created_at)
        FROM made WHERE a.id = {{author_id}}
        RETURNING made.id, made.created_at, {ACCOUNT_COLUMNS}""",
        load=maybe_row(_published),
    )
    async def publish(
        self,
        author_id: int,
        visibility: str,
        text: str,
        html: str,
        summary: str,
        sensitive: bool,
        language: str | None,
        tags: list[str],
        search: str,
        key: str | None,
        at: datetime | None,
    ) -> tuple[int, datetime, Account] | None:
        """The new post's id and time, and its author with the post counted.

        None, and nothing done, where somebody wants to be told whenever this author posts.

        Raises Conflict for a key that was used before.
        """


publishing = accessor(PublishingQueries)
