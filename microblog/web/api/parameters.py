"""The parameters of an endpoint, from the query and the body of a request.

Clients of the Mastodon protocol send parameters in the query, urlencoded, as multipart or as JSON, with every method,
and nest them as Rails does::

    types[]=mention&types[]=follow              types: [mention, follow]
    fields_attributes[0][name]=Site             fields_attributes: {0: {name: Site}}
    source[privacy]=unlisted                    source: {privacy: unlisted}
    keywords_attributes[][keyword]=a            a list of objects; a repeated key starts the next one

``parse`` converts them to the msgspec Struct of the endpoint, which declares types, bounds and defaults. Booleans are
``true``, ``1``, ``on`` and their opposites. A single value is accepted as a list. As in Rails, a value of the wrong
kind counts as absent: an empty text or ``undefined`` for a number or an object, a cursor above 2**63, ``null`` for a
field with a default. Only a missing required field, an invalid id of an object to act on, or an unknown word for a
field with fixed words is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec import inspect as shapes

from microblog.domain.errors import InvalidInput
from microblog.domain.ids import MAX_ID
from microblog.domain.posts import Span
from microblog.http.forms import MalformedRequest, Upload

if TYPE_CHECKING:
    from microblog.http.request import Request

T = TypeVar("T")

_ID_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": "^[0-9]{1,18}$",
    "examples": ["116543210987654321"],
}
_STRICT: Final = "strict"
#: An id: a text of digits in JSON, a number here. An invalid id is an error, so that no reply loses its parent.
Id = Annotated[
    int,
    Meta(ge=0, le=MAX_ID, description="An id.", extra_json_schema=_ID_SCHEMA, extra={_STRICT: True}),
]
#: An id that says where a listing begins. An invalid id is ignored, and the listing begins at its start.
Cursor = Annotated[int, Meta(ge=0, le=MAX_ID, description="An id.", extra_json_schema=_ID_SCHEMA)]

#: Characters of the longest text of any parameter. Longer posts are refused by a rule of their own.
_LONGEST: Final = 200_000
_DEEPEST: Final = 4
_NESTED: Final = 8  #: objects and lists within each other
_ITEMS: Final = 1000  #: of all lists of a request together
_NO_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
_KEY: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_INDEX: Final = re.compile(r"[0-9]{1,9}")
_PART: Final = re.compile(r"\[([^\[\]]*)\]")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_TRUE: Final = frozenset({"true", "1", "on", "yes", "t"})
_FALSE: Final = frozenset({"false", "0", "off", "no", "f"})


class Nothing(Struct, frozen=True):
    """No parameters; or, as an answer, ``{}``."""


class Paging(Struct, kw_only=True):
    """A part of a listing, by ids: below ``max_id``, above ``since_id`` (the newest of them), just above ``min_id``."""

    MOST: ClassVar[int] = 40

    max_id: Annotated[Cursor | None, Meta(description="Only what is older than this.")] = None
    since_id: Annotated[
        Cursor | None, Meta(description="Only what is newer than this, from the newest on.")
    ] = None
    min_id: Annotated[
        Cursor | None, Meta(description="Only what is newer than this, from the oldest on.")
    ] = None
    limit: Annotated[int, Meta(description="How many at most; above the highest it is the highest.")] = 20

    @property
    def span(self) -> Span:
        return Span(self.max_id, self.since_id, self.min_id, clamped(self.limit, self.MOST))


class AccountPaging(Paging, kw_only=True):
    """The same for lists of people, of which more fit on a page."""

    MOST: ClassVar[int] = 80

    limit: Annotated[int, Meta(description="How many at most; above 80 it is 80.")] = 40


def clamped(limit: int, most: int) -> int:
    """Return a limit from 1 to ``most``."""
    return max(1, min(limit, most))


def parse(request: Request, shape: type[T]) -> T:
    """Return the parameters of a request as ``shape``.

    Raises InvalidInput (422) if they don't fit, MalformedRequest (400) if they can't be read.
    """
    return convert(raw_parameters(request), shape)


def convert(raw: dict[str, Any], shape: type[T]) -> T:
    """Return ``raw`` as ``shape``. Raises InvalidInput, which names the field, if it does not fit."""
    try:
        return msgspec.convert(_read(raw, _info(shape)), shape, strict=False)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        field = path.strip("`.").partition(".")[0].partition("[")[0] or None
        if (missing := _MISSING.fullmatch(text)) is not None:
            field = field or missing[1]
            raise InvalidInput(f"{missing[1]} is missing.", field, "blank") from error
        subject = f"{field}: " if field else ""
        raise InvalidInput(f"{subject}{text.replace('`', '')}.", field) from error


#: The names of fields in services, and the names of their parameters in the protocol.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("status",),
    "summary": ("spoiler_text",),
    "bio": ("note",),
    "fields": ("fields_attributes",),
    "language": ("source",),
    "default_visibility": ("source",),
    "contexts": ("context",),
    "keyword": ("phrase", "keywords_attributes", "title"),
    "title": ("phrase",),
    "action": ("filter_action",),
}


def named(field: str | None, shape: type[Any]) -> str | None:
    """Return the parameter of ``shape`` for a service's ``field``, or the field itself if there is none."""
    known = {each.encode_name for each in msgspec.structs.fields(shape)}
    if field is None or field in known:
        return field
    return next((each for each in _NAMES.get(field, ()) if each in known), field)


def raw_parameters(request: Request) -> dict[str, Any]:
    """Return the query and the body as one nested dict. The body takes precedence."""
    pairs: list[tuple[str, Any]] = list(request.query)
    body: Any = {}
    if request.body:
        kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json"):
            body = request.json()
            if body is None:
                body = {}
            if not isinstance(body, dict):
                raise MalformedRequest("The body has to be a JSON object.")
        else:
            pairs += list(request.form)
            # A browser sends a part without a name where no file was chosen.
            pairs += [(name, file) for name, file in request.form.files if file.name or file.data]
    nested = nest(pairs)
    nested.update(body)
    _check(nested, request.route.key_limit)
    return nested


def nest(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Convert Rails' bracketed names to nested dicts and lists. The last value of a repeated name counts."""
    made: dict[str, Any] = {}
    for name, value in pairs:
        found = _KEY.fullmatch(name)
        parts = _PART.findall(found[2]) if found else []
        if found is None or len(parts) > _DEEPEST:
            made[name] = value
            continue
        _put(made, found[1], parts, value)
    return made


def _put(made: dict[str, Any], name: str, parts: list[str], value: Any) -> None:
    if not parts:
        made[name] = value
        return
    part, *rest = parts
    if part:
        inner = made.setdefault(name, {})
        if not isinstance(inner, dict):
            inner = made[name] = {}
        _put(inner, part, rest, value)
        return
    items = made.setdefault(name, [])
    if not isinstance(items, list):
        items = made[name] = []
    if not rest or not rest[0]:
        items.append(value)
        return
    if not items or not isinstance(items[-1], dict) or (len(rest) == 1 and rest[0] in items[-1]):
        items.append({})
    _put(items[-1], rest[0], rest[1:], value)


def _check(nested: dict[str, Any], most_keys: int) -> None:
    """Check the number, depth and characters of nested values.

    The database can store neither NUL nor lone surrogates. Raises InvalidInput, which names the parameter.
    """
    keys = items = 0
    waiting: list[tuple[Any, int, str | None]] = [(nested, 0, None)]
    while waiting:
        each, depth, field = waiting.pop()
        if isinstance(each, str):
            if len(each) > _LONGEST:
                raise InvalidInput("A text of the request is too long.", field, "too_long")
            if _NO_TEXT.search(each):
                raise InvalidInput(
                    "A text of the request has a character that no text has: NUL, or half of one.", field
                )
        elif isinstance(each, dict):
            keys += len(each)
            if keys > most_keys:
                raise InvalidInput(f"The request has too many parameters: {most_keys} are the most.")
            waiting.extend((key, depth, field) for key in each)
            waiting.extend((inner, depth + 1, field or key) for key, inner in each.items())
        elif isinstance(each, list):
            items += len(each)
            if items > _ITEMS:
                raise InvalidInput(
                    f"The lists of the request are too long: {_ITEMS} items are the most.", field
                )
            waiting.extend((inner, depth + 1, field) for inner in each)
        if depth > _NESTED:
            raise InvalidInput("The parameters of the request are nested too deeply.", field)


_infos: Final[dict[type[Any], shapes.Type]] = {}


def _info(shape: type[Any]) -> shapes.Type:
    found = _infos.get(shape)
    if found is None:
        found = _infos[shape] = shapes.type_info(shape)
    return found


class _Unreadable:
    """The type of :data:`UNREADABLE`."""


#: Stands for a value of the wrong kind, such as ``undefined`` for a number or an object.
UNREADABLE: Final = _Unreadable()


def _read(value: Any, wanted: shapes.Type) -> Any:
    """Return ``value`` converted to the kind of ``wanted``, or ``UNREADABLE``.

    msgspec refuses values of the right kind that don't fit, such as an unknown word.
    """
    while isinstance(wanted, shapes.Metadata):
        if wanted.extra is not None and _STRICT in wanted.extra and not isinstance(value, dict | list):
            read = _read(value, wanted.type)
            return value if read is UNREADABLE else read
        wanted = wanted.type
    if isinstance(wanted, shapes.UnionType):
        return _read_union(value, wanted)
    if isinstance(wanted, shapes.BoolType):
        return _boolean(value)
    if isinstance(wanted, shapes.IntType):
        return _number(value, wanted)
    if isinstance(wanted, shapes.StrType | shapes.LiteralType | shapes.EnumType):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        return value if isinstance(value, str | bool | None) else UNREADABLE
    if isinstance(wanted, shapes.ListType | shapes.VarTupleType | shapes.SetType):
        # `media_ids[]=` is how a form says "none".
        given = [each for each in _items(value) if each != ""]
        items = [
            item for each in given if (item := _read(each, _lenient(wanted.item_type))) is not UNREADABLE
        ]
        return UNREADABLE if given and not items else items
    if isinstance(wanted, shapes.StructType):
        return _read_struct(value, wanted) if isinstance(value, dict) else UNREADABLE
    if isinstance(wanted, shapes.DictType):
        if not isinstance(value, dict):
            return UNREADABLE
        read = {name: _read(each, wanted.value_type) for name, each in value.items()}
        return {name: each for name, each in read.items() if each is not UNREADABLE}
    return value


def _read_struct(value: dict[str, Any], wanted: shapes.StructType) -> dict[str, Any]:
    """Return the fields of ``wanted``. An unreadable, empty or null value counts as absent.

    A required field keeps the sent value, so that the error can describe it.
    """
    read = {}
    for field in wanted.fields:
        name, kind = field.encode_name, field.type
        if name not in value:
            continue
        given = value[name]
        if not field.required and (
            (given == "" and not _takes_text(kind)) or (given is None and not _takes_null(kind))
        ):
            continue
        made = _read(given, kind)
        if made is not UNREADABLE:
            read[name] = made
        elif field.required:
            read[name] = given
    return read


def _lenient(kind: shapes.Type) -> shapes.Type:
    """Return the kind of a list's items. Unreadable items are dropped."""
    while isinstance(kind, shapes.Metadata):
        kind = kind.type
    return kind


def _read_union(value: Any, wanted: shapes.UnionType) -> Any:
    if value is None:
        return None
    kinds = [each for each in wanted.types if not isinstance(each, shapes.NoneType)]
    if value == "" and not any(_takes_text(each) for each in kinds):
        return None
    return _read(value, kinds[0]) if len(kinds) == 1 else value


def _number(value: Any, wanted: shapes.IntType) -> Any:
    written = isinstance(value, str) and _NUMBER.fullmatch(value.strip()) is not None
    if written or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MAX_ID:
        return UNREADABLE
    # An id is a number below 2**63; what is none names nothing.
    return UNREADABLE if wanted.le == MAX_ID and value < 0 else value


def _takes_text(kind: shapes.Type) -> bool:
    while isinstance(kind, shapes.Metadata):
        kind = kind.type
    if isinstance(kind, shapes.UnionType):
        return any(_takes_text(each) for each in kind.types)
    return isinstance(kind, shapes.StrType)


def _takes_null(kind: shapes.Type) -> bool:
    while isinstance(kind, shapes.Metadata):
        kind = kind.type
    if isinstance(kind, shapes.UnionType):
        return any(_takes_null(each) for each in kind.types)
    return isinstance(kind, shapes.NoneType | shapes.AnyType)


def _boolean(value: Any) -> Any:
    if isinstance(value, str):
        lower = value.strip().lower()
        return True if lower in _TRUE else False if lower in _FALSE else UNREADABLE
    return bool(value) if isinstance(value, int) and value in (0, 1) else UNREADABLE


def _items(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    if isinstance(value, dict):
        numbered = [
            (int(key), each) for key, each in value.items() if isinstance(key, str) and _INDEX.fullmatch(key)
        ]
        return [each for _, each in sorted(numbered, key=lambda pair: pair[0])] if numbered else [value]
    return value if isinstance(value, list) else [value]


__all__ = [
    "AccountPaging",
    "Cursor",
    "Id",
    "Nothing",
    "Paging",
    "Upload",
    "clamped",
    "nest",
    "parse",
    "raw_parameters",
]
