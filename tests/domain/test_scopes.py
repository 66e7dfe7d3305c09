"""The tree of scopes: what covers what."""

from __future__ import annotations

import pytest

from microblog.domain.errors import InvalidInput
from microblog.domain.scopes import SCOPES, covers, narrowed, parse


@pytest.mark.parametrize(
    ("granted", "wanted"),
    [
        ("read", "read"),
        ("read", "read:statuses"),
        ("write", "write:media"),
        ("read:statuses", "read:statuses"),
        ("follow", "write:follows"),
        ("follow", "read:mutes"),
        ("read", "profile"),
        ("read:accounts", "profile"),
    ],
)
def test_a_parent_covers_its_children(granted: str, wanted: str) -> None:
    assert covers({granted}, wanted)


@pytest.mark.parametrize(
    ("granted", "wanted"),
    [
        ("read:statuses", "read"),
        ("read", "write"),
        ("write", "read:statuses"),
        ("follow", "write:statuses"),
        ("write:accounts", "profile"),
        ("profile", "read:accounts"),
        ("push", "read"),
    ],
)
def test_nothing_covers_more_than_it_says(granted: str, wanted: str) -> None:
    assert not covers({granted}, wanted)


def test_every_scope_covers_itself() -> None:
    assert all(covers({scope}, scope) for scope in SCOPES)


def test_scopes_are_narrowed_and_never_widened() -> None:
    assert narrowed(["write:statuses", "read"], {"read", "write"}) == ("read", "write:statuses")
    assert narrowed(["write"], {"write:statuses"}) is None


def test_written_scopes_are_read_in_one_order() -> None:
    assert parse("write read  write") == ("read", "write")
    assert parse("") == ()
    with pytest.raises(InvalidInput):
        parse("read everything")
