"""Writing posts: a new one, another text, away with it; with all that hangs on a post in the same statement.

What is locked, and in which order, is said in `locks`.  Mind that PostgreSQL runs the parts of a ``WITH`` that nothing
reads from in reverse: the last one first.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from dbxs import query, statement

from microblog.domain.posts import Mention, Post
from microblog.store.engine.access import accessor
from microblog.store.engine.loaders import maybe_row, row, rows, scalar
from microblog.store.posts import POST_COLUMNS, POST_TABLES, post_row


def _inserted(id: int, told: list[int]) -> tuple[int, list[int]]:
    return id, told


def _named(id: int, name: str, domain: str | None) -> Mention:
    return Mention(id, name, domain)


class WritingQueries(Protocol):
    @query(
        sql="""
        SELECT a.id, a.name, a.domain FROM unnest({names}::text[], {domains}::text[]) AS wanted (name, domain)
        JOIN accounts a ON lower(a.name) = wanted.name AND coalesce(a.domain, '') = wanted.domain
        WHERE a.state = 'active'""",
        load=rows(_named),
    )
    async def named(self, names: list[str], domains: list[str]) -> list[Mention]:
        """Those of the addresses that somebody has; domain '' for ours."""

    @query(
        sql="""
        WITH made AS (
            INSERT INTO posts (id, author_id, visibility, text, html, summary, sensitive, language, reply_to_id,
                reply_to_account_id, reply_to_name, thread_id, mentions, mentioned_ids, tags, search, created_at)
            SELECT n.id, {author_id}, {visibility}, {text}, {html}, {summary}, {sensitive}, {language}, {reply_to_id},
                {reply_to_account_id}, {reply_to_name}, coalesce({thread_id}, n.id), {mentions}::jsonb,
                {mentioned_ids}::bigint[], {tags}::text[], to_tsvector('simple', {search}), n.at
            FROM (SELECT snowflake(at) AS id, at FROM (SELECT coalesce({at}, clock_timestamp()) AS at) t) n
            RETURNING id, created_at
        ), named AS (
            INSERT INTO mentions (account_id, post_id)
            SELECT unnest({mentioned_ids}::bigint[]), id FROM made
        ), tagged AS (
            INSERT INTO post_tags (tag, post_id) SELECT unnest({tags}::text[]), id FROM made
        ), counted AS (
            UPDATE accounts SET posts_count = posts_count + 1, last_post_at = greatest(last_post_at, made.created_at)
            FROM made WHERE accounts.id = {author_id} AND {visibility} <> 'direct'
        ), answered AS (
            UPDATE posts SET replies_count = replies_count + 1
            WHERE id = {reply_to_id} AND {visibility} IN ('public', 'unlisted')
        ), told AS (
            INSERT INTO outbox (kind, account_id, post_id) SELECT 'post', {author_id}, id FROM made
        )
        SELECT id, ARRAY(SELECT follower_id FROM follows WHERE followee_id = {author_id} AND notify AND accepted)
        FROM made""",
        load=row(_inserted),
    )
    async def insert(
        self,
        author_id: int,
        visibility: str,
        text: str,
        html: str,
        summary: str,
        sensitive: bool,
        language: str | None,
        reply_to_id: int | None,
        reply_to_account_id: int | None,
        reply_to_name: str | None,
        thread_id: int | None,
        mentions: str,
        mentioned_ids: list[int],
        tags: list[str],
        search: str,
        at: datetime | None,
    ) -> tuple[int, list[int]]:
        """A new post with all that hangs on it, its event included, in one statement.

        Counters are for everyone's eyes, so that they count what nobody needs to be asked for: direct posts are in no
        profile's, and answers that not everyone may see in no post's.

        Returns its id, and those who asked to be told whenever its author posts.
        """

    @query(
        sql=f"SELECT {POST_COLUMNS} FROM {POST_TABLES} WHERE p.id = {{post_id}} "
        "AND (p.author_id = {viewer} OR {any_author}) AND p.boost_of_id IS NULL FOR NO KEY UPDATE OF p",
        load=maybe_row(post_row),
    )
    async def for_update(self, post_id: int, viewer: int, any_author: bool) -> Post | None:
        """Return the post, locked. Before a deletion `locks.hold_to_delete` comes first."""

    @statement(sql="UPDATE posts SET language = {language} WHERE id = {post_id}")
    async def set_language(self, post_id: int, language: str | None) -> None:
        """Change nothing but the language: that is no edit."""

    @query(
        sql="""
        WITH was AS (
            INSERT INTO post_edits (post_id, text, html, summary, sensitive, created_at)
            SELECT id, text, html, summary, sensitive, coalesce(edited_at, created_at) FROM posts WHERE id = {post_id}
            RETURNING id
        ), gone AS (
            DELETE FROM mentions
            WHERE post_id = {post_id} AND NOT account_id = ANY ({mentioned_ids}::bigint[] || {former_ids}::bigint[])
        ), dropped AS (
            UPDATE mentions SET until_edit = was.id FROM was
            WHERE post_id = {post_id} AND account_id = ANY ({former_ids}::bigint[]) AND until_edit IS NULL
        ), named AS (
            INSERT INTO mentions (account_id, post_id, after_edit)
            SELECT unnest({mentioned_ids}::bigint[]), {post_id}, was.id FROM was
            ON CONFLICT (account_id, post_id) DO UPDATE SET after_edit = excluded.after_edit, until_edit = NULL
            WHERE mentions.until_edit IS NOT NULL
        ), untagged AS (
            DELETE FROM post_tags WHERE post_id = {post_id} AND NOT tag = ANY ({tags}::text[])
        ), tagged AS (
            INSERT INTO post_tags (tag, post_id) SELECT unnest({tags}::text[]), {post_id} ON CONFLICT DO NOTHING
        ), told AS (
            INSERT INTO outbox (kind, account_id, post_id, detail)
            VALUES ('edit', {author_id}, {post_id}, {detail}::jsonb)
        )
        UPDATE posts SET text = {text}, html = {html}, summary = {summary}, sensitive = {sensitive},
            language = {language}, mentions = {mentions}::jsonb,
            mentioned_ids = {mentioned_ids}::bigint[] || {former_ids}::bigint[], tags = {tags}::text[],
            search = to_tsvector('simple', {search}), edited_at = clock_timestamp()
        WHERE id = {post_id} AND author_id = {author_id}""",
        load=scalar,
    )
    async def update(
        self,
        post_id: int,
        author_id: int,
        text: str,
        html: str,
        summary: str,
        sensitive: bool,
        language: str | None,
        mentions: str,
        mentioned_ids: list[int],
        former_ids: list[int],
        tags: list[str],
        search: str,
        detail: str | None,
    ) -> None:
        """Change a post and keep how it read. The accounts ``former_ids`` keep the version that last named them."""

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
        ), told AS (
            INSERT INTO outbox (kind, account_id, post_id, detail)
            SELECT 'delete', author_id, {post_id}, {detail}::jsonb FROM gone
        )
        SELECT count(*) FROM gone""",
        load=scalar,
    )
    async def delete(self, post_id: int, author_id: int, detail: str) -> int: ...

    @query(
        sql="SELECT post_id FROM idempotency_keys WHERE account_id = {account_id} AND key = {key}",
        load=scalar,
    )
    async def kept_key(self, account_id: int, key: str) -> int | None: ...

    @query(
        sql="INSERT INTO idempotency_keys (account_id, key, post_id) VALUES ({account_id}, {key}, {post_id})",
        load=scalar,
    )
    async def keep_key(self, account_id: int, key: str, post_id: int) -> None: ...


writing = accessor(WritingQueries)
