"""Posts in the database: the one list of a post's columns, and reading one or a thread.

Every query that shows posts selects :data:`POST_COLUMNS` over :data:`POST_TABLES` (aliases: ``p`` the post with
something to read, ``a`` its author), and :data:`BOOST_COLUMNS` where boosts may be among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

from dbxs import query

from microblog.domain.accounts import Account
from microblog.domain.posts import Edit, Mention, Post
from microblog.domain.visibility import Visibility
from microblog.store.accounts import ACCOUNT_COLUMNS, ACCOUNT_WIDTH, account_columns, account_from
from microblog.store.engine.access import accessor, prepared
from microblog.store.engine.bad_rows import elements, text_of
from microblog.store.engine.loaders import maybe_row, rows
from microblog.store.relations import (
    BOOSTED,
    FORMER_VERSION,
    VIEWER,
    VISIBLE,
    WAS_VISIBLE,
    listed_for,
    not_blocked_by,
)

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
#: What the post ``p`` is to the viewer, as `domain.posts.ViewerFlags` takes it after the id.
#:
#: ``OFFSET 0`` has each looked up post by post. Without it a plan that is made for any viewer may read all that
#: somebody ever favourited into a hash, to know it of twenty posts. ``BETWEEN`` is ``=``, and has it looked up by the
#: account: where most posts have one favourite, the index by posts looks as good, and one of them has a million.
FLAGS: Final = """
    {viewer}::bigint IS NOT NULL AND EXISTS (
        SELECT FROM favourites v WHERE v.account_id = {viewer}::bigint
            AND v.post_id BETWEEN p.id AND p.id OFFSET 0),
    {viewer}::bigint IS NOT NULL AND EXISTS (
        SELECT FROM posts v WHERE v.boost_of_id = p.id AND v.author_id = {viewer}::bigint OFFSET 0),
    {viewer}::bigint IS NOT NULL AND EXISTS (
        SELECT FROM bookmarks v WHERE v.account_id = {viewer}::bigint
            AND v.post_id BETWEEN p.id AND p.id OFFSET 0),
    {viewer}::bigint = p.author_id AND EXISTS (SELECT FROM pinned_posts v WHERE v.post_id = p.id OFFSET 0),
    {viewer}::bigint IS NOT NULL AND EXISTS (
        SELECT FROM thread_mutes v WHERE v.account_id = {viewer}::bigint AND v.thread_id = p.thread_id OFFSET 0)"""

#: The columns of a post with its author, as :func:`post_from` takes them. Needs the parameter ``viewer``.
POST_COLUMNS: Final = (
    f"{', '.join(f'p.{each}' for each in _COLUMNS)}, {FLAGS}, {FORMER_VERSION}, {ACCOUNT_COLUMNS}"
)
POST_TABLES: Final = "posts p JOIN accounts a ON a.id = p.author_id"
_AUTHOR: Final = len(_COLUMNS) + 6
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


def _mention(content: Any) -> tuple[Mention, bool]:
    """A mention of the column, and whether an edit took it out of the text."""
    domain = content.get("domain")
    if not isinstance(content["id"], int) or not isinstance(domain, str | None):
        raise TypeError
    return Mention(content["id"], text_of(content, "name"), domain), bool(content.get("former"))


def post_from(row: Sequence[Any]) -> Post:
    """The post in the first :data:`POST_WIDTH` columns of ``row``."""
    mentions: tuple[Mention, ...] = ()
    former: tuple[Mention, ...] = ()
    if row[13]:
        every = elements("mentions of post", row[0], row[13], _mention)
        mentions = tuple(each for each, is_former in every if not is_former)
        former = tuple(each for each, is_former in every if is_former)
    post = Post(
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
        mentions=mentions,
        former_mentions=former,
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
    return post if row[24] is None else _former(post, row[24])


def _former(post: Post, version: Sequence[Any]) -> Post:
    """The post for an account that an edit dropped: as it was, and without the names and tags that came later."""
    text, html, summary, sensitive, written = version
    at = datetime.fromisoformat(written)
    return replace(
        post,
        text=text,
        html=html,
        summary=summary,
        sensitive=sensitive,
        edited_at=at if at > post.created_at else None,
        # An edit after the one that dropped the account may have named others: their links are not in this version.
        mentions=tuple(
            each for each in (*post.mentions, *post.former_mentions) if f'href="/@{each.address}"' in html
        ),
        former_mentions=(),
        tags=(),
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


def post_row(*row: Any) -> Post:
    """:func:`post_from`, as loaders of queries are called."""
    return post_from(row)


def listed_row(*row: Any) -> Post:
    """:func:`listed_from`, as loaders of queries are called."""
    return listed_from(row)


def _edit(text: str, html: str, summary: str, sensitive: bool, created_at: datetime) -> Edit:
    return Edit(text, html, summary, sensitive, created_at)


class PostQueries(Protocol):
    """Reading single posts. ``viewer`` is an account's id, or None for a stranger."""

    @query(
        sql="SELECT a.id FROM accounts a WHERE a.id = ANY ({ids}::bigint[]) AND a.state = 'active' "
        f"AND {not_blocked_by(VIEWER, 'a.id')}",
        load=rows(int),
    )
    async def addressable(self, ids: list[int], viewer: int) -> list[int]:
        """Return those of the accounts that are active and that the viewer does not block."""

    @query(
        sql=f"SELECT {BOOST_COLUMNS} FROM {BOOST_TABLES} WHERE w.id = {{post_id}} AND {VISIBLE} "
        f"AND {BOOSTED}",
        load=maybe_row(listed_row),
    )
    async def visible(self, post_id: int, viewer: int | None) -> Post | None: ...

    @query(
        sql=f"SELECT {BOOST_COLUMNS} FROM {BOOST_TABLES} WHERE w.id = ANY ({{ids}}::bigint[]) "
        f"AND {VISIBLE} AND {BOOSTED}",
        load=rows(listed_row),
    )
    async def visible_among(self, ids: list[int], viewer: int | None) -> list[Post]: ...

    @prepared("bigint[]", "bigint")
    @query(
        sql=f"SELECT {BOOST_COLUMNS} FROM {BOOST_TABLES} WHERE w.id = ANY ({{ids}}::bigint[]) AND a.state = 'active' "
        "AND {viewer}::bigint IS NULL",
        load=rows(listed_row),
    )
    async def for_events(self, ids: list[int], viewer: None = None) -> list[Post]:
        """Posts whoever may see them: the dispatcher judges for each of its readers."""

    @query(
        sql=f"""
        WITH RECURSIVE up AS (
            SELECT p.id, p.reply_to_id, 1 AS depth FROM posts p WHERE p.id = {{post_id}}
            UNION ALL
            SELECT p.id, p.reply_to_id, up.depth + 1 FROM posts p JOIN up ON p.id = up.reply_to_id WHERE up.depth < 100
        )
        SELECT {POST_COLUMNS} FROM up JOIN {POST_TABLES.replace("posts p", "posts p ON p.id = up.id")}
        WHERE up.depth > 1 AND {VISIBLE} AND {listed_for("p.author_id")} ORDER BY up.depth DESC""",
        load=rows(post_row),
    )
    async def ancestors(self, post_id: int, viewer: int | None) -> list[Post]:
        """Return the posts that a post answers, oldest first, at most 100 up."""

    @query(
        sql=f"SELECT {POST_COLUMNS} FROM {POST_TABLES} WHERE p.thread_id = {{thread_id}} AND p.boost_of_id IS NULL "
        f"AND p.id > {{after}} AND {VISIBLE} AND {listed_for('p.author_id')} ORDER BY p.id LIMIT {{limit}}",
        load=rows(post_row),
    )
    async def of_thread(self, thread_id: int, after: int, viewer: int | None, limit: int) -> list[Post]: ...

    @query(
        sql=f"""SELECT e.text, e.html, e.summary, e.sensitive, e.created_at
        FROM post_edits e JOIN posts p ON p.id = e.post_id
        WHERE e.post_id = {{post_id}} AND ({WAS_VISIBLE}) ORDER BY e.id""",
        load=rows(_edit),
    )
    async def edits(self, post_id: int, viewer: int | None) -> list[Edit]:
        """Return the earlier versions of a post that the viewer may read, oldest first."""


posts = accessor(PostQueries)
