"""Posts that concern nobody but their authors and whoever reads them: all that are sent at a moment, by one statement.

Most posts name nobody and answer nothing.  For these no transaction is needed around several statements: all that hangs
on a post goes with it, its key and its event too; the statement is its own transaction, one round trip, one flush and
one plan, whatever their number.  All other posts are `writing.insert` and what follows it.

The statement waits for nobody: a post whose author's row is locked is left out, as one that needs more than this is.

Where the sequencer's lock is free (`events`) and nothing waits for a position, the statement takes it and gives its
events positions itself, which saves a reader the wait for a second flush.  What waits was committed before and has to
come before: a block, above all, else who is blocked gets the post that the block was for.  The statement holds the
lock until it has committed, as a sequencer does, and for no longer: that is why only a statement which is its own
transaction may do this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from dbxs import query
from msgspec import Struct

from microblog.domain.accounts import Account
from microblog.store.accounts import ACCOUNT_COLUMNS, account_from
from microblog.store.engine.access import accessor, prepared
from microblog.store.engine.loaders import every_row
from microblog.store.events import LOCK


class NewPost(Struct, frozen=True, kw_only=True):
    """A post to be written, as the statement reads it from JSON."""

    author_id: int
    visibility: str
    text: str
    html: str
    summary: str
    sensitive: bool
    language: str | None
    tags: tuple[str, ...]
    search: str  #: tokens of `domain.search`
    key: str | None = None  #: its idempotency key
    at: datetime | None = None  #: as if it were written then; else now


@dataclass(frozen=True, slots=True)
class Published:
    """One author's new posts, out of a list that was sent; the author with these counted."""

    places: Sequence[int]  #: in the list, from 1 on
    ids: Sequence[int]
    times: Sequence[datetime]
    positions: Sequence[int | None]  #: of their events, where the statement placed them
    placed: Sequence[datetime | None]  #: when that was
    author: Account


def _published(
    places: list[int],
    ids: list[int],
    times: list[datetime],
    positions: list[int | None],
    placed: list[datetime | None],
    *account: Any,
) -> Published:
    return Published(places, ids, times, positions, placed, account_from(account))


class PublishingQueries(Protocol):
    @prepared("text")
    @query(
        sql=f"""
        WITH sent AS MATERIALIZED (
            SELECT s.* FROM ROWS FROM (json_to_recordset({{posts}}::json) AS (
                author_id bigint, visibility text, text text, html text, summary text, sensitive boolean,
                language text, tags text[], search text, key text, at timestamptz
            )) WITH ORDINALITY AS s (
                author_id, visibility, text, html, summary, sensitive, language, tags, search, key, at, place)
        ), free AS MATERIALIZED (
            SELECT id FROM accounts WHERE id = ANY (ARRAY(SELECT DISTINCT author_id FROM sent)) AND state = 'active'
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        ), named AS MATERIALIZED (
            SELECT t.*, snowflake(t.written) AS id FROM (
                SELECT s.*, coalesce(s.at, clock_timestamp()) AS written FROM sent s
                WHERE s.author_id IN (SELECT id FROM free)
                    AND NOT EXISTS (SELECT FROM follows f WHERE f.followee_id = s.author_id AND f.notify AND f.accepted)
                    AND NOT EXISTS (
                        SELECT FROM idempotency_keys k WHERE k.account_id = s.author_id AND k.key = s.key)
                ORDER BY s.place
            ) t
        ), made AS (
            INSERT INTO posts (id, author_id, visibility, text, html, summary, sensitive, language, thread_id, tags,
                search, created_at)
            SELECT id, author_id, visibility, text, html, summary, sensitive, language, id, tags,
                to_tsvector('simple', search), written
            FROM named
        ), tagged AS (
            INSERT INTO post_tags (tag, post_id) SELECT unnest(tags), id FROM named
        ), kept AS (
            INSERT INTO idempotency_keys (account_id, key, post_id)
            SELECT author_id, key, id FROM named WHERE key IS NOT NULL
        ), lock AS MATERIALIZED (
            SELECT CASE WHEN EXISTS (SELECT FROM outbox) THEN false ELSE pg_try_advisory_xact_lock({LOCK}) END AS free
            WHERE EXISTS (SELECT FROM named)
        ), placed AS (
            INSERT INTO events (kind, account_id, post_id)
            SELECT 'post', author_id, id FROM named WHERE (SELECT free FROM lock) ORDER BY place
            RETURNING position, at, post_id
        ), told AS (
            INSERT INTO outbox (kind, account_id, post_id)
            SELECT 'post', author_id, id FROM named WHERE NOT (SELECT free FROM lock) ORDER BY place
        )
        UPDATE accounts a SET posts_count = posts_count + n.count, last_post_at = greatest(last_post_at, n.last)
        FROM (
            SELECT author_id, count(*)::integer AS count, max(written) AS last,
                array_agg(place) AS places, array_agg(id) AS ids, array_agg(written) AS times,
                array_agg(placed.position) AS positions, array_agg(placed.at) AS placed
            FROM named LEFT JOIN placed ON post_id = id GROUP BY author_id
        ) n WHERE a.id = n.author_id
        RETURNING n.places, n.ids, n.times, n.positions, n.placed, {ACCOUNT_COLUMNS}""",
        load=every_row(_published),
    )
    async def publish(self, posts: str) -> list[Published]:
        """Writes those of ``posts``, a list of :class:`NewPost` as JSON, that can be written so; all, or none.

        Left out: where somebody wants to be told whenever this author posts; a key that was used before; an author
        whose row is locked, or gone, or who was suspended.

        Raises Conflict when two of them have the same key.
        """


publishing = accessor(PublishingQueries)
