"""Which events belong at home and on a list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from microblog.domain.events import Audience, Event, Kind
from microblog.domain.streams import ListMembers, Relationships, belongs, key, keys
from microblog.domain.visibility import Visibility

ME, FRIEND, OTHER, STRANGER = 1, 2, 3, 4


def event(author: int = FRIEND, **audience: Any) -> Event:
    whole: dict[str, Any] = {
        "author_name": "x",
        "visibility": Visibility.PUBLIC,
        "mentioned_ids": (),
        "tags": (),
        "thread_id": 9,
        **audience,
    }
    kind = Kind.BOOST if audience.get("is_boost") else Kind.POST
    return Event(
        1, kind, datetime(2026, 1, 1, tzinfo=UTC), author, None, audience=Audience(author_id=author, **whole)
    )


def relationships(
    policy: str = "list", *, boosts: bool = True, exclusive: bool = False, **more: Any
) -> Relationships:
    return Relationships(
        ME,
        follows={FRIEND: boosts, OTHER: True},
        lists={5: ListMembers(frozenset({FRIEND}), policy, exclusive)},
        exclusive_members=frozenset({FRIEND}) if exclusive else frozenset(),
        **more,
    )


def test_a_list_has_what_those_in_it_write() -> None:
    assert belongs(event(), "list:5", relationships())
    assert not belongs(event(OTHER), "list:5", relationships())
    assert not belongs(event(), "list:6", relationships())
    assert not belongs(event(), "list:five", relationships())
    assert not belongs(event(), "list:5", None)
    assert not belongs(event(visibility=Visibility.DIRECT), "list:5", relationships())
    assert not belongs(event(), "list:5", relationships(muting={FRIEND: None}))


@pytest.mark.parametrize(
    ("policy", "to"),
    [
        ("none", {FRIEND}),
        ("list", {FRIEND, ME}),
        ("followed", {FRIEND, ME, OTHER}),
    ],
)
def test_whose_replies_a_list_has_is_its_policy(policy: str, to: set[int]) -> None:
    shown = {
        each
        for each in (ME, FRIEND, OTHER, STRANGER)
        if belongs(event(reply_to_account_id=each), "list:5", relationships(policy))
    }
    assert shown == to


def test_boosts_are_shown_where_they_are_wanted() -> None:
    assert belongs(event(is_boost=True), "list:5", relationships())
    assert not belongs(event(is_boost=True), "list:5", relationships(boosts=False))


def test_who_is_in_an_exclusive_list_is_not_at_home() -> None:
    assert belongs(event(), "home", relationships())
    assert not belongs(event(), "home", relationships(exclusive=True))
    assert belongs(event(), "list:5", relationships(exclusive=True))
    assert belongs(event(OTHER), "home", relationships(exclusive=True))


@pytest.mark.parametrize(
    ("more", "there"),
    [
        ({}, True),
        ({"reply_to_account_id": STRANGER}, True),
        ({"reply_to_account_id": OTHER}, False),
        ({"visibility": Visibility.UNLISTED}, False),
        ({"is_boost": True}, False),
        ({"tags": ("coffee",)}, False),
    ],
)
def test_public_posts_with_a_followed_tag_are_at_home(more: dict[str, Any], there: bool) -> None:
    seen = event(STRANGER, **{"tags": ("tea", "milk"), **more})
    assert belongs(seen, "home", relationships(tags=frozenset({"tea"}))) is there
    assert not belongs(seen, "home", relationships())


def test_events_for_lists_are_found_where_those_for_home_are() -> None:
    assert key("list:5", ME) in set(keys(event()))
