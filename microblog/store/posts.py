"""Posts in the database: the one list of a post's columns, reading one or a thread, and writing.

Every query that shows posts selects :data:`POST_COLUMNS` over :data:`POST_TABLES` (aliases: ``p`` the post with
something to read, ``a`` its author), and :data:`BOOST_COLUMNS` where boosts may be among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from dbxs import query

from microblog.domain.accounts import Account
from microblog.domain.posts import Edit, Mention, Post
from microblog.domain.visibility import Visibility
from microblog.store.access import accessor
from microblog.store.accounts import ACCOUNT_COLUMNS, ACCOUNT_WIDTH, account_columns, account_from
from microblog.store.database import maybe_row, row, rows, scalar
from microblog.store.paging import in_order, within
from microblog.store.visibility import BOOSTED, VISIBLE, meeting

_COLUMNS: Final = (
    "id",
    "visibility",
    "text",
    "html",
    "summary",
    "sensitive",
    "language",
    "created_at",
    "edited_at",
    "reply_to_id",
    "reply_to_account_id",
    "reply_to_name",
    "thread_id",
    "mentions",
    "tags",
    "replies_count",
    "boosts_count",
    "favourites_count",
    "uri",
)
#: What the post ``p`` is to the viewer, as `domain.posts.Marks` takes it after the id.
FLAGS: Final = """
    {viewer}::bigint IS NOT NULL AND EXISTS (
        SELECT FROM favourites v WHERE v.account_id = {viewer}::bigint AND v.post_id = p.id),
    {viewer}::bigint IS NOT NULL AND EXISTS (
        SELECT FROM posts v WHERE v.boost_of_id = p.id AND v.author_id = {viewer}::bigint),
    {viewer}::bigint IS NOT NULL AND EXISTS (
        SELECT FROM bookmarks v WHERE v.account_id = {viewer}::bigint AND v.post_id = p.id),
    {viewer}::bigint = p.author_id AND EXISTS (SELECT FROM pinned_posts v WHERE v.post_id = p.id),
    {viewer}::bigint IS NOT NULL AND EXISTS (
        SELECT FROM thread_mutes v WHERE v.account_id = {viewer}::bigint AND v.thread_id = p.thread_id)"""

#: The columns of a post with its author, as :func:`post_from` takes them. Needs the parameter ``viewer``.
POST_COLUMNS: Final = f"{', '.join(f'p.{each}' for each in _COLUMNS)}, {FLAGS}, {ACCOUNT_COLUMNS}"
POST_TABLES: Final = "posts p JOIN accounts a ON a.id = p.author_id"
_AUTHOR: Final = len(_COLUMNS) + 5
POST_WIDTH: Final = _AUTHOR + ACCOUNT_WIDTH

#: The columns of what may be a boost: ``w`` is the listed row, ``b`` its author when it is a boost.
BOOST_COLUMNS: Final = (
    f"{POST_COLUMNS}, w.id, w.visibility, w.created_at, w.boost_of_id IS NOT NULL, {account_columns('b')}"
)
BOOST_TABLES: Final = (
    "posts w JOIN posts p ON p.id = coalesce(w.boost_of_id, w.id) JOIN accounts a ON a.id = p.author_id "
    "LEFT JOIN accounts b ON w.boost_of_id IS NOT NULL AND b.id = w.author_id"
)

_VISIBILITIES: Final = {each.value: each for each in Visibility}


def post_from(row: Sequence[Any]) -> Post:
    """The post in the first :data:`POST_WIDTH` columns of ``row``."""
    mentions = row[13]
    return Post(
        id=row[0],
        author=account_from(row[_AUTHOR:POST_WIDTH]),
        visibility=_VISIBILITIES[row[1]],
        text=row[2],
        html=row[3],
        summary=row[4],
        sensitive=row[5],
        language=row[6],
        created_at=row[7],
        edited_at=row[8],
        reply_to_id=row[9],
        reply_to_account_id=row[10],
        reply_to_name=row[11],
        thread_id=row[12],
        mentions=tuple(Mention(each["id"], each["name"], each.get("domain")) for each in mentions)
        if mentions
        else (),
        tags=tuple(row[14]),
        replies_count=row[15],
        boosts_count=row[16],
        favourites_count=row[17],
        uri=row[18],
        favourited=row[19],
        boosted=row[20],
        bookmarked=row[21],
        pinned=bool(row[22]),
        muted=row[23],
    )


def listed_from(row: Sequence[Any]) -> Post:
    """The post or boost in a row of :data:`BOOST_COLUMNS`."""
    post = post_from(row)
    if not row[POST_WIDTH + 3]:
        return post
    return boost_from(
        row[POST_WIDTH], account_from(row[POST_WIDTH + 4 :]), row[POST_WIDTH + 1], row[POST_WIDTH + 2], post
    )


def boost_from(id: int, author: Account, visibility: str, created_at: datetime, of: Post) -> Post:
    """A boost of ``of`` by ``author``; the flags about the one who looks are those of what it boosts."""
    return Post(
        id=id,
        author=author,
        visibility=_VISIBILITIES[visibility],
        text="",
        html="",
        summary="",
        sensitive=of.sensitive,
        language=of.language,
        created_at=created_at,
        edited_at=None,
        reply_to_id=None,
        reply_to_account_id=None,
        reply_to_name=None,
        thread_id=id,
        mentions=(),
        tags=(),
        replies_count=0,
        boosts_count=of.boosts_count,
        favourites_count=of.favourites_count,
        boost_of=of,
        favourited=of.favourited,
        boosted=of.boosted,
        bookmarked=of.bookmarked,
        muted=of.muted,
    )


def _post(*row: Any) -> Post:
    return post_from(row)


def _listed(*row: Any) -> Post:
    return listed_from(row)


def _edit(text: str, html: str, summary: str, sensitive: bool, created_at: datetime) -> Edit:
    return Edit(text, html, summary, sensitive, created_at)


def _liker(id: int, *row: Any) -> tuple[int, Account]:
    return id, account_from(row)


def _inserted(id: int, told: list[int]) -> tuple[int, list[int]]:
    return id, told


def _named(id: int, name: str, domain: str | None) -> Mention:
    return Mention(id, name, domain)


class PostQueries(Protocol):
    """Reading and writing single posts. ``viewer`` is an account's id, or None for a stranger.

    Whoever writes locks a post before its boosts, and both before accounts, so that nobody waits in a circle. Mind that
    PostgreSQL runs the parts of a ``WITH`` that nothing reads from in reverse: the last one first.
    """

    @query(
        sql=f"SELECT {BOOST_COLUMNS} FROM {BOOST_TABLES} WHERE w.id = {{post_id}} AND {VISIBLE} "
        f"AND {BOOSTED}",
        load=maybe_row(_listed),
    )
    async def visible(self, post_id: int, viewer: int | None) -> Post | None: ...

    @query(
        sql=f"SELECT {BOOST_COLUMNS} FROM {BOOST_TABLES} WHERE w.id = ANY ({{ids}}::bigint[]) "
        f"AND {VISIBLE} AND {BOOSTED}",
        load=rows(_listed),
    )
    async def visible_among(self, ids: list[int], viewer: int | None) -> list[Post]: ...

    @query(
        sql=f"SELECT {BOOST_COLUMNS} FROM {BOOST_TABLES} WHERE w.id = ANY ({{ids}}::bigint[]) AND a.state = 'active' "
        "AND {viewer}::bigint IS NULL",
        load=rows(_listed),
    )
    async def for_events(self, ids: list[int], viewer: None = None) -> list[Post]:
        """Posts whoever may see them: the notifier judges for each of its readers."""

    @query(
        sql=f"""
        WITH RECURSIVE up AS (
            SELECT p.id, p.reply_to_id, 1 AS depth FROM posts p WHERE p.id = {{post_id}}
            UNION ALL
            SELECT p.id, p.reply_to_id, up.depth + 1 FROM posts p JOIN up ON p.id = up.reply_to_id WHERE up.depth < 100
        )
        SELECT {POST_COLUMNS} FROM up JOIN {POST_TABLES.replace("posts p", "posts p ON p.id = up.id")}
        WHERE up.depth > 1 AND {VISIBLE} ORDER BY up.depth DESC""",
        load=rows(_post),
    )
    async def ancestors(self, post_id: int, viewer: int | None) -> list[Post]:
        """What a post answers, the oldest first; at most 100 up."""

    @query(
        sql=f"SELECT {POST_COLUMNS} FROM {POST_TABLES} WHERE p.thread_id = {{thread_id}} AND p.boost_of_id IS NULL "
        f"AND p.id > {{after}} AND {VISIBLE} ORDER BY p.id LIMIT {{limit}}",
        load=rows(_post),
    )
    async def of_thread(self, thread_id: int, after: int, viewer: int | None, limit: int) -> list[Post]: ...

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
        sql="SET LOCAL synchronous_commit = off; INSERT INTO tags (tag, shown, posts_count) "
        "SELECT t.tag, t.shown, 1 FROM unnest({tags}::text[], {shown}::text[]) AS t (tag, shown) ORDER BY t.tag "
        "ON CONFLICT (tag) DO UPDATE SET posts_count = tags.posts_count + 1, last_at = clock_timestamp()",
        load=scalar,
    )
    async def count_tags(self, tags: list[str], shown: list[str]) -> None:
        """After the post's own transaction: all who use a tag meet in one row, and it is only for ordering."""

    @query(
        sql="SET LOCAL synchronous_commit = off; "
        "UPDATE tags SET posts_count = greatest(posts_count - 1, 0) WHERE tag IN ("
        "SELECT tag FROM tags WHERE tag = ANY ({tags}::text[]) ORDER BY tag FOR UPDATE)",
        load=scalar,
    )
    async def uncount_tags(self, tags: list[str]) -> None: ...

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
        sql=f"SELECT {POST_COLUMNS} FROM {POST_TABLES} WHERE p.id = {{post_id}} "
        "AND (p.author_id = {viewer} OR {any_author}) AND p.boost_of_id IS NULL FOR UPDATE OF p",
        load=maybe_row(_post),
    )
    async def for_update(self, post_id: int, viewer: int, any_author: bool) -> Post | None: ...

    @query(
        sql="""SELECT count(*) FROM (SELECT id FROM accounts WHERE id = {author_id} OR id IN (
            SELECT author_id FROM posts WHERE boost_of_id = {post_id}) ORDER BY id FOR NO KEY UPDATE) held""",
        load=scalar,
    )
    async def hold_counters(self, post_id: int, author_id: int) -> int:
        """Locks, in the one order, the accounts whose counters change with the post's deletion."""

    @query(sql="SELECT id FROM posts WHERE id = {post_id} FOR KEY SHARE", load=scalar)
    async def keep(self, post_id: int) -> int | None:
        """Whoever would delete the post waits for this transaction."""

    @query(sql="SELECT author_id FROM posts WHERE boost_of_id = {post_id} LIMIT 1000", load=rows(int))
    async def boosters(self, post_id: int) -> list[int]: ...

    @query(
        sql="""
        WITH was AS (
            INSERT INTO post_edits (post_id, text, html, summary, sensitive, created_at)
            SELECT id, text, html, summary, sensitive, coalesce(edited_at, created_at) FROM posts WHERE id = {post_id}
        ), gone AS (
            DELETE FROM mentions WHERE post_id = {post_id} AND NOT account_id = ANY ({mentioned_ids}::bigint[])
        ), named AS (
            INSERT INTO mentions (account_id, post_id) SELECT unnest({mentioned_ids}::bigint[]), {post_id}
            ON CONFLICT DO NOTHING
        ), untagged AS (
            DELETE FROM post_tags WHERE post_id = {post_id} AND NOT tag = ANY ({tags}::text[])
        ), tagged AS (
            INSERT INTO post_tags (tag, post_id) SELECT unnest({tags}::text[]), {post_id} ON CONFLICT DO NOTHING
        ), told AS (
            INSERT INTO outbox (kind, account_id, post_id, detail)
            VALUES ('edit', {author_id}, {post_id}, {detail}::jsonb)
        )
        UPDATE posts SET text = {text}, html = {html}, summary = {summary}, sensitive = {sensitive},
            language = {language}, mentions = {mentions}::jsonb, mentioned_ids = {mentioned_ids}::bigint[],
            tags = {tags}::text[], search = to_tsvector('simple', {search}), edited_at = clock_timestamp()
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
        tags: list[str],
        search: str,
        detail: str | None,
    ) -> None: ...

    @query(
        sql="SELECT text, html, summary, sensitive, created_at FROM post_edits WHERE post_id = {post_id} ORDER BY id",
        load=rows(_edit),
    )
    async def edits(self, post_id: int) -> list[Edit]: ...

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
        sql="""
        WITH made AS (
            INSERT INTO posts (id, author_id, visibility, boost_of_id, thread_id, created_at)
            SELECT n.id, {author_id}, {visibility}, {post_id}, n.id, n.at
            FROM (SELECT snowflake(at) AS id, at FROM (
                SELECT coalesce({at}::timestamptz, clock_timestamp()) AS at) t) n
            ON CONFLICT DO NOTHING RETURNING id
        ), counted AS (
            UPDATE accounts SET posts_count = posts_count + 1 WHERE id = {author_id} AND EXISTS (SELECT FROM made)
        ), boosted AS (
            UPDATE posts SET boosts_count = boosts_count + 1 WHERE id = {post_id} AND EXISTS (SELECT FROM made)
        ), told AS (
            INSERT INTO outbox (kind, account_id, post_id) SELECT 'boost', {author_id}, id FROM made
        )
        SELECT id FROM made""",
        load=scalar,
    )
    async def boost(self, author_id: int, visibility: str, post_id: int, at: datetime | None) -> int | None:
        """The id of the boost, or None when there was one already."""

    @query(sql="SELECT id FROM posts WHERE boost_of_id = {post_id} AND author_id = {author_id}", load=scalar)
    async def boost_id(self, post_id: int, author_id: int) -> int | None: ...

    @query(
        sql="""
        WITH made AS (
            INSERT INTO favourites (account_id, post_id) VALUES ({account_id}, {post_id}) ON CONFLICT DO NOTHING
            RETURNING post_id
        ), counted AS (
            UPDATE posts SET favourites_count = favourites_count + 1 WHERE id = (SELECT post_id FROM made)
        )
        SELECT count(*) FROM made""",
        load=scalar,
    )
    async def favourite(self, account_id: int, post_id: int) -> int:
        """1, or 0 when it was one already."""

    @query(
        sql="""
        WITH gone AS (
            DELETE FROM favourites WHERE account_id = {account_id} AND post_id = {post_id} RETURNING post_id
        )
        UPDATE posts SET favourites_count = greatest(favourites_count - 1, 0) WHERE id = (SELECT post_id FROM gone)""",
        load=scalar,
    )
    async def unfavourite(self, account_id: int, post_id: int) -> None: ...

    @query(
        sql="INSERT INTO bookmarks (account_id, post_id) VALUES ({account_id}, {post_id}) ON CONFLICT DO NOTHING",
        load=scalar,
    )
    async def bookmark(self, account_id: int, post_id: int) -> None: ...

    @query(sql="DELETE FROM bookmarks WHERE account_id = {account_id} AND post_id = {post_id}", load=scalar)
    async def unbookmark(self, account_id: int, post_id: int) -> None: ...

    @query(
        sql=f"SELECT v.id, {ACCOUNT_COLUMNS} FROM favourites v JOIN accounts a ON a.id = v.account_id "
        f"WHERE v.post_id = {{post_id}} AND a.state = 'active' AND {meeting('a.id')} "
        f"AND {within('v.id')} {in_order('v.id')}",
        load=rows(_liker),
    )
    async def favourited_by(
        self,
        viewer: int | None,
        post_id: int,
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[tuple[int, Account]]: ...

    @query(
        sql=f"SELECT v.id, {ACCOUNT_COLUMNS} FROM posts v JOIN accounts a ON a.id = v.author_id "
        f"WHERE v.boost_of_id = {{post_id}} AND a.state = 'active' AND {meeting('a.id')} "
        f"AND {within('v.id')} {in_order('v.id')}",
        load=rows(_liker),
    )
    async def boosted_by(
        self,
        viewer: int | None,
        post_id: int,
        below: int | None,
        above: int | None,
        ascending: bool,
        count: int,
    ) -> list[tuple[int, Account]]: ...

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


posts = accessor(PostQueries)
