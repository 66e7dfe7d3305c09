"""A post that concerns nobody but its author and whoever reads it, written by one statement of its own.

Most posts name nobody and answer nothing.  For these no transaction is needed around several statements: all that hangs
on a post goes with it, its key and its event too; the statement is its own transaction, and one round trip publishes
it.  All other posts are `posts.insert` and what follows it.

Where the sequencer's lock is free (`events`) and nothing waits for a position, the statement takes it and gives its
event a position itself, which saves a reader the wait for a second flush.  What waits was committed before and has to
come before: a block, above all, else who is blocked gets the post that the block was for.  The statement holds the
lock until it has committed, as a sequencer does, and for no longer: that is why only a statement which is its own
transaction may do this.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from dbxs import query

from microblog.domain.accounts import Account
from microblog.store.access import accessor, prepared
from microblog.store.accounts import ACCOUNT_COLUMNS, account_from
from microblog.store.database import maybe_row
from microblog.store.events import LOCK


def _published(
    id: int, created_at: datetime, position: int | None, *account: Any
) -> tuple[int, datetime, int | None, Account]:
    return id, created_at, position, account_from(account)


class PublishingQueries(Protocol):
    @prepared("bigint", *["text"] * 4, "boolean", "text", "text[]", "text", "text", "timestamptz")
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
        ), lock AS MATERIALIZED (
            SELECT CASE WHEN EXISTS (SELECT FROM outbox) THEN false ELSE pg_try_advisory_xact_lock({LOCK}) END AS free
            FROM made
        ), placed AS (
            INSERT INTO events (kind, account_id, post_id)
            SELECT 'post', {{author_id}}, made.id FROM made, lock WHERE lock.free RETURNING position
        ), told AS (
            INSERT INTO outbox (kind, account_id, post_id)
            SELECT 'post', {{author_id}}, made.id FROM made, lock WHERE NOT lock.free
        )
        UPDATE accounts a SET posts_count = posts_count + 1, last_post_at = greatest(last_post_at, made.created_at)
        FROM made WHERE a.id = {{author_id}}
        RETURNING made.id, made.created_at, (SELECT position FROM placed), {ACCOUNT_COLUMNS}""",
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
    ) -> tuple[int, datetime, int | None, Account] | None:
        """The new post's id and time, its event's position if it has one yet, and its author with the post counted.

        None, and nothing done, where somebody wants to be told whenever this author posts.

        Raises Conflict for a key that was used before.
        """


publishing = accessor(PublishingQueries)
