"""Parameters, however clients write them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from microblog.web.api import parameters
from microblog.web.api.parameters import Id, nest


class Inner(Struct, kw_only=True):
    name: str = ""
    flag: bool | None = None


class Shape(Struct, kw_only=True):
    text: str = ""
    number: Annotated[int, Meta(le=10)] = 3
    flag: bool = False
    maybe: bool | None = None
    id: Id | None = None
    ids: tuple[Id, ...] = ()
    names: tuple[str, ...] = ()
    inner: Inner | None = None
    many: list[Inner] | None = None


def read(raw: dict[str, Any]) -> Shape:
    """As ``parse`` does, without a request."""
    return msgspec.convert(parameters._coerce(raw, parameters._info(Shape)), Shape, strict=False)


@pytest.mark.parametrize(
    ("pairs", "nested"),
    [
        ([("a", "1"), ("a", "2")], {"a": "2"}),
        ([("a[]", "1"), ("a[]", "2")], {"a": ["1", "2"]}),
        ([("a[0]", "1"), ("a[1]", "2")], {"a": {"0": "1", "1": "2"}}),
        ([("a[b]", "1")], {"a": {"b": "1"}}),
        ([("a[][b]", "1"), ("a[][c]", "2"), ("a[][b]", "3")], {"a": [{"b": "1", "c": "2"}, {"b": "3"}]}),
        ([("a[0][b]", "1")], {"a": {"0": {"b": "1"}}}),
        ([("a", "1"), ("a[]", "2")], {"a": ["2"]}),
        ([("a[", "1"), ("]", "2")], {"a[": "1", "]": "2"}),
    ],
)
def test_bracketed_names_are_nests(pairs: list[tuple[str, str]], nested: dict[str, Any]) -> None:
    assert nest(pairs) == nested


@given(st.lists(st.tuples(st.text("ab[]01", max_size=12), st.text(max_size=3)), max_size=12))
def test_no_name_breaks_it(pairs: list[tuple[str, str]]) -> None:
    assert isinstance(nest(pairs), dict)


@pytest.mark.parametrize("written", ["true", "1", "on", "TRUE", "t", True, 1])
def test_yes_has_many_spellings(written: Any) -> None:
    assert read({"flag": written, "maybe": written}) == Shape(flag=True, maybe=True)


@pytest.mark.parametrize("written", ["false", "0", "off", "False", "f", False, 0])
def test_so_has_no(written: Any) -> None:
    assert read({"flag": written, "maybe": written}) == Shape(flag=False, maybe=False)


def test_nothing_is_the_default() -> None:
    assert read({"number": "", "flag": "", "maybe": "", "id": "", "ids": "", "inner": ""}) == Shape()


def test_null_is_not_given_where_there_is_a_default() -> None:
    nothing = {
        "text": None,
        "number": None,
        "flag": None,
        "maybe": None,
        "ids": None,
        "inner": {"name": None},
    }
    assert read(nothing) == Shape(inner=Inner())


def test_one_does_where_many_are_wanted() -> None:
    assert read({"ids": "7", "names": "a"}) == Shape(ids=(7,), names=("a",))
    assert read({"ids": {"1": "8", "0": "7"}, "names": ["a", ""]}) == Shape(ids=(7, 8), names=("a",))


def test_nests_have_types_too() -> None:
    assert read({"inner": {"flag": "on"}}).inner == Inner(flag=True)
    assert read({"many": {"0": {"name": "a"}, "1": {"name": "b"}}}).many == [Inner(name="a"), Inner(name="b")]
    assert read({"many": [{"name": 5}]}).many == [Inner(name="5")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": "11"},
        {"number": "ten"},
        {"flag": "perhaps"},
        {"id": "-1"},
        {"id": "9223372036854775808"},
        {"id": "x"},
        {"inner": "x"},
        {"text": {"a": "b"}},
        {"ids": {"9" * 5000: "7"}},
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(wrong)
