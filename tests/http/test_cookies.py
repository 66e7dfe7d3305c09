"""Flash messages in a cookie that browsers accept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.http.cookies import Cookies

COOKIES = Cookies(secure=True, secret=b"a secret of the tests, long enough", seconds=lambda: 1000.0)


def shown(line: str) -> list[str]:
    name, _, rest = line.partition("=")
    return COOKIES.flashes({name: rest.partition(";")[0]})


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=2000), max_size=12))
def test_any_flash_messages_fit_a_cookie(texts: list[str]) -> None:
    line = COOKIES.set_flashes(texts)
    assert len(line) < 4096
    messages = shown(line)
    assert messages == [text[:300] for text in texts][len(texts) - len(messages) :]
    assert bool(messages) == bool(texts)


@pytest.mark.parametrize("character", ["x", "ü", "雪", "👩‍👩‍👧‍👦", "\x01", '"', "\\"])
def test_oldest_flash_messages_are_dropped_first(character: str) -> None:
    texts = [f"{number}{character * 400}" for number in range(8)]
    messages = shown(COOKIES.set_flashes(texts))
    assert messages[-1] == texts[-1][:300]
    assert [each[0] for each in messages] == [str(number) for number in range(8 - len(messages), 8)]


def test_flash_message_with_a_foreign_signature_is_not_shown() -> None:
    other = Cookies(secure=True, secret=b"another secret of the tests", seconds=lambda: 1000.0)
    assert shown(other.set_flashes(["Send your password to evil@example.org"])) == []
