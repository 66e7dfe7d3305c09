"""One form of a host to compare, one to show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.errors import InvalidInput
from microblog.domain.hosts import host, shown_host


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("example.com", "example.com"),
        (" EXAMPLE.Com. ", "example.com"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("BÜCHER.DE", "xn--bcher-kva.de"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("XN--BCHER-KVA.de", "xn--bcher-kva.de"),
        ("ｅｘａｍｐｌｅ。com", "example.com"),
        ("faß.de", "xn--fa-hia.de"),
        ("exam\u00adple\u200b.com", "example.com"),  # UTS #46 maps what is invisible to nothing
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("a-b.example", "a-b.example"),
    ],
)
def test_spellings_of_a_host_are_one(raw: str, canonical: str) -> None:
    assert host(raw) == canonical


@pytest.mark.parametrize(
    "raw",
    [
        "",
        ".",
        "a..b",
        ".a",
        "-a.com",
        "a-.com",
        "a_b.com",
        "a b.com",
        "a.com/x",
        "a.com:80",
        "user@a.com",
        "[::1]",
        "a\x00.com",
        "a.com\n.b",
        "xn--a.com",
        "xn--.com",
        "256.1.1.1",
        "1.2.3",
        "010.1.1.1",
        "2130706433",
        "0x7f.0.0.0x1",
        "a" * 64 + ".com",
        "a." * 130 + "com",
        "ä" * 300,
        "💩.la",
    ],
)
def test_what_is_no_host_is_refused(raw: str) -> None:
    with pytest.raises(InvalidInput):
        host(raw)


@given(st.text(max_size=80))
def test_the_form_is_its_own_form(raw: str) -> None:
    try:
        canonical = host(raw)
    except InvalidInput:
        return
    assert canonical.isascii()
    assert host(canonical) == canonical
    assert host(shown_host(canonical)) == canonical


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("example.com", "example.com"),
        ("bücher.de", "bücher.de"),
        ("пример.рф", "пример.рф"),
        ("яндекс.com", "яндекс.com"),
        ("東京アニメ.jp", "東京アニメ.jp"),
        ("한국.kr", "한국.kr"),
        ("مثال.إختبار", "مثال.إختبار"),
    ],
)
def test_honest_hosts_are_shown_in_their_letters(written: str, shown: str) -> None:
    assert shown_host(host(written)) == shown


@pytest.mark.parametrize(
    "written", ["аррӏе.com", "gооgle.com", "paypаl.com", "ѕсоре.com", "οοο.com", "exampleノ.com"]
)
def test_look_alikes_are_shown_as_what_they_are(written: str) -> None:
    assert shown_host(host(written)).startswith("xn--")
