"""The one list of a post's columns, and the loaders that make posts of rows.

Every query that shows posts selects :data:`POST_COLUMNS` from :data:`POST_TABLES`, where ``p`` is the post with the
content and ``a`` its author. A query whose rows may be boosts selects :data:`BOOST_COLUMNS` from :data:`BOOST_TABLES`.
A new column needs a field of `domain.posts.Post` and a line in :data:`_COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from microblog.domain.accounts import Account
from microblog.domain.posts import Mention, Post
from microblog.domain.visibility import Visibility
from microblog.store.accounts import ACCOUNT_COLUMNS, ACCOUNT_WIDTH, account_columns, account_from
from microblog.store.engine.bad_rows import elements, text_of
from microblog.store.relations import (
    FORMER_VERSION,
)

#: Columns of the table, each a field of `domain.posts.Post`.
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
#: Fields of `domain.posts.Post` that :data:`_FLAG_COLUMNS` fill, in its order.
_FLAGS: Final = ("favourited", "boosted", "bookmarked", "pinned", "muted")
#: What the viewer did with the post ``p``.
#:
#: ``OFFSET 0`` makes PostgreSQL look each flag up post by post. Without it, a plan for any viewer may read all
#: favourites of the viewer into a hash to answer for twenty posts. ``BETWEEN`` means ``=``, and makes PostgreSQL use
#: the index by account: where most posts have one favourite, the index by post looks as good, but one post of them
#: has a million.
_FLAG_COLUMNS: Final = """
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

#: The columns of a post with its author, for :func:`post_from`. They need the query parameter ``viewer``.
POST_COLUMNS: Final = (
    f"{', '.join(f'p.{each}' for each in _COLUMNS)}, {_FLAG_COLUMNS}, {FORMER_VERSION}, {ACCOUNT_COLUMNS}"
)
POST_TABLES: Final = "posts p JOIN accounts a ON a.id = p.author_id"
_FIELDS: Final = (*_COLUMNS, *_FLAGS)
_FORMER_VERSION: Final = len(_FIELDS)
_AUTHOR: Final = _FORMER_VERSION + 1
POST_WIDTH: Final = _AUTHOR + ACCOUNT_WIDTH

#: The columns of a post or boost: ``w`` is the listed row, and ``b`` its author where it is a boost.
BOOST_COLUMNS: Final = (
    f"{POST_COLUMNS}, w.id, w.visibility, w.created_at, w.boost_of_id IS NOT NULL, {account_columns('b')}"
)
BOOST_TABLES: Final = (
    "posts w JOIN posts p ON p.id = coalesce(w.boost_of_id, w.id) JOIN accounts a ON a.id = p.author_id "
    "LEFT JOIN accounts b ON w.boost_of_id IS NOT NULL AND b.id = w.author_id"
)

_VISIBILITIES: Final = {each.value: each for each in Visibility}


def _mention(content: Any) -> tuple[Mention, bool]:
    """Return a mention of the JSON column, and whether an edit removed it from the text."""
    domain = content.get("domain")
    if not isinstance(content["id"], int) or not isinstance(domain, str | None):
        raise TypeError
    return Mention(content["id"], text_of(content, "name"), domain), bool(content.get("former"))


def post_from(row: Sequence[Any]) -> Post:
    """Return the post in the first :data:`POST_WIDTH` columns of a row."""
    fields = dict(zip(_FIELDS, row, strict=False))
    mentions: tuple[Mention, ...] = ()
    former: tuple[Mention, ...] = ()
    if fields["mentions"]:
        marked = elements("mentions of post", fields["id"], fields["mentions"], _mention)
        mentions = tuple(each for each, is_former in marked if not is_former)
        former = tuple(each for each, is_former in marked if is_former)
    fields["mentions"] = mentions
    fields["visibility"] = _VISIBILITIES[fields["visibility"]]
    fields["tags"] = tuple(fields["tags"])
    fields["pinned"] = bool(fields["pinned"])  # NULL for an anonymous request
    post = Post(author=account_from(row[_AUTHOR:POST_WIDTH]), former_mentions=former, **fields)
    version = row[_FORMER_VERSION]
    return post if version is None else _former(post, version)


def _former(post: Post, version: Sequence[Any]) -> Post:
    """Return the post for an account whose mention an edit removed: its last version that mentioned the account."""
    text, html, summary, sensitive, written = version
    at = datetime.fromisoformat(written)
    return replace(
        post,
        text=text,
        html=html,
        summary=summary,
        sensitive=sensitive,
        edited_at=at if at > post.created_at else None,
        # Later edits may have added mentions. This version has no links to those accounts.
        mentions=tuple(
            each for each in (*post.mentions, *post.former_mentions) if f'href="/@{each.address}"' in html
        ),
        former_mentions=(),
        tags=(),
    )


def listed_from(row: Sequence[Any]) -> Post:
    """Return the post or boost in a row of :data:`BOOST_COLUMNS`."""
    post = post_from(row)
    if not row[POST_WIDTH + 3]:
        return post
    return boost_from(
        row[POST_WIDTH], account_from(row[POST_WIDTH + 4 :]), row[POST_WIDTH + 1], row[POST_WIDTH + 2], post
    )


def boost_from(id: int, author: Account, visibility: str, created_at: datetime, of: Post) -> Post:
    """Return a boost of ``of`` by ``author``. Its viewer flags are those of the boosted post."""
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
    """Call :func:`post_from` with the columns as arguments, as loaders do."""
    return post_from(row)


def listed_row(*row: Any) -> Post:
    """Call :func:`listed_from` with the columns as arguments, as loaders do."""
    return listed_from(row)
