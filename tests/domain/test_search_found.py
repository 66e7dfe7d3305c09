"""Documents and queries meet in a real PostgreSQL."""

from collections.abc import Callable, Iterator

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microblog.domain.search import document, query
from tests.database import Cluster
from tests.domain.corpora import HOSTILE, posts

Matches = Callable[[str, str], bool]


@pytest.fixture(scope="module")
def matches(cluster: Cluster) -> Iterator[Matches]:
    """Whether PostgreSQL finds a text by a query. Blocking: these are many small questions, one after the other."""
    connection = psycopg2.connect(cluster.database("postgres"))
    connection.autocommit = True
    cursor = connection.cursor()

    def ask(text: str, typed: str) -> bool:
        cursor.execute(
            "SELECT to_tsvector('simple', %s) @@ to_tsquery('simple', %s)", (document(text), query(typed))
        )
        row = cursor.fetchone()
        assert row is not None
        return bool(row[0])

    yield ask
    connection.close()


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("Hello, World!", "world "),
        ("Hello, World!", "wor"),
        ("Hello, World!", '"hello world"'),
        ("Café crème", "cafe "),
        ("Café crème", "café "),
        ("Café crème", '"café crème"'),
        ("Café crème", '"cafe creme"'),
        ("Łódź", "lodz "),
        ("ёлка", "елка "),
        ("東京都に行きました", "東京"),
        ("東京都に行きました", "京都"),
        ("東京都に行きました", "行"),
        ("東京都に行きました", "た"),
        ("東京都に行きました", "東京都に行きました"),
        ("東京 tower", '"東京 tower"'),
        ("東京tower", "東京tow"),
        ("𠮷野家", "𠮷野"),
        ("서울에서", "서울"),
        ("ภาษาไทยที่นี่", "ไทย"),
        ("नमस्ते दुनिया", "नमस्ते "),
        ("क्षत्रिय", "क्षत्"),
        ("ខ្មែរ ភាសា", "ភាសា"),
        ("မြန်မာဘာသာ", "မာ"),
        ("بالعالم مَدْرَسَة", "مدرسة "),
        ("price 12345", "12345 "),
        ("v1e5 1e5 007 3d", "1e5 "),
        ("١٢٣", "123 "),
        ("#FirstPost", "#firstpost"),
        ("see https://www.example.com/a/b", "example.com"),
        ("tea with lemon", "tea -milk "),
    ],
)
def test_is_found(matches: Matches, text: str, typed: str) -> None:
    assert matches(text, typed)


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("Hello, World!", "wor "),
        ("world hello", '"hello world"'),
        ("cafe", "café "),
        ("東京に都", "京都"),
        ("tea with milk", "tea -milk "),
        ("see https://example.com/secret", "secret "),
        ("anything", "!!!"),
    ],
)
def test_is_not_found(matches: Matches, text: str, typed: str) -> None:
    assert not matches(text, typed)


@pytest.mark.parametrize("typed", HOSTILE, ids=range(len(HOSTILE)))
def test_no_query_is_an_error(matches: Matches, typed: str) -> None:
    matches(typed[:20_000], typed)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    posts(),
    st.one_of(posts(), st.text(max_size=60), st.text("ab\"'-:&|!()<>*\\ 東é\u0301@#\x00", max_size=60)),
)
def test_no_text_and_no_query_is_an_error(matches: Matches, text: str, typed: str) -> None:
    matches(text, typed)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=12), st.sampled_from(["", " "]))
def test_a_word_finds_itself(matches: Matches, word: str, end: str) -> None:
    assert matches(f"before {word} after", word + end) or not query(word)
