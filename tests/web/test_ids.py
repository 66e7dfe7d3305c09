"""Ids that came with a request."""

from __future__ import annotations

import pytest

from microblog.domain.errors import NotFound
from microblog.domain.ids import MAX_ID
from microblog.web.ids import sent_id


def test_an_id_is_a_number() -> None:
    assert sent_id("116543210987654321") == 116543210987654321
    assert sent_id(str(MAX_ID)) == MAX_ID


@pytest.mark.parametrize("text", ["", "0x1", "-1", "1.0", "one", "９", str(MAX_ID + 1), "1" * 5000])
def test_invalid_id_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        sent_id(text)
