"""What in a post is more than text, and how long a post is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain import counting, text
from microblog.domain.links import Link
from microblog.domain.text import Hashtag, Mention, parse
from tests.domain.corpora import HOSTILE, posts


def found(source: str) -> list[str]:
    parsed = parse(source)
    return [parsed.text[entity.start : entity.end] for entity in parsed.entities]


def addresses(source: str) -> list[str]:
    return [mention.address for mention in parse(source).mentions]


def keys(source: str) -> list[str]:
    return [tag.key for tag in parse(source).hashtags]


def urls(source: str) -> list[str]:
    return [link.url for link in parse(source).links]


class TestNormalForm:
    @pytest.mark.parametrize(
        ("source", "normal"),
        [
            ("  one \r\ntwo\t\rthree  ", "  one\ntwo\nthree"),
            ("one\n\n\n\n\ntwo", "one\n\ntwo"),
            ("one\n \n\t\ntwo", "one\n\ntwo"),
            ("one\u2028two\u2029three\x85four", "one\ntwo\nthree\nfour"),
            ("nul\x00bell\x07escape\x1b[31m del\x7f c1\x9b", "nulbellescape[31m del c1"),
            ("tab\tstays", "tab\tstays"),
            ("e\u0301", "é"),
            ("lone \ud800 surrogate", "lone  surrogate"),
            ("\ufeffmark", "mark"),
            ("\u202eoverride\u202d", "override"),
            ("\u2067isolate\u2069 stays", "\u2067isolate\u2069 stays"),
            ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
            ("می\u200cخواهم", "می\u200cخواهم"),
            ("", ""),
            (" \n\t ", ""),
        ],
    )
    def test_is_what_can_be_seen_and_sent(self, source: str, normal: str) -> None:
        assert text.normalise(source) == normal

    def test_keeps_marks_of_real_writing_and_cuts_towers_of_them(self) -> None:
        assert text.normalise("נְקֻדּוֹת ཧཱུྃ") == unicodedata.normalize("NFC", "נְקֻדּוֹת ཧཱུྃ")
        assert len(text.normalise("Z" + "\u0301\u0316" * 500)) < 20

    @given(posts())
    def test_is_reached_at_once(self, source: str) -> None:
        normal = text.normalise(source)
        assert text.normalise(normal) == normal
        assert normal.encode().decode() == normal
        assert parse(normal) == parse(source)

    @pytest.mark.parametrize(
        "blank", ["", "\u200b", "\u2800\u3164\u115f", "\ufe0f\u0301", "\u00ad\n\u200d", "\u3000"]
    )
    def test_knows_what_nobody_can_see(self, blank: str) -> None:
        assert parse(blank).is_blank

    @pytest.mark.parametrize("seen", [".", "á", "👍", "の", "\u200bx"])
    def test_knows_what_can_be_seen(self, seen: str) -> None:
        assert not parse(seen).is_blank


class TestMentions:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("@bob", ["bob"]),
            ("Hello @Bob, and @ALICE!", ["bob", "alice"]),
            ("(@bob) .@eve \"@dan\" '@kim' —@lee", ["bob", "eve", "dan", "kim", "lee"]),
            ("@bob. @bob: @bob's @bob/x @bob.Then", ["bob"]),
            ("@a_b_1", ["a_b_1"]),
            ("@bob@example.com", ["bob@example.com"]),
            ("@Bob.Smith-x@Example.COM.", ["bob.smith-x@example.com"]),
            ("@bob@bücher.de", ["bob@xn--bcher-kva.de"]),
            ("@bobさん、@eve@example.comさん", ["bob", "eve@example.com"]),
            ("@bob님", ["bob"]),
            ("@" + "a" * 30, ["a" * 30]),
            ("❤️@bob 1️⃣@eve ℹ️@dan", ["bob", "eve", "dan"]),
            ("@bob1️⃣ @eve@example.org's", ["bob", "eve@example.org"]),
            ("@bob@भारत.भारत", ["bob@xn--h2brj9c.xn--h2brj9c"]),
        ],
    )
    def test_are_names_after_an_at(self, source: str, expected: list[str]) -> None:
        assert addresses(source) == expected

    @pytest.mark.parametrize(
        "source",
        [
            "joe@example.com",
            "joe.bloggs+tag@example.com",
            "joe+@bob joe-@bob",
            "é@bob の@bob",
            "@@bob",
            "@bob@",
            "@bob@localhost",
            "@bob@-example.com",
            "@bobé",
            "@ bob",
            "@" + "a" * 31,
            "https://example.com/@bob",
            "https://social.example/@bob@example.org",
            "https://user@example.com",
            "mailto:@",
            "/@bob =@bob",
        ],
    )
    def test_are_not_in_words_addresses_and_links(self, source: str) -> None:
        if source == "@bob@":
            assert addresses(source) == ["bob"]
        else:
            assert addresses(source) == []

    def test_have_positions_in_the_normal_form(self) -> None:
        assert parse("e\u0301 @Bob").entities == (Mention(2, 6, "bob"),)

    def test_count_once_for_each_account(self) -> None:
        assert addresses("@bob @eve @BOB") == ["bob", "eve"]


class TestHashtags:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("#first", ["first"]),
            ("#First, #FIRST; #ＦＩＲＳＴ", ["first"]),
            ("(#a1) “#b”", ["a1", "b"]),
            ("＃日本語 #東京・大阪 #スーパー", ["日本語", "東京・大阪", "スーパー"]),
            ("#café #cafe\u0301", ["café"]),
            ("#नमस्ते #ภาษาไทย #தமிழ்", ["नमस्ते", "ภาษาไทย".replace("ำ", "ํา"), "தமிழ்"]),
            ("#می\u200cخواهم", ["میخواهم"]),
            ("#Straße #STRASSE", ["strasse"]),
            ("#İstanbul #istanbul #ISTANBUL #ıstanbul #i\u0307stanbul", ["istanbul"]),
            ("#٢٠٢٤سنة #2024سنة", ["2024سنة"]),
            ("#2024年 #1a #a_b", ["2024年", "1a", "a_b"]),
            ("#l·l", ["l·l"]),
            ("#tag\u200d #tag·", ["tag"]),
            ("☕️#tea #️⃣#tag #one1️⃣", ["tea", "tag", "one"]),
        ],
    )
    def test_are_words_of_any_script_after_a_number_sign(self, source: str, expected: list[str]) -> None:
        assert keys(source) == expected

    @pytest.mark.parametrize(
        "source",
        [
            "#1",
            "#2024",
            "#_",
            "#²",
            "# x",
            "##x",
            "a#b",
            "の#タグ",
            "&#39;",
            "/#x",
            "#️⃣",
            "#👍",
            "#" + "a" * 101,
            "#",
        ],
    )
    def test_are_not_numbers_nor_parts_of_words(self, source: str) -> None:
        assert keys(source) == []

    def test_keep_the_form_that_was_written(self) -> None:
        assert parse("#FirstPost").entities == (Hashtag(0, 10, "firstpost", "FirstPost"),)

    @given(st.text(max_size=40))
    def test_have_a_key_that_is_its_own_key(self, name: str) -> None:
        key = text.hashtag_key(name)
        if key is not None:
            assert text.hashtag_key(key) == key
            assert keys(f"#{key}") == [key]


class TestLinks:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("http://example.com", "http://example.com"),
            ("HTTPS://Example.COM/Path", "https://example.com/Path"),
            ("see https://example.com/a, b", "https://example.com/a"),
            ("https://example.com/?q=1&r=2#top.", "https://example.com/?q=1&r=2#top"),
            ("(https://example.com/a)", "https://example.com/a"),
            (
                "https://en.wikipedia.org/wiki/Set_(mathematics)",
                "https://en.wikipedia.org/wiki/Set_(mathematics)",
            ),
            ("(https://example.com/a_(b)_c).", "https://example.com/a_(b)_c"),
            ("[https://example.com/[x]]", "https://example.com/[x]"),
            ("<https://example.com/>", "https://example.com/"),
            ('"https://example.com/"', "https://example.com/"),
            ("https://example.com:8080/x", "https://example.com:8080/x"),
            ("https://example.com?x", "https://example.com?x"),
            ("http://localhost:8000/", "http://localhost:8000/"),
            ("http://127.0.0.1/", "http://127.0.0.1/"),
            ("https://bücher.de/ä", "https://xn--bcher-kva.de/%C3%A4"),
            ("https://пример.рф", "https://xn--e1afmkfd.xn--p1ai"),
            ("見てhttps://example.comを", "https://example.com"),
            ("「https://example.com/日本」", "https://example.com/%E6%97%A5%E6%9C%AC"),
            ("https://example.com/%20%zz", "https://example.com/%20%zz"),
            ("https://example.com\\@evil.example/", "https://example.com"),
            ("https://example.com/a\u202eb", "https://example.com/ab"),
            ("https://example.com/a\u2066b", "https://example.com/a"),
            ("https://ｅｘａｍｐｌｅ.com/", "https://example.com/"),
            ("https://exa_mple.com", "https://exa_mple.com"),
            ("https://foo-.example.com/", "https://foo-.example.com/"),
            ("https://-a.com", "https://-a.com"),
            ("https://i❤.ws/", "https://xn--i-7iq.ws/"),
            ("https://example.org's page", "https://example.org"),
            ("https://example.org--see", "https://example.org"),
            ("1️⃣https://example.org", "https://example.org"),
            ("ßhttps://example.org", "https://example.org"),
            ("#日https://example.org", "https://example.org"),
        ],
    )
    def test_are_addresses_of_the_web(self, source: str, expected: str) -> None:
        assert urls(source) == [expected]

    @pytest.mark.parametrize(
        "source",
        [
            "javascript:alert(1)",
            "ftp://example.com",
            "data:text/html,x",
            "httpſ://example.com",
            "xhttp://example.com",
            "http://",
            "https:///path",
            "https://host",
            "https://.com",
            "https://a..com",
            "https://ex%61mple.com",
            "https://1.2.3",
            "https://a.0x7f",
            "https://example.com:0/",
            "https://example.com:99999/",
            "https://example.com:x/",
            "https://" + "a" * 64 + ".com",
            "https://example.com/" + "a" * 2048,
            "https://google.com@evil.example/",
            "https://user:password@example.com/",
        ],
    )
    def test_are_nothing_else(self, source: str) -> None:
        assert parse(source).links == ()

    def test_leave_no_mention_or_tag_behind(self) -> None:
        assert found("https://example.com/@bob#x https://a.example@bob/#x") == ["https://example.com/@bob#x"]

    @given(posts())
    def test_are_safe_to_put_anywhere(self, source: str) -> None:
        for link in parse(source).links:
            assert link.url.isascii()
            assert link.url.startswith((f"http://{link.host}", f"https://{link.host}"))
            assert not set(link.url) & set(' <>"\\\n\t`')


class TestLength:
    @pytest.mark.parametrize(
        ("source", "length"),
        [
            ("", 0),
            ("hello", 5),
            ("héllo", 5),
            ("he\u0301llo", 5),
            ("👩‍👩‍👧", 1),
            ("🇫🇷🇩🇪", 2),
            ("👍🏽", 1),
            ("नमस्ते", 3),
            ("日本語", 3),
            ("한국어", 3),
            ("한국", 2),
            ("one\r\ntwo", 7),
            ("https://example.com/" + "x" * 500, 23),
            ("http://a.de", 23),
            ("see https://example.com/ and https://example.org/", 4 + 23 + 5 + 23),
            ("@bob", 4),
            ("@bob@social.example", 4),
            ("(@bob@social.example)", 6),
            ("#tag", 4),
            ("©\u200d®", 1),
        ],
    )
    def test_is_what_a_reader_counts(self, source: str, length: int) -> None:
        assert text.length(source) == length

    def test_cannot_be_cheated_by_stacking_into_one_cluster(self) -> None:
        assert text.length("👩\u200d" * 8000) >= 1000
        assert text.length("\u1100" * 8000) >= 500

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
    def test_takes_no_short_cut_that_shows(self, source: str) -> None:
        clusters = counting.clusters(source)
        assert "".join(clusters) == source
        assert counting.graphemes(source) == sum(
            -(-len(cluster) // counting.CLUSTER_LIMIT) for cluster in clusters
        )

    @given(
        st.lists(st.sampled_from("a é\u0301\u200d👩🇫🇷©®‼क्षि가\u1100\u1161\u11a8\u0600あﾞ\n\r\u200b\ufe0f🏽"))
    )
    def test_takes_no_short_cut_where_clusters_are_made(self, letters: list[str]) -> None:
        source = "".join(letters)
        clusters = counting.clusters(source)
        assert counting.graphemes(source) == sum(
            -(-len(cluster) // counting.CLUSTER_LIMIT) for cluster in clusters
        )

    @given(posts(), posts())
    def test_adds_up(self, one: str, other: str) -> None:
        one, other = text.normalise(one), text.normalise(other)
        together = text.length(f"{one}\n\n{other}")
        assert together <= text.length(one) + text.length(other) + 2


class TestOneLine:
    @pytest.mark.parametrize(
        ("source", "limit", "line"),
        [
            ("one\n\ntwo\tthree", 50, "one two three"),
            ("Subject\r\nBcc: all@example.com", 50, "Subject Bcc: all@example.com"),
            ("a\u2028b\x85c\x0bd\x1b[2Je", 50, "a b c d[2Je"),
            ("x\u202eevil\u2066y\u200f", 50, "xevily"),
            ("abcdef", 6, "abcdef"),
            ("abcdef", 5, "abcd…"),
            ("abc def", 5, "abc…"),
            ("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 2, "👩‍👩‍👧…"),
            ("", 10, ""),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ],
    )
    def test_is_one_and_short(self, source: str, limit: int, line: str) -> None:
        assert text.one_line(source, limit) == line

    def test_is_read_only_as_far_as_a_line_can_reach(self) -> None:
        assert text.one_line("x" + " " * 1_000_000 + "y", 50) == "x"

    @given(posts(), st.integers(1, 60))
    def test_can_forge_nothing(self, source: str, limit: int) -> None:
        line = text.one_line(source, limit)
        assert len(line.splitlines()) <= 1
        assert counting.graphemes(line) <= limit
        assert not any(unicodedata.category(character) == "Cc" for character in line)
        assert not any(
            unicodedata.bidirectional(character) in {"RLO", "LRO", "RLE", "LRE", "PDF"} for character in line
        )


@pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_read_like_any_other(source: str) -> None:
    parsed = parse(source)
    text.length(parsed)
    text.one_line(source, 80)
    end = 0
    for entity in parsed.entities:
        assert end <= entity.start < entity.end <= len(parsed.text)
        end = entity.end


def test_an_entity_knows_its_kind() -> None:
    kinds = [type(entity) for entity in parse("@bob #tag https://example.com").entities]
    assert kinds == [Mention, Hashtag, Link]


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\r", "\r\n", "\n"])
def test_every_line_separator_keeps_words_apart(separator: str) -> None:
    assert text.normalise(f"one{separator}two") == "one\ntwo"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("   one line  ", "one line"),
        ("   first\nsecond", "   first\nsecond"),
        ("\n \n\t  first\n  second\n\n", "\t  first\n  second"),
        ("   \n", ""),
        ("  only\n   ", "only"),
    ],
)
def test_first_of_several_lines_keeps_its_indentation(written: str, stored: str) -> None:
    assert text.normalise(written) == stored
    assert text.normalise(stored) == stored
