"""Which posts a filter meets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from microblog.domain.errors import InvalidInput
from microblog.domain.filters import (
    Action,
    Context,
    Filter,
    FilterPost,
    Keyword,
    filter_contexts,
    filter_keyword,
    filter_title,
    hidden,
    results,
)
from microblog.domain.matching import Needle
from microblog.domain.posts import Post
from tests.factories import make_account, make_post

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def post(text: str, *, summary: str = "", number: int = 7, author: int = 1, of: Post | None = None) -> Post:
    account = make_account(author, f"name{author}")
    return make_post(number, account, text, html="", summary=summary, language=None, boost_of=of)


def made(
    *words: str, whole: bool = True, action: Action = Action.WARN, posts: tuple[int, ...] = ()
) -> Filter:
    return Filter(
        1,
        "title",
        (Context.HOME,),
        action,
        None,
        tuple(Keyword(number, word, whole) for number, word in enumerate(words)),
        tuple(FilterPost(number, post_id) for number, post_id in enumerate(posts)),
    )


@pytest.mark.parametrize(
    ("text", "word", "whole", "met"),
    [
        ("The cat sat", "cat", True, True),
        ("CAT!", "cat", True, True),
        ("concatenate", "cat", True, False),
        ("concatenate", "cat", False, True),
        ("cat_food", "cat", True, False),
        ("#cat", "cat", True, True),
        ("#cats", "#cat", True, False),
        ("so.much(.*)", "(.*)", True, True),
        ("anything", "(.*)", True, False),
        ("the  end", "the end", True, True),
        ("c++ rules", "c++", True, True),
        ("Die Straße", "straße", True, True),
        ("猫が好き", "猫", False, True),
        ("", "cat", True, False),
    ],
)
def test_words_are_looked_for_without_regard_to_case(text: str, word: str, whole: bool, met: bool) -> None:
    assert (made(word, whole=whole).match(post(text)) is not None) is met


def test_the_warning_and_what_is_boosted_count_as_well() -> None:
    assert made("eggs").match(post("x", summary="Eggs")) is not None
    boost = post("", number=9, author=3, of=post("eggs"))
    found = made("eggs", "more eggs").match(boost)
    assert found is not None
    assert found.keywords == ("eggs",)


def test_a_single_post_is_met_whatever_it_says() -> None:
    found = made(posts=(7, 8)).match(post("harmless"))
    assert found is not None
    assert (found.keywords, found.post_ids) == ((), (7,))
    assert made(posts=(8,)).match(post("harmless")) is None


def test_ones_own_posts_are_left_alone() -> None:
    assert results([made("cat")], post("cat", author=5), viewer_id=5) == ()
    (found,) = results([made("cat"), made("dog")], post("cat", author=5), viewer_id=6)
    assert not hidden([found])
    assert hidden([found, *results([made("cat", action=Action.HIDE)], post("cat"), viewer_id=6)])


@given(st.text(min_size=1, max_size=40), st.booleans(), st.text(max_size=200))
def test_no_keyword_breaks_the_search(word: str, whole: bool, text: str) -> None:
    try:
        keyword = filter_keyword(word)
    except InvalidInput:
        return
    made(keyword, whole=whole).match(post(text))
    assume(not Needle.of(keyword, whole).is_address)
    assert made(keyword, whole=False).match(post(f"a {keyword} b")) is not None


def test_what_a_filter_needs() -> None:
    assert filter_title(" Films \n") == "Films"
    assert filter_contexts(["public", "home"]) == (Context.HOME, Context.PUBLIC)
    with pytest.raises(InvalidInput):
        filter_title(" ")
    with pytest.raises(InvalidInput):
        filter_keyword("\t")
    for bad in ([], ["x"]):
        with pytest.raises(InvalidInput):
            filter_contexts(bad)
