"""What is found: words in any script, phrases, prefixes; and what a query can ask for."""

import re
from datetime import date

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain import normalisation
from microblog.domain.search import MAX_TERMS, SearchQuery, document, parse_query, query
from microblog.domain.text import hashtag_key, parse
from tests.domain.corpora import HOSTILE, posts


class TestDocument:
    @pytest.mark.parametrize(
        ("source", "tokens"),
        [
            ("Hello, World! snake_case don't 3.14", "hello world snake case don t 3 14"),
            ("Café", "café cafe"),
            ("Łódź ærø", "łódź ærø lodz aero"),
            ("ﬁne ＦＵＬＬ Straße", "fine full strasse"),
            ("東京都", "東京 京都 都"),
            ("東", "東"),
            ("東京 tower", "東京 京 tower"),
            ("ｶﾞｷﾞ", "ガギ ギ"),
            ("서울에서", "서울 울에 에서 서"),
            ("ที่นี่", "ที่นี่ นี่"),
            ("नमस्ते", "नमस्ते"),
            ("١٢٣ १२", "123 12"),
            ("مَدْرَسَة", "مَدْرَسَة مدرسة"),
            ("#First @bob@example.com", "first bob example com"),
            ("see https://Example.com/secret/path?q=1 there", "see example com there"),
            ("https://пример.рф/x", "пример рф"),
            ("\U00016130", "\U00016130"),  # a digit since Unicode 16
            ("in\u00advisible\u200b", "invisible"),
            ("👍 !?", ""),
        ],
    )
    def test_has_the_words_of_a_text(self, source: str, tokens: str) -> None:
        assert document(source) == tokens
        assert document(parse(source)) == tokens

    @given(posts())
    def test_is_nothing_but_letters_digits_and_spaces(self, source: str) -> None:
        for token in document(source).split(" "):
            assert token == "" or regex.fullmatch(r"[\p{L}\p{Nd}][\p{L}\p{Nd}\p{M}]*", token)

    @pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
    def test_of_hostile_text_is_made_like_any_other(self, source: str) -> None:
        assert len(document(source).encode()) < 40 * len(source.encode()) + 40


class TestQuery:
    @pytest.mark.parametrize(
        ("source", "tsquery"),
        [
            ("hello", "'hello':*"),
            ("hello ", "'hello'"),
            ("hello wor", "'hello' & 'wor':*"),
            ('"hello world"', "('hello' <-> 'world')"),
            ("“hello world”", "('hello' <-> 'world')"),
            ('"unclosed phrase', "('unclosed' <-> 'phrase')"),
            ("tea -milk", "'tea' & !'milk'"),
            ('tea -"no milk" ', "'tea' & !('no' <-> 'milk')"),
            ("example.com ", "('example' <-> 'com')"),
            ("東京", "'東京'"),
            ("東", "'東':*"),
            ("東 x ", "'東':* & 'x'"),
            ("東京都", "('東京' <-> '京都')"),
            ("東京tower", "('東京' <-> '京' <-> 'tower':*)"),
            ("#First", "'first':*"),
            ("Café ", "'café'"),
            ("-tea", ""),
            ("from:bob -tea", "!'tea'"),
            ("'; DROP TABLE posts; --", "'drop' & 'table' & 'posts'"),
            ("& | ! <-> ( ) : * \\", ""),
            ("", ""),
        ],
    )
    def test_asks_for_words(self, source: str, tsquery: str) -> None:
        assert query(source) == tsquery

    def test_has_operators(self) -> None:
        asked = parse_query("tea from:@Bob lang:PT_br after:2024-01-31 before:2024-03-01 milk ")
        assert asked == SearchQuery(
            "'tea' & 'milk'", "tea milk", "bob", "pt-BR", date(2024, 1, 31), date(2024, 3, 1)
        )
        assert parse_query("from:bob@Bücher.de").author == "bob@xn--bcher-kva.de"

    @pytest.mark.parametrize(
        "source", ["from:b/b ", "before:2024-02-30 ", "after:yesterday ", "lang:123 ", "x:y "]
    )
    def test_takes_an_operator_without_sense_for_words(self, source: str) -> None:
        asked = parse_query(source)
        assert asked.tsquery
        assert asked == SearchQuery(asked.tsquery, source.strip())

    def test_knows_when_it_asks_for_nothing(self) -> None:
        assert parse_query("!!! -x").is_empty
        assert not parse_query("from:bob").is_empty
        assert not parse_query("x").is_empty

    def test_is_bounded(self) -> None:
        assert query("word " * 10_000).count("'word'") == MAX_TERMS
        assert len(query("x" * 10_000)) < 200

    @given(st.one_of(posts(), st.text("ab\"'-:&|!()<>*\\ 東é\u0301@#", max_size=60)))
    def test_has_the_shape_that_postgresql_parses(self, source: str) -> None:
        token = r"'[^'\\\s]+'(?::\*)?"
        term = rf"!?(?:{token}|\({token}(?: <-> {token})+\))"
        assert re.fullmatch(rf"(?:{term}(?: & {term})*)?", query(source))


@pytest.mark.parametrize(
    "written", ["İstanbul", "istanbul", "ISTANBUL", "ıstanbul", "i̇stanbul", "ＩＳＴＡＮＢＵＬ"]
)
def test_search_and_hashtags_share_one_fold(written: str) -> None:
    assert document(written) == "istanbul"
    assert query(f"{written} x") == "'istanbul' & 'x':*"
    assert hashtag_key(written) == "istanbul"


@given(st.text(max_size=30))
def test_the_fold_is_reached_at_once(source: str) -> None:
    folded = normalisation.fold(source)
    assert normalisation.fold(folded) == folded
    key = hashtag_key(source)
    if key is not None:
        assert normalisation.fold(key) == key
