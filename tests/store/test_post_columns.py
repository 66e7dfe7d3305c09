"""A new column of posts needs a change in two places: a record and the list of columns beside the statements."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from msgspec.structs import fields

import microblog
from microblog.domain.posts import Post
from microblog.store.posts import columns, writing

PACKAGE = Path(microblog.__file__).parent
#: Columns that few other statements have a reason to name. A text with all of them repeats the list.
TELLING = {"summary", "sensitive", "language", "created_at"}


def test_statements_write_exactly_the_fields_of_a_new_post() -> None:
    assert {each.name for each in fields(writing.NewPost)} == {*writing._COLUMNS, *writing._OTHER_FIELDS}


def test_edits_write_exactly_the_fields_of_the_content() -> None:
    assert {each.name for each in fields(writing.PostContent)} == set(writing._CONTENT)


def test_each_column_that_is_read_is_a_field_of_a_post() -> None:
    read = {*columns._COLUMNS, *columns._FLAGS}
    assert read <= set(Post.__dataclass_fields__)
    assert set(Post.__dataclass_fields__) - read == {"author", "boost_of", "former_mentions"}


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_no_statement_repeats_the_columns(path: Path) -> None:
    texts = [
        each.value
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    repeated = [text for text in texts if "SELECT" in text and all(column in text for column in TELLING)]
    # An edit stores the version that it replaces in `post_edits`, which has fewer columns.
    assert [text for text in repeated if "post_edits" not in text] == []
