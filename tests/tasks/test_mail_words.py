"""The words of mails stand apart where tags meet them."""

from __future__ import annotations

import re

import pytest
from lxml.html import document_fromstring

from microblog.runtime.resources import templates_dir

SOURCES = sorted((templates_dir() / "mail").glob("*.html"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_block_swallows_the_line_break_before_a_link(path: object) -> None:
    source = path.read_text()  # type: ignore[attr-defined]
    assert not re.search(r"end(?:trans|if|for) %\}\n(?:<a |<bdi|\{\{|[A-Za-z])", source)
    assert document_fromstring(source) is not None
