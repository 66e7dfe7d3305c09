"""Parameters, however clients write them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from microblog.domain.errors import InvalidInput
from microblog.web.api import parameters
from microblog.web.api.parameters import Cursor, Id, nest


class Inner(Struct, kw_only=True):
    name: str = ""
    flag: bool | None = None


class Shape(Struct, kw_only=True):
    text: str = ""
    number: Annotated[int, Meta(le=10)] = 3
    flag: bool = False
    maybe: bool | None = None
    cursor: Cursor | None = None
    id: Id | None = None
    ids: tuple[Id, ...] = ()
    names: tuple[str, ...] = ()
    inner: Inner | None = None
    many: list[Inner] | None = None


def read(raw: dict[str, Any]) -> Shape:
    """As ``parse`` does, without a request."""
    return parameters.convert(raw, Shape)


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


KINDS: dict[str, list[Any]] = {
    "text": [{"a": "b"}, ["a"], [], {}],
    "number": ["ten", "1e3", "0x1", "undefined", "9" * 30, [1], {"a": 1}, True, 1.5],
    "flag": ["perhaps", "undefined", 2, ["true"], {}],
    "maybe": ["undefined", 7],
    "cursor": [
        "-1",
        "9223372036854775808",
        "x",
        "undefined",
        "null",
        "NaN",
        -1,
        2**63,
        1.5,
        ["1"],
        {"a": "1"},
        "1" * 5000,
    ],
    "ids": ["x", ["x", "undefined"], {"9" * 5000: "7"}, {"a": {"b": "c"}}],
    "inner": ["undefined", "[object Object]", 1, ["a"], [{"name": "a"}], True],
    "many": ["undefined", ["undefined"], 1, [1, 2], True],
    "names": [[{"a": "b"}], {"0": {"a": "b"}}],
    "unknown": ["x", {"a": {"b": ["c"]}}],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in KINDS for value in KINDS[name]])
def test_value_of_another_kind_counts_as_not_given(name: str, value: Any) -> None:
    assert read({name: value}) == Shape()


@pytest.mark.parametrize("name", sorted(set(Shape.__struct_fields__) - {"id"}))
@pytest.mark.parametrize(
    "value", ["undefined", "null", "NaN", "[object Object]", "", None, {}, [], "\ufeff", "9" * 4000]
)
def test_nothing_that_a_script_sends_for_nothing_is_an_error(name: str, value: Any) -> None:
    assert isinstance(read({name: value}), Shape)
    assert isinstance(read({"inner": {name: value}, "many": [{name: value}]}), Shape)


@given(
    st.dictionaries(
        st.sampled_from(Shape.__struct_fields__),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
        ),
    )
)
def test_whatever_is_sent_is_read_or_refused(raw: dict[str, Any]) -> None:
    field = ""
    try:
        read(raw)
    except InvalidInput as error:
        field = error.field or "none"
    assert field in ("", *Shape.__struct_fields__)


def test_readable_items_of_a_list_stay() -> None:
    assert read({"ids": ["x", "7", "-1", "8"]}).ids == (7, 8)
    assert read({"many": ["undefined", {"name": "a"}]}).many == [Inner(name="a")]


class Needs(Struct, kw_only=True):
    id: Id
    word: Literal["one", "two"] = "one"


@pytest.mark.parametrize(
    ("raw", "field", "reason"),
    [
        ({}, "id", "blank"),
        ({"id": "undefined"}, "id", "invalid"),
        ({"id": str(2**63)}, "id", "invalid"),
        ({"id": "1", "word": "three"}, "word", "invalid"),
    ],
)
def test_required_fields_and_unknown_words_are_errors_that_name_the_field(
    raw: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        parameters.convert(raw, Needs)
    assert (caught.value.field, caught.value.reason) == (field, reason)
    assert field in caught.value.text


@pytest.mark.parametrize("value", ["undefined", "x", "-1", str(2**63), -1, True])
def test_id_that_names_what_to_act_on_is_never_ignored(value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        read({"id": value})
    assert caught.value.field == "id"


def test_number_above_its_bound_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        read({"number": "11"})
    assert caught.value.field == "number"
