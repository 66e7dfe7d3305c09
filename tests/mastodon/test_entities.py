"""Records as programs see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from microblog.domain.accounts import Account, Field, State
from microblog.domain.events import Notification, NotificationKind
from microblog.domain.posts import Mention, Post
from microblog.domain.visibility import Visibility
from microblog.mastodon import entities
from tests.factories import make_account, make_post

SITE = "https://site.example"
THEN = datetime(2026, 1, 1, tzinfo=UTC)


def alice(**more: object) -> Account:
    values: dict[str, object] = {
        "display_name": "Alice",
        "bio": "Hi #first",
        "bio_html": '<p>Hi <a href="/tags/first">#first</a></p>',
        "fields": (Field("Site", "x", '<a href="/about">x</a>', THEN),),
        "created_at": THEN,
        "last_post_at": THEN + timedelta(hours=5),
        "posts_count": 3,
        "followers_count": 2,
        "following_count": 1,
    }
    return make_account(116543210987654321, "alice", **{**values, **more})


def a_post(**more: object) -> Post:
    fields: dict[str, Any] = {
        "author": alice(),
        "text": "Hello @bob #first",
        "html": '<p>Hello <a href="/@bob">@bob</a> <a href="https://elsewhere.example/">x</a></p>',
        "summary": "greeting",
        "sensitive": True,
        "created_at": THEN,
        "reply_to_id": 5,
        "reply_to_account_id": 6,
        "reply_to_name": "bob",
        "thread_id": 5,
        "mentions": (Mention(6, "bob"), Mention(7, "eve", "example.org")),
        "tags": ("first", "日本"),
        "replies_count": 1,
        "boosts_count": 2,
        "favourites_count": 3,
        **more,
    }
    return make_post(116543210987654321, **fields)


def as_json(entity: object) -> dict[str, object]:
    decoded: dict[str, object] = msgspec.json.decode(msgspec.json.encode(entity))
    return decoded


class TestTimes:
    def test_are_utc_with_milliseconds(self) -> None:
        assert entities.timestamp(THEN) == "2026-01-01T00:00:00.000Z"
        zone = timezone(timedelta(hours=2))
        assert entities.timestamp(datetime(2026, 1, 1, 2, 0, 0, 123456, zone)) == "2026-01-01T00:00:00.123Z"


class TestAPost:
    def test_has_all_that_clients_read(self) -> None:
        status = as_json(entities.status(a_post(), SITE))
        account = status.pop("account")
        assert isinstance(account, dict)
        assert account["acct"] == "alice"
        assert status == {
            "id": "116543210987654321",
            "created_at": "2026-01-01T00:00:00.000Z",
            "in_reply_to_id": "5",
            "in_reply_to_account_id": "6",
            "sensitive": True,
            "spoiler_text": "greeting",
            "visibility": "public",
            "language": "en",
            "uri": f"{SITE}/@alice/116543210987654321",
            "url": f"{SITE}/@alice/116543210987654321",
            "replies_count": 1,
            "reblogs_count": 2,
            "favourites_count": 3,
            "edited_at": None,
            "content": f'<p>Hello <a href="{SITE}/@bob">@bob</a> <a href="https://elsewhere.example/">x</a></p>',
            "reblog": None,
            "mentions": [
                {"id": "6", "username": "bob", "acct": "bob", "url": f"{SITE}/@bob"},
                {"id": "7", "username": "eve", "acct": "eve@example.org", "url": f"{SITE}/@eve@example.org"},
            ],
            "tags": [
                {"name": "first", "url": f"{SITE}/tags/first"},
                {"name": "日本", "url": f"{SITE}/tags/%E6%97%A5%E6%9C%AC"},
            ],
            "favourited": False,
            "reblogged": False,
            "bookmarked": False,
            "muted": False,
            "pinned": False,
            "media_attachments": [],
            "emojis": [],
            "filtered": [],
            "application": None,
            "card": None,
            "poll": None,
        }

    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [("public", "public"), ("unlisted", "unlisted"), ("followers", "private"), ("direct", "direct")],
    )
    def test_says_who_may_see_it_in_the_protocols_words(self, ours: str, theirs: str) -> None:
        assert entities.status(a_post(visibility=Visibility(ours)), SITE).visibility == theirs

    def test_that_was_boosted_is_inside_the_boost(self) -> None:
        boost = a_post(
            id=9,
            text="",
            html="",
            summary="",
            boost_of=a_post(favourited=True),
            author=make_account(8, "bob"),
        )
        status = entities.status(boost, SITE)
        assert status.id == "9"
        assert status.account.acct == "bob"
        assert status.reblog is not None
        assert status.reblog.id == "116543210987654321"
        assert status.content == status.reblog.content
        assert status.favourited is True


class TestAnAccount:
    def test_has_all_that_clients_read(self) -> None:
        account = as_json(entities.account(alice(), SITE))
        assert account == {
            "id": "116543210987654321",
            "username": "alice",
            "acct": "alice",
            "display_name": "Alice",
            "locked": False,
            "bot": False,
            "discoverable": True,
            "indexable": True,
            "noindex": False,
            "hide_collections": False,
            "group": False,
            "created_at": "2026-01-01T00:00:00.000Z",
            "note": f'<p>Hi <a href="{SITE}/tags/first">#first</a></p>',
            "url": f"{SITE}/@alice",
            "uri": f"{SITE}/@alice",
            "avatar": f"{SITE}/avatars/116543210987654321.svg",
            "avatar_static": f"{SITE}/avatars/116543210987654321.svg",
            "header": f"{SITE}/static/header.svg",
            "header_static": f"{SITE}/static/header.svg",
            "followers_count": 2,
            "following_count": 1,
            "statuses_count": 3,
            "last_status_at": "2026-01-01",
            "fields": [
                {
                    "name": "Site",
                    "value": f'<a href="{SITE}/about">x</a>',
                    "verified_at": "2026-01-01T00:00:00.000Z",
                }
            ],
            "emojis": [],
            "roles": [],
        }

    def test_that_is_suspended_says_so(self) -> None:
        assert entities.account(alice(state=State.SUSPENDED), SITE).suspended is True

    def test_from_elsewhere_has_its_domain(self) -> None:
        assert entities.account(alice(domain="example.org"), SITE).acct == "alice@example.org"


class TestANotification:
    @pytest.mark.parametrize("kind", list(NotificationKind))
    def test_has_a_type_that_clients_know(self, kind: NotificationKind) -> None:
        known = {
            "mention",
            "follow",
            "follow_request",
            "reblog",
            "favourite",
            "update",
            "status",
            "admin.sign_up",
        }
        made = Notification(5, 6, kind, alice(), THEN, a_post())
        entity = entities.notification(made, SITE)
        assert entity.type in known
        assert entity.id == "5"

    def test_without_a_post_has_no_status_at_all(self) -> None:
        made = Notification(5, 6, NotificationKind.FOLLOW, alice(), THEN)
        assert "status" not in as_json(entities.notification(made, SITE))
