"""Who may see a post: the rule, spelled out."""

from __future__ import annotations

from itertools import product

import pytest

from microblog.domain.visibility import STRANGER, ViewerRelation, Visibility, may_boost, may_see

OPEN = (Visibility.PUBLIC, Visibility.UNLISTED)


@pytest.mark.parametrize("visibility", list(Visibility))
def test_a_stranger_sees_open_posts_only(visibility: Visibility) -> None:
    assert may_see(visibility, STRANGER) == (visibility in OPEN)


@pytest.mark.parametrize("visibility", list(Visibility))
def test_an_author_and_those_named_see_it_whatever_it_is(visibility: Visibility) -> None:
    assert may_see(visibility, ViewerRelation(is_author=True))
    assert may_see(visibility, ViewerRelation(is_mentioned=True))


def test_followers_see_what_is_for_followers_and_not_what_is_direct() -> None:
    follower = ViewerRelation(follows_author=True)
    assert may_see(Visibility.FOLLOWERS, follower)
    assert not may_see(Visibility.DIRECT, follower)


@pytest.mark.parametrize(
    ("visibility", "mentioned", "follows"), product(Visibility, (False, True), (False, True))
)
def test_nobody_sees_posts_of_one_who_blocked_them_or_is_suspended(
    visibility: Visibility, mentioned: bool, follows: bool
) -> None:
    assert not may_see(visibility, ViewerRelation(False, mentioned, follows, blocked_by_author=True))
    assert not may_see(visibility, ViewerRelation(True, mentioned, follows, author_active=False))


def test_a_wider_standing_never_sees_less() -> None:
    for visibility, mentioned, follows in product(Visibility, (False, True), (False, True)):
        if may_see(visibility, ViewerRelation(False, mentioned, follows)):
            assert may_see(visibility, ViewerRelation(False, True, follows))
            assert may_see(visibility, ViewerRelation(False, mentioned, True))


def test_boosts_go_no_further_than_their_post() -> None:
    assert [may_boost(each, is_author=False) for each in Visibility] == [True, True, False, False]
    assert [may_boost(each, is_author=True) for each in Visibility] == [True, True, True, False]


def test_the_narrower_of_two() -> None:
    assert Visibility.PUBLIC.no_wider_than(Visibility.DIRECT) is Visibility.DIRECT
    assert Visibility.FOLLOWERS.no_wider_than(Visibility.UNLISTED) is Visibility.FOLLOWERS
