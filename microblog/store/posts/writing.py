"""The statements that write posts: insert, update and delete, each with all rows that depend on the post.

A new post is a :class:`NewPost` and goes into the database by one statement, :func:`_insert`. A new column of posts
needs a field of the record and a line in :data:`_CONTENT` or :data:`_COLUMNS`, which the statements take their
columns from.

`locks` describes what the statements lock, and in which order. PostgreSQL runs the parts of a ``WITH`` that no other
part reads from in reverse order: the last one first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec
from dbxs import query, statement
from msgspec import Struct

from microblog.domain.accounts import Account
from microblog.domain.posts import Mention, Post
from microblog.domain.visibility import Visibility
from microblog.store.accounts import ACCOUNT_COLUMNS, account_from
from microblog.store.engine.access import accessor, prepared
from microblog.store.engine.loaders import every_row, maybe_row, rows, scalar
from microblog.store.engine.transactions import unstorable, unstorable_character
from microblog.store.events import LOCK
from microblog.store.posts.columns import POST_COLUMNS, POST_TABLES, post_row


class StoredMention(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An element of the JSON column ``mentions``."""

    id: int
    name: str
    domain: str | None
    former: bool = False  #: an edit removed the mention from the text

    @classmethod
    def of(cls, mention: Mention, *, former: bool = False) -> StoredMention:
        return cls(id=mention.account_id, name=mention.name, domain=mention.domain, former=former)


class PostContent(Struct, frozen=True, kw_only=True):
    """The part of a post that an edit can change."""

    text: str
    html: str
    summary: str
    sensitive: bool
    language: str | None
    mentions: tuple[StoredMention, ...]
    tags: tuple[str, ...]
    search: str  #: tokens of `domain.search`

    @property
    def mentioned_ids(self) -> list[int]:
        """The accounts that the present text mentions."""
        return [each.id for each in self.mentions if not each.former]


class NewPost(PostContent, frozen=True, kw_only=True, eq=False):
    """A post to insert. Two with the same values are two posts, so that each equals only itself."""

    author_id: int
    visibility: Visibility
    reply_to_id: int | None = None
    reply_to_account_id: int | None = None
    reply_to_name: str | None = None
    thread_id: int | None = None  #: None: the post begins a thread
    key: str | None = None  #: idempotency key
    at: datetime | None = None  #: when the post was written; None: now


#: The columns that an edit can change, with their SQL types.
_CONTENT: Final = {
    "text": "text",
    "html": "text",
    "summary": "text",
    "sensitive": "boolean",
    "language": "text",
    "mentions": "jsonb",
    "tags": "text[]",
    "search": "text",
}
#: The columns of a new post, with their SQL types.
_COLUMNS: Final = {
    **_CONTENT,
    "author_id": "bigint",
    "visibility": "text",
    "reply_to_id": "bigint",
    "reply_to_account_id": "bigint",
    "reply_to_name": "text",
    "thread_id": "bigint",
}
#: Fields of a new post that are not stored in ``posts``.
_OTHER_FIELDS: Final = {"key": "text", "at": "timestamptz"}
#: The value of a column where it is not the field of its name.
_VALUES: Final = {
    "search": "to_tsvector('simple', new.search)",
    "thread_id": "coalesce(new.thread_id, new.id)",
}
_MENTIONED_IDS: Final = "ARRAY(SELECT (each ->> 'id')::bigint FROM jsonb_array_elements(new.mentions) each)"


def _value(column: str) -> str:
    return _VALUES.get(column, f"new.{column}")


def _insert(*, own_transaction: bool) -> str:
    """Return the statement that inserts all posts of a JSON list.

    As its ``own_transaction`` the statement waits for nobody. It leaves out a post whose author's row is locked, whose
    key was used before, or whose author has followers to notify. Where the sequencer's lock is free (`events`) and no
    event waits for a position, the statement takes that lock and gives its events positions itself, which saves
    readers the wait for a second flush. Events that wait were committed before and must come before: above all a
    block, or the blocked account would get the post. The statement holds the lock until it has committed, as a
    sequencer does, and no longer. That is why only a statement that is its own transaction may do this.
    """
    fields = _COLUMNS | _OTHER_FIELDS
    plain_only = """
                    AND NOT EXISTS (SELECT FROM follows f WHERE f.followee_id = s.author_id AND f.notify AND f.accepted)
                    AND NOT EXISTS (
                        SELECT FROM idempotency_keys k WHERE k.account_id = s.author_id AND k.key = s.key)"""
    sequencing = (
        f"CASE WHEN EXISTS (SELECT FROM outbox) THEN false ELSE pg_try_advisory_xact_lock({LOCK}) END"
    )
    return f"""
        WITH sent AS MATERIALIZED (
            SELECT s.* FROM ROWS FROM (json_to_recordset({{posts}}::json) AS (
                {", ".join(f"{name} {sql_type}" for name, sql_type in fields.items())}
            )) WITH ORDINALITY AS s ({", ".join(fields)}, place)
        ), authors AS MATERIALIZED (
            SELECT id FROM accounts WHERE id = ANY (ARRAY(SELECT DISTINCT author_id FROM sent))
                {"AND state = 'active'" if own_transaction else ""}
            ORDER BY id FOR NO KEY UPDATE {"SKIP LOCKED" if own_transaction else ""}
        ), new AS MATERIALIZED (
            SELECT t.*, snowflake(t.created_at) AS id FROM (
                SELECT s.*, coalesce(s.at, clock_timestamp()) AS created_at FROM sent s
                WHERE s.author_id IN (SELECT id FROM authors) {plain_only if own_transaction else ""}
                ORDER BY s.place
            ) t
        ), inserted AS (
            INSERT INTO posts (id, created_at, mentioned_ids, {", ".join(_COLUMNS)})
            SELECT new.id, new.created_at, {_MENTIONED_IDS}, {", ".join(map(_value, _COLUMNS))} FROM new
        ), mentioned AS (
            INSERT INTO mentions (account_id, post_id)
            SELECT (each ->> 'id')::bigint, new.id FROM new, jsonb_array_elements(new.mentions) each
        ), tagged AS (
            INSERT INTO post_tags (tag, post_id) SELECT unnest(tags), id FROM new
        ), answered AS (
            UPDATE posts SET replies_count = replies_count + (
                SELECT count(*) FROM new WHERE new.reply_to_id = posts.id)
            WHERE posts.id = ANY (ARRAY(SELECT reply_to_id FROM new WHERE visibility IN ('public', 'unlisted')))
        ), remembered AS (
            INSERT INTO idempotency_keys (account_id, key, post_id)
            SELECT author_id, key, id FROM new WHERE key IS NOT NULL
        ), lock AS MATERIALIZED (
            SELECT {sequencing if own_transaction else "false"} AS free WHERE EXISTS (SELECT FROM new)
        ), sequenced AS (
            INSERT INTO events (kind, account_id, post_id)
            SELECT 'post', author_id, id FROM new WHERE (SELECT free FROM lock) ORDER BY place
            RETURNING position, at, post_id
        ), unsequenced AS (
            INSERT INTO outbox (kind, account_id, post_id)
            SELECT 'post', author_id, id FROM new WHERE NOT (SELECT free FROM lock) ORDER BY place
        )
        UPDATE accounts a SET posts_count = posts_count + n.count, last_post_at = greatest(last_post_at, n.last)
        FROM (
            SELECT author_id, count(*) FILTER (WHERE visibility <> 'direct')::integer AS count,
                max(created_at) FILTER (WHERE visibility <> 'direct') AS last,
                array_agg(place) AS places, array_agg(id) AS ids, array_agg(created_at) AS times,
                array_agg(sequenced.position) AS positions, array_agg(sequenced.at) AS sequenced_at
            FROM new LEFT JOIN sequenced ON post_id = id GROUP BY author_id
        ) n WHERE a.id = n.author_id
        RETURNING n.places, n.ids, n.times, n.positions, n.sequenced_at,
            ARRAY(SELECT follower_id FROM follows WHERE followee_id = a.id AND notify AND accepted),
            {ACCOUNT_COLUMNS}"""


@dataclass(frozen=True, slots=True)
class Inserted:
    """The posts of one author that a statement inserted. ``author`` has the counters with these posts."""

    places: Sequence[int]  #: positions in the list that was sent, from 1
    ids: Sequence[int]
    times: Sequence[datetime]
    positions: Sequence[int | None]  #: of their events; None: the sequencer gives them one
    sequenced_at: Sequence[datetime | None]
    followers_to_notify: list[int]  #: the followers who want a notification of each post
    author: Account


def _inserted(
    places: list[int],
    ids: list[int],
    times: list[datetime],
    positions: list[int | None],
    sequenced_at: list[datetime | None],
    followers_to_notify: list[int],
    *account: Any,
) -> Inserted:
    return Inserted(places, ids, times, positions, sequenced_at, followers_to_notify, account_from(account))


def _mention(id: int, name: str, domain: str | None) -> Mention:
    return Mention(id, name, domain)


def encoded(content: PostContent | Sequence[PostContent]) -> str:
    """Return JSON as the statements read it. Raises InvalidInput for characters that PostgreSQL can't store."""
    try:
        sent = msgspec.json.encode(content).decode()
    except UnicodeEncodeError as error:
        raise unstorable(error) or error from error
    # PostgreSQL's text holds no NUL. A backslash that the client wrote is doubled.
    if "\\u0000" in sent.replace("\\\\", ""):
        raise unstorable_character()
    return sent


class WritingQueries(Protocol):
    @query(
        sql="""
        SELECT a.id, a.name, a.domain FROM unnest({names}::text[], {domains}::text[]) AS wanted (name, domain)
        JOIN accounts a ON lower(a.name) = wanted.name AND coalesce(a.domain, '') = wanted.domain
        WHERE a.state = 'active'""",
        load=rows(_mention),
    )
    async def mentionable(self, names: list[str], domains: list[str]) -> list[Mention]:
        """Return the active accounts among the addresses. The domain '' is this site's."""

    @prepared("text")
    @query(sql=_insert(own_transaction=False), load=every_row(_inserted))
    async def insert(self, posts: str) -> list[Inserted]:
        """Insert posts, :func:`encoded`, inside of a transaction. Raises Conflict when a key was used before.

        Counters are public, so they count only what everybody may see: profiles leave out direct posts, and posts
        leave out replies that are neither public nor unlisted.
        """

    @prepared("text")
    @query(sql=_insert(own_transaction=True), load=every_row(_inserted))
    async def insert_alone(self, posts: str) -> list[Inserted]:
        """Insert posts that mention nobody and answer nothing, by a statement that is its own transaction.

        The result lacks the posts that need more than that (see :func:`_insert`), whose authors are suspended or gone,
        or whose authors are locked. Raises Conflict when two posts have the same key, and inserts none then.
        """

    @query(
        sql=f"SELECT {POST_COLUMNS} FROM {POST_TABLES} WHERE p.id = {{post_id}} "
        "AND (p.author_id = {viewer} OR {any_author}) AND p.boost_of_id IS NULL FOR NO KEY UPDATE OF p",
        load=maybe_row(post_row),
    )
    async def for_update(self, post_id: int, viewer: int, any_author: bool) -> Post | None:
        """Return the post, locked. Before a deletion `locks.lock_to_delete` comes first."""

    @statement(sql="UPDATE posts SET language = {language} WHERE id = {post_id}")
    async def set_language(self, post_id: int, language: str | None) -> None:
        """Change only the language, which is no edit."""

    @query(
        sql=f"""
        WITH new AS MATERIALIZED (
            SELECT * FROM json_to_record({{content}}::json) AS (
                {", ".join(f"{name} {sql_type}" for name, sql_type in _CONTENT.items())})
        ), mention AS MATERIALIZED (
            SELECT (each ->> 'id')::bigint AS id, coalesce((each ->> 'former')::boolean, false) AS former
            FROM new, jsonb_array_elements(new.mentions) each
        ), was AS (
            INSERT INTO post_edits (post_id, text, html, summary, sensitive, created_at)
            SELECT id, text, html, summary, sensitive, coalesce(edited_at, created_at) FROM posts WHERE id = {{post_id}}
            RETURNING id
        ), gone AS (
            DELETE FROM mentions WHERE post_id = {{post_id}} AND NOT account_id = ANY (ARRAY(SELECT id FROM mention))
        ), dropped AS (
            UPDATE mentions SET until_edit = was.id FROM was
            WHERE post_id = {{post_id}} AND account_id = ANY (ARRAY(SELECT id FROM mention WHERE former))
                AND until_edit IS NULL
        ), mentioned AS (
            INSERT INTO mentions (account_id, post_id, after_edit)
            SELECT mention.id, {{post_id}}, was.id FROM was, mention WHERE NOT former
            ON CONFLICT (account_id, post_id) DO UPDATE SET after_edit = excluded.after_edit, until_edit = NULL
            WHERE mentions.until_edit IS NOT NULL
        ), untagged AS (
            DELETE FROM post_tags WHERE post_id = {{post_id}} AND NOT tag = ANY (ARRAY(SELECT unnest(tags) FROM new))
        ), tagged AS (
            INSERT INTO post_tags (tag, post_id) SELECT unnest(tags), {{post_id}} FROM new ON CONFLICT DO NOTHING
        ), event AS (
            INSERT INTO outbox (kind, account_id, post_id) VALUES ('edit', {{author_id}}, {{post_id}})
        )
        UPDATE posts SET {", ".join(f"{name} = {_value(name)}" for name in _CONTENT)},
            mentioned_ids = {_MENTIONED_IDS}, edited_at = clock_timestamp()
        FROM new WHERE posts.id = {{post_id}} AND author_id = {{author_id}}""",
        load=scalar,
    )
    async def update(self, post_id: int, author_id: int, content: str) -> None:
        """Change a post to its :func:`encoded` content and keep the earlier version.

        Accounts whose mention is marked as former keep the version that last mentioned them.
        """

    @query(
        sql="""
        WITH gone AS (
            DELETE FROM posts WHERE id = {post_id} AND author_id = {author_id}
            RETURNING reply_to_id, boost_of_id, author_id, visibility
        ), counted AS (
            UPDATE accounts SET posts_count = greatest(posts_count - lost.posts, 0)
            FROM (SELECT id, count(*) AS posts FROM (
                SELECT {author_id}::bigint AS id UNION ALL SELECT author_id FROM posts WHERE boost_of_id = {post_id}
            ) each GROUP BY id) lost
            WHERE accounts.id = lost.id AND EXISTS (SELECT FROM gone WHERE visibility <> 'direct')
        ), answered AS (
            UPDATE posts SET replies_count = greatest(replies_count - 1, 0)
            WHERE id = (SELECT reply_to_id FROM gone WHERE visibility IN ('public', 'unlisted'))
        ), boosted AS (
            UPDATE posts SET boosts_count = greatest(boosts_count - 1, 0)
            WHERE id = (SELECT boost_of_id FROM gone)
        ), event AS (
            INSERT INTO outbox (kind, account_id, post_id, detail)
            SELECT 'delete', author_id, {post_id}, {detail}::jsonb FROM gone
        )
        SELECT count(*) FROM gone""",
        load=scalar,
    )
    async def delete(self, post_id: int, author_id: int, detail: str) -> int:
        """Delete a post, reduce the counters that included it, and return how many posts that were: 1 or 0."""

    @query(
        sql="SELECT post_id FROM idempotency_keys WHERE account_id = {account_id} AND key = {key}",
        load=scalar,
    )
    async def post_id_by_key(self, account_id: int, key: str) -> int | None:
        """Return the post that was published with an idempotency key."""


writing = accessor(WritingQueries)
