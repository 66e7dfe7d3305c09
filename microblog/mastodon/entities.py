"""Entities of the Mastodon client protocol, and the functions that make them from records.

Their shapes follow the Mastodon documentation (docs.joinmastodon.org/entities): ids are strings of digits, times are
UTC with milliseconds (``2026-01-01T00:00:00.000Z``), every link is absolute. Media, polls, custom emojis and cards,
which this site does not have, are empty, because clients expect the fields.

``base_url`` is the site's address without a trailing slash (``Config.public_url``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from msgspec import UNSET, Struct, UnsetType

from microblog.domain.accounts import Account, State
from microblog.domain.events import Notification, NotificationKind
from microblog.domain.filters import Filter, FilterResult
from microblog.domain.posts import Mention, Post
from microblog.domain.render import absolute
from microblog.domain.visibility import Visibility

VISIBILITIES: Final = {
    Visibility.PUBLIC: "public",
    Visibility.UNLISTED: "unlisted",
    Visibility.FOLLOWERS: "private",
    Visibility.DIRECT: "direct",
}

NOTIFICATION_TYPES: Final = {
    NotificationKind.MENTION: "mention",
    NotificationKind.REPLY: "mention",
    NotificationKind.FOLLOW: "follow",
    NotificationKind.FOLLOW_REQUEST: "follow_request",
    NotificationKind.BOOST: "reblog",
    NotificationKind.FAVOURITE: "favourite",
    NotificationKind.EDIT: "update",
    NotificationKind.POST: "status",
    NotificationKind.SIGN_UP: "admin.sign_up",
}


class FieldEntity(Struct, frozen=True):
    """One line of a profile."""

    name: str
    value: str  #: HTML
    verified_at: str | None


class AccountEntity(Struct, frozen=True):
    """An account."""

    id: str
    username: str
    acct: str  #: ``bob``, or ``bob@example.org`` for people from elsewhere
    display_name: str
    locked: bool
    bot: bool
    discoverable: bool
    indexable: bool  #: everyone finds its public posts by searching
    noindex: bool  #: search engines are asked to leave its pages out
    hide_collections: bool  #: its followers, and whom it follows, are empty lists for others
    created_at: str
    note: str  #: HTML
    url: str
    uri: str
    avatar: str
    avatar_static: str
    header: str
    header_static: str
    followers_count: int
    following_count: int
    statuses_count: int
    last_status_at: str | None  #: a day: ``2026-01-01``
    fields: tuple[FieldEntity, ...]
    emojis: tuple[()] = ()
    roles: tuple[()] = ()
    group: bool = False
    suspended: bool | UnsetType = UNSET


class MentionEntity(Struct, frozen=True):
    """Somebody named in a post."""

    id: str
    username: str
    acct: str
    url: str


class TagEntity(Struct, frozen=True):
    """A hashtag in a post."""

    name: str
    url: str


class FilterKeywordEntity(Struct, frozen=True):
    """A word that a filter looks for."""

    id: str
    keyword: str
    whole_word: bool


class FilterStatusEntity(Struct, frozen=True):
    """A single post that a filter is about."""

    id: str
    status_id: str


class FilterEntity(Struct, frozen=True):
    """A filter. In an answer about a post it goes without its keywords and posts."""

    id: str
    title: str
    context: tuple[str, ...]
    expires_at: str | None
    filter_action: str
    keywords: tuple[FilterKeywordEntity, ...] | UnsetType = UNSET
    statuses: tuple[FilterStatusEntity, ...] | UnsetType = UNSET


class FilterResultEntity(Struct, frozen=True):
    """Why a post is filtered."""

    filter: FilterEntity
    keyword_matches: tuple[str, ...] | None
    status_matches: tuple[str, ...] | None


class StatusEntity(Struct, frozen=True):
    """A post. For a boost, everything that there is to read is the boosted post's, which ``reblog`` holds."""

    id: str
    created_at: str
    in_reply_to_id: str | None
    in_reply_to_account_id: str | None
    sensitive: bool
    spoiler_text: str
    visibility: str
    language: str | None
    uri: str
    url: str
    replies_count: int
    reblogs_count: int
    favourites_count: int
    edited_at: str | None
    content: str  #: HTML
    reblog: StatusEntity | None
    account: AccountEntity
    mentions: tuple[MentionEntity, ...]
    tags: tuple[TagEntity, ...]
    favourited: bool
    reblogged: bool
    bookmarked: bool
    muted: bool = False
    pinned: bool = False
    media_attachments: tuple[()] = ()
    emojis: tuple[()] = ()
    filtered: tuple[FilterResultEntity, ...] = ()
    application: None = None
    card: None = None
    poll: None = None
    text: str | UnsetType = UNSET  #: as typed, of one's own post that was just deleted


class NotificationEntity(Struct, frozen=True):
    """Something that concerns somebody. ``status`` is missing where the kind has none."""

    id: str
    type: str
    created_at: str
    group_key: str
    account: AccountEntity
    status: StatusEntity | UnsetType = UNSET


def timestamp(when: datetime) -> str:
    """Return a time in the form ``2026-01-01T00:00:00.000Z``."""
    return when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def account(account: Account, base_url: str) -> AccountEntity:
    """Return the entity of an account."""
    url = base_url + account.path
    avatar = f"{base_url}/avatars/{account.id}.svg"
    header = f"{base_url}/static/header.svg"
    return AccountEntity(
        id=str(account.id),
        username=account.name,
        acct=account.address,
        display_name=account.display_name,
        locked=account.locked,
        bot=account.bot,
        discoverable=account.discoverable,
        indexable=account.indexable,
        noindex=account.noindex or not account.discoverable,
        hide_collections=account.hide_collections,
        created_at=timestamp(account.created_at),
        note=absolute(account.bio_html, base_url),
        url=url,
        uri=account.uri or url,
        avatar=avatar,
        avatar_static=avatar,
        header=header,
        header_static=header,
        followers_count=account.followers_count,
        following_count=account.following_count,
        statuses_count=account.posts_count,
        last_status_at=account.last_post_at.astimezone(UTC).date().isoformat()
        if account.last_post_at
        else None,
        fields=tuple(
            FieldEntity(
                field.name,
                absolute(field.html, base_url),
                timestamp(field.verified_at) if field.verified_at else None,
            )
            for field in account.fields
        ),
        suspended=True if account.state is State.SUSPENDED else UNSET,
    )


def mention(mention: Mention, base_url: str) -> MentionEntity:
    """Return the entity of a mention."""
    return MentionEntity(
        str(mention.account_id), mention.name, mention.address, f"{base_url}/@{mention.address}"
    )


def tag(name: str, base_url: str) -> TagEntity:
    """Return the entity of the hashtag with the key ``name``."""
    return TagEntity(name, f"{base_url}/tags/{quote(name)}")


def filter_entity(chosen: Filter, *, whole: bool = True) -> FilterEntity:
    """Return the entity of a filter, with its keywords and posts if it is ``whole``."""
    return FilterEntity(
        id=str(chosen.id),
        title=chosen.title,
        context=tuple(each.value for each in chosen.contexts),
        expires_at=timestamp(chosen.expires_at) if chosen.expires_at else None,
        filter_action=chosen.action.value,
        keywords=tuple(FilterKeywordEntity(str(e.id), e.keyword, e.whole_word) for e in chosen.keywords)
        if whole
        else UNSET,
        statuses=tuple(FilterStatusEntity(str(each.id), str(each.post_id)) for each in chosen.posts)
        if whole
        else UNSET,
    )


def filter_result(found: FilterResult) -> FilterResultEntity:
    """Return the entity of a filter result."""
    return FilterResultEntity(
        filter_entity(found.filter, whole=False),
        found.keywords or None,
        tuple(str(each) for each in found.post_ids) or None,
    )


Filtered = Mapping[int, tuple[FilterResult, ...]]
_NOT_FILTERED: Final[Filtered] = {}


def status(post: Post, base_url: str, filtered: Filtered = _NOT_FILTERED) -> StatusEntity:
    """Return the entity of a post, with the flags of the viewer that it was read for.

    ``filtered`` are the results of filters, by the ids of posts.
    """
    content = post.content
    url = base_url + post.path
    return StatusEntity(
        id=str(post.id),
        created_at=timestamp(post.created_at),
        in_reply_to_id=None if post.reply_to_id is None else str(post.reply_to_id),
        in_reply_to_account_id=None if post.reply_to_account_id is None else str(post.reply_to_account_id),
        sensitive=content.sensitive,
        spoiler_text=content.summary,
        visibility=VISIBILITIES[post.visibility],
        language=content.language,
        uri=post.uri or url,
        url=url,
        replies_count=content.replies_count,
        reblogs_count=content.boosts_count,
        favourites_count=content.favourites_count,
        edited_at=timestamp(content.edited_at) if content.edited_at else None,
        content=absolute(content.html, base_url),
        reblog=status(post.boost_of, base_url, filtered) if post.boost_of else None,
        account=account(post.author, base_url),
        mentions=tuple(mention(named, base_url) for named in content.mentions),
        tags=tuple(tag(name, base_url) for name in content.tags),
        favourited=content.favourited,
        reblogged=content.boosted,
        bookmarked=content.bookmarked,
        muted=content.muted,
        pinned=post.pinned,
        filtered=tuple(filter_result(each) for each in filtered[content.id])
        if content.id in filtered
        else (),
    )


def notification(
    notification: Notification, base_url: str, filtered: Filtered = _NOT_FILTERED
) -> NotificationEntity:
    """Return the entity of a notification."""
    return NotificationEntity(
        id=str(notification.id),
        type=NOTIFICATION_TYPES[notification.kind],
        created_at=timestamp(notification.created_at),
        group_key=f"ungrouped-{notification.id}",
        account=account(notification.actor, base_url),
        status=status(notification.post, base_url, filtered) if notification.post else UNSET,
    )
