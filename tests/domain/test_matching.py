"""Keywords meet texts by the rules of Unicode: white space, writing without spaces, addresses, case."""

from __future__ import annotations

import sys
import time
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
import regex
from hypothesis import assume, given
from hypothesis import strategies as st

from microblog.domain import normalisation
from microblog.domain.filters import (
    CHARACTERS_OF_ACCOUNT,
    KEYWORDS_OF_ACCOUNT,
    POSTS_OF_ACCOUNT,
    Compilations,
    Filter,
    FilterPost,
    Keyword,
    results,
    within_budget,
)
from microblog.domain.matching import Needle, PostText, find_keywords
from tests.domain.test_filters import made, post

SPACES = [c for c in map(chr, range(sys.maxunicode + 1)) if regex.match(r"\p{White_Space}", c)]
words = st.text(st.characters(categories=["Ll", "Lu", "Lo", "Nd"]), min_size=1, max_size=8)
latin = st.text("abcdefghijklmnopqrstuvwxyzàéîöü", min_size=1, max_size=8)


def matches(keyword: str, text: str, *, whole: bool = True) -> bool:
    return made(keyword, whole=whole).match(post(text)) is not None


@given(
    st.lists(latin, min_size=2, max_size=4),
    st.lists(st.text(st.sampled_from(SPACES), min_size=1, max_size=3), min_size=6, max_size=6),
    st.booleans(),
)
def test_any_white_space_in_a_keyword_matches_any_white_space(
    parts: list[str], gaps: list[str], whole: bool
) -> None:
    def joined(gaps: list[str]) -> str:
        return "".join(part + gap for part, gap in zip(parts, [*gaps[: len(parts) - 1], ""], strict=True))

    assert matches(joined(gaps[:3]), f"x {joined(gaps[3:])}, y", whole=whole)
    assert not matches(joined(gaps[:3]), f"x {'-'.join(parts)}, y", whole=whole)


#: Words in writing that shows no borders of words: each is met wherever it stands.
SCRIPTS = {
    "Han": "猫漢字東京日本語中文𠮷",
    "Hiragana": "あいうえおがぎっー",
    "Katakana": "アイウエオガギッー",
    "Bopomofo": "ㄅㄆㄇㄈ",
    "Hangul": "서울은는이가한국어",
    "Thai": "กขคงจภาษาไทยำิี่้",
    "Lao": "ກຂຄງພາສາລາວິີ່້",
    "Khmer": "កខគឃភាសាខ្មែរិី",
    "Myanmar": "ကခဂဃမြန်မာဘာသာိီ",
    "Tai Le": "ᥐᥑᥒᥓ",
    "Tai Tham": "ᨠᨡᨢᨣᩣᩥ",
    "Javanese": "ꦏꦐꦑꦒꦴꦶ",
    "Yi": "ꀀꀁꀂꀃ",
}


@given(st.data(), st.sampled_from(sorted(SCRIPTS)))
def test_whole_word_is_found_anywhere_in_scripts_without_spaces(data: Any, script: str) -> None:
    letters = st.text(SCRIPTS[script], max_size=6)
    word = data.draw(st.text(SCRIPTS[script], min_size=1, max_size=4))
    text = unicodedata.normalize("NFC", data.draw(letters) + word + data.draw(letters))
    assume(unicodedata.normalize("NFC", word) in text)
    assert matches(word, text)


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("서울은 좋다", "서울"),
        ("AIの時代", "AI"),
        ("私はiPhoneを買う", "iphone"),
        ("ใช้iPhoneครับ", "iPhone"),
        ("2026年の夏", "2026"),
        ("カフェラテ", "ラテ"),
        ("#東京オリンピック", "東京"),
    ],
)
def test_words_beside_writing_without_spaces_are_whole_words(text: str, keyword: str) -> None:
    assert matches(keyword, text)


@given(
    st.sampled_from(["cat", "straße", "кот", "γάτα", "बिल्ली", "قطة", "חתול", "կատու", "ድመት"]),
    st.characters(categories=["Ll", "Lu", "Mn", "Mc", "Nd", "Pc"]),
)
def test_whole_word_does_not_match_a_part_of_a_word_in_scripts_with_spaces(word: str, more: str) -> None:
    whole = unicodedata.normalize("NFC", word + more)
    assume(whole.startswith(word) and not regex.match(rf"{WITHOUT_SPACES}|\p{{DI}}", more))
    assert not matches(word, f"x {whole} y")
    assert matches(word, f"x {word}! y")
    assert matches(word, f"x {whole} y", whole=False)


WITHOUT_SPACES = (
    r"[\p{lb=SA}\p{lb=ID}\p{lb=CJ}\p{lb=AK}\p{lb=AP}\p{lb=AS}\p{Hira}\p{Kana}\p{Hani}\p{Hang}\p{Bopo}"
    r"\p{scx=Hani}\p{scx=Kana}\p{Thai}\p{Laoo}\p{Khmr}\p{Mymr}\p{Lana}\p{Java}\p{Bali}\p{Yiii}]"
)
ADDRESS = st.builds(
    "{}://{}.{}{}{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["example", "cats", "www.cats"]),
    st.sampled_from(["org", "example"]),
    st.sampled_from(["", "/cats", "/a/cats/b"]),
    st.sampled_from(["", "?q=cats", "?cats=1&x=2"]),
    st.sampled_from(["", "#cats", "#example"]),
)


@given(ADDRESS, st.sampled_from(["cats", "#cats", "#example", "example", "org", "https", "q"]), st.booleans())
def test_keyword_does_not_match_inside_an_address(address: str, keyword: str, whole: bool) -> None:
    assert not matches(keyword, f"look: {address} !", whole=whole)
    assert matches(keyword, f"look: {address} {keyword}", whole=whole)


@pytest.mark.parametrize("keyword", ["example", "example.org", "@example.org", "org"])
def test_keyword_does_not_match_inside_the_domain_of_a_mention(keyword: str) -> None:
    assert not matches(keyword, "hello @bob@example.org and all")
    assert matches("@bob", "hello @bob@example.org and all")
    assert matches("bob", "hello @bob@example.org and all")


def test_keyword_that_is_an_address_matches_that_address() -> None:
    assert matches("https://spam.example/buy", "see https://spam.example/buy now", whole=False)
    assert matches("@bob@example.org", "hello @bob@example.org")
    assert not matches("@bob@example.org", "hello @bob@example.net")


def test_words_on_both_sides_of_an_address_do_not_meet() -> None:
    assert not matches("see now", "see https://example.org now")


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("ISTANBUL", "istanbul"),
        ("İstanbul", "istanbul"),
        ("STRASSE", "straße"),
        ("ΟΔΟΣ", "οδος"),
        ("ＣＡＴ", "cat"),
        ("ﾈｺ", "ネコ"),
    ],
)
def test_case_is_folded(text: str, keyword: str) -> None:
    assert matches(keyword, text)


@given(words, st.text(max_size=30), st.booleans())
def test_what_is_reported_is_the_keyword_as_it_stands(word: str, around: str, whole: bool) -> None:
    met = find_keywords([Needle.of(word, whole)], PostText(f"{around} {word.upper()} {around}"))
    assert len(met) <= 1
    for each in met:
        assert normalisation.fold(each) == normalisation.fold(word)


def test_each_keyword_is_reported_once() -> None:
    met = made("cat", "cat", "dog", "cat food").match(post("Cat food for a cat and a dog"))
    assert met is not None
    assert met.keywords == ("Cat", "dog", "Cat food")


def many(number: int, keywords: int, length: int = 3, posts: int = 0) -> Filter:
    return replace(
        made(),
        id=number,
        keywords=tuple(Keyword(each, f"{each:0{length}d}", True) for each in range(keywords)),
        posts=tuple(FilterPost(each, each) for each in range(posts)),
    )


def test_filters_from_before_the_budget_are_cut_to_it() -> None:
    cut = within_budget([many(number, 100) for number in range(30)])
    assert sum(len(each.keywords) for each in cut) == KEYWORDS_OF_ACCOUNT
    assert cut[0] == many(0, 100)
    cut = within_budget([many(number, 100, 500) for number in range(30)])
    assert 0 < sum(len(word.keyword) for each in cut for word in each.keywords) <= CHARACTERS_OF_ACCOUNT
    cut = within_budget([many(number, 1, posts=1000) for number in range(30)])
    assert sum(len(each.posts) for each in cut) == POSTS_OF_ACCOUNT
    assert len(cut) == 30


def test_compiled_filter_follows_its_changes_and_the_memory_is_bounded() -> None:
    compilations = Compilations(most=1000)
    first = made("cat")
    assert [each.keyword for each in compilations.of(first).needles] == ["cat"]
    assert compilations.of(first) is compilations.of(replace(first))
    changed = replace(first, keywords=(Keyword(1, "dog", True),))
    assert [each.keyword for each in compilations.of(changed).needles] == ["dog"]
    for number in range(100):
        compilations.of(many(number, 5))
    assert len(compilations) < 10


def test_text_of_a_post_is_prepared_once_for_all_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    from microblog.domain import filters

    prepared: list[str] = []
    real = PostText.__init__

    def counted(self: PostText, source: str) -> None:
        prepared.append(source)
        real(self, source)

    monkeypatch.setattr(filters.PostText, "__init__", counted)
    results([many(number, 100) for number in range(10)], post("a long text"), 99)
    assert prepared == ["a long text"]


def seconds(keywords: int, characters: int, text: str, word: str, whole: bool) -> float:
    """The time of the process that looking for so many keywords in so long a text takes: the best of three."""
    needles = [Needle.of(f"{word}{number:05d}", whole) for number in range(keywords)]
    source = text * (characters // len(text))
    best = 9e9
    for _ in range(3):
        begun = time.process_time()
        find_keywords(needles, PostText(source))
        best = min(best, time.process_time() - begun)
    return best


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a word 00000 ", "word "),
        ("aaaaaaaaab", "aaaaa"),
        ("猫が好き", "猫"),
        ("@x https://a.example/#cat ", "cat"),
        ("\u00a0 ", "a b"),
    ],
)
def test_work_grows_with_keywords_and_characters_alone(text: str, word: str, whole: bool) -> None:
    once = seconds(500, 40_000, text, word, whole)
    assert seconds(1000, 40_000, text, word, whole) < 4 * once + 0.01
    assert seconds(500, 80_000, text, word, whole) < 4 * once + 0.01
