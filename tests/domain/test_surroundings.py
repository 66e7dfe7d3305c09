"""Mentions, hashtags and links are found whatever stands beside them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.text import Hashtag, Mention, parse
from tests.domain.surroundings import (
    EMOJI,
    HASHTAGS,
    LINKS,
    MENTIONS,
    PUNCTUATION,
    SPACES,
    SYMBOLS,
    of,
    surrounded,
)

#: What joins an entity to what stands before it: names, addresses, paths.
JOINING = set("@/&=#＃_")
BEFORE = [each for each in [*PUNCTUATION, *SYMBOLS, *EMOJI, *SPACES] if each not in JOINING]
#: What an address goes on with.
IN_HOST = set("-_.:@/?#\\")
IN_PATH = set("/-=&#%+@$~()[]{}_")
AFTER_WORD = [each for each in [*PUNCTUATION, *SYMBOLS, *EMOJI, *SPACES] if each not in {"_", "@", ".", "-"}]
WITHOUT_PATH = ["https://example.org", "http://bücher.example", "https://example.org:8080", "https://1.2.3.4"]
WITH_PATH = [link for link in LINKS if "/" in link.partition("://")[2]]


def written(source: str) -> list[str]:
    parsed = parse(source)
    return [parsed.text[entity.start : entity.end] for entity in parsed.entities]


@given(
    st.sampled_from(BEFORE),
    st.sampled_from(MENTIONS),
    st.sampled_from(AFTER_WORD),
    st.sampled_from(["", "x", " x"]),
)
def test_mention_is_found_between_punctuation_and_emoji(
    before: str, entity: str, after: str, end: str
) -> None:
    assert written(f"{before}{entity}{after}{end}")[:1] == [entity]


@given(
    st.sampled_from(BEFORE),
    st.sampled_from(HASHTAGS),
    st.sampled_from(AFTER_WORD),
    st.sampled_from(["", " x"]),
)
def test_hashtag_is_found_between_punctuation_and_emoji(
    before: str, entity: str, after: str, end: str
) -> None:
    if after not in "·・":
        assert written(f"{before}{entity}{after}{end}")[:1] == [entity]


@pytest.mark.parametrize("entity", WITHOUT_PATH)
def test_host_is_linked_before_any_punctuation(entity: str) -> None:
    for after in [*PUNCTUATION, *SYMBOLS, *EMOJI]:
        if after not in IN_HOST:
            for end in ("", "s page"):
                assert written(f"see {entity}{after}{end}") == [entity], ascii(f"{entity}{after}{end}")


@pytest.mark.parametrize("entity", WITH_PATH)
def test_closing_punctuation_of_any_script_is_left_out_of_the_link(entity: str) -> None:
    for after in [*PUNCTUATION, *SYMBOLS, *EMOJI]:
        if after not in IN_PATH:
            for end in ("", ". x"):
                assert written(f"see {entity}{after}{end}") == [entity], ascii(f"{entity}{after}{end}")


@given(
    st.sampled_from([*BEFORE, "ß", "é", "и", "日", "م"]), st.sampled_from(LINKS), st.sampled_from(["", " x"])
)
def test_link_is_found_after_anything_but_an_ascii_word(before: str, entity: str, end: str) -> None:
    assert written(f"{before}{entity}{end}") == [entity]


def test_brackets_that_a_link_opens_stay_in_it() -> None:
    assert written("(https://example.org/a_(b)) [https://example.org/[x]] {https://example.org/{y}}") == [
        "https://example.org/a_(b)",
        "https://example.org/[x]",
        "https://example.org/{y}",
    ]
    opening, closing = of("Ps", "Pi"), of("Pe", "Pf")
    for first in opening:
        for last in closing:
            assert written(f"{first}https://example.org/a{last}") == ["https://example.org/a"]


@pytest.mark.parametrize("word", ["a", "é", "ß", "и", "日", "1", "²", "e\u0301\u0330", "1\u0301"])
def test_word_before_a_name_makes_it_no_mention(word: str) -> None:
    assert written(f"{word}@bob {word}#tea") == []


@given(surrounded())
def test_entities_never_overlap_and_are_what_they_say(source: str) -> None:
    parsed = parse(source)
    end = 0
    for entity in parsed.entities:
        assert end <= entity.start < entity.end <= len(parsed.text)
        end = entity.end
        first = parsed.text[entity.start]
        assert (
            first == "@"
            if isinstance(entity, Mention)
            else first in "#＃"
            if isinstance(entity, Hashtag)
            else True
        )
