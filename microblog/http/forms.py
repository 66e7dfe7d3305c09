"""Forms: the fields of a request, and forms that are shown again with an error.

``parse`` reads a body as ``Fields``, within limits.  A page that rejects a form shows it again with the typed texts and
the error at its field::

    form = FormState(request.form.texts("name", "email"))
    try:
        await microblog.sign_up(…)
    except InvalidInput as error:
        return request.render("pages/sign_up.html", form=form.with_error(error), status=422)

where the template has ``{{ form.value('name') }}`` and ``{{ form.error('name') }}``; ``form.error(None)`` is the error
that belongs to no field.
"""

from __future__ import annotations

import codecs
import re
from binascii import unhexlify
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from microblog.domain.errors import InvalidInput, MicroblogError, TooLarge
from microblog.http.status import HTTPError

TEXT_LIMIT: Final = (
    64 * 1024
)  #: bytes of a JSON body, or of all texts of a form, where a route says nothing else
#: The same for forms with a post: the longest post that the setting ``post_length`` allows, and the other fields.
POST_TEXT_LIMIT: Final = 256 * 1024
#: Bytes of a form whose texts are shown again although they exceed the limit of its route.
SHOWN_LIMIT: Final = 512 * 1024
KEY_LIMIT: Final = 200  #: fields of a query or a form, keys of a JSON body
MAX_PARTS: Final = 64  #: of a multipart body


class MalformedRequest(HTTPError):
    """The request breaks the rules of HTTP or of its format: 400. A well-formed request with bad values gets 422."""

    status = 400
    code = "malformed"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart form.  ``name`` and ``content_type`` come from the client and are not trustworthy."""

    name: str
    content_type: str
    data: bytes = field(repr=False)


class Fields:
    """The fields of a query or form, in order: names with one or more texts each, and files."""

    __slots__ = ("_files", "_pairs")

    def __init__(self, pairs: list[tuple[str, str]], files: list[tuple[str, Upload]] | None = None) -> None:
        self._pairs = pairs
        self._files = files or []

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the last text called ``name``."""
        for key, value in reversed(self._pairs):
            if key == name:
                return value
        return default

    def text(self, name: str) -> str:
        """Return the last text called ``name``, or an empty text."""
        return self.get(name) or ""

    def texts(self, *names: str) -> dict[str, str]:
        """Return the texts of ``names``, empty where a field is missing."""
        return {name: self.text(name) for name in names}

    def all(self, name: str) -> list[str]:
        """Return every text called ``name`` or ``name[]``."""
        return [value for key, value in self._pairs if key == name or key == f"{name}[]"]

    def flag(self, name: str) -> bool:
        """Return whether a box or boolean is set: not missing, empty, ``0``, ``f``, ``false``, ``off`` or ``no``."""
        return (self.get(name) or "").lower() not in _FALSE

    @property
    def files(self) -> list[tuple[str, Upload]]:
        """The names and files, in order."""
        return list(self._files)

    def __contains__(self, name: object) -> bool:
        return any(key == name for key, _ in self._pairs) or any(key == name for key, _ in self._files)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """The pairs, in order."""
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)


_FALSE = frozenset({"", "0", "false", "off", "no", "f"})
_NOTHING = Fields([])


@dataclass(frozen=True, slots=True)
class FormState:
    """The typed values of a form, and the errors by field."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str | None, str] = field(default_factory=dict)

    def value(self, name: str, default: str = "") -> str:
        return self.values.get(name, default)

    def error(self, name: str | None = None) -> str | None:
        return self.errors.get(name)

    def with_error(self, error: MicroblogError) -> FormState:
        """Return the form with an error at its field, or at no field if the form lacks that field."""
        name = getattr(error, "field", None)
        return FormState(self.values, {**self.errors, (name if name in self.values else None): error.text})


def parse(
    content_type: str, body: bytes, *, text_limit: int = TEXT_LIMIT, key_limit: int = KEY_LIMIT
) -> Fields:
    """Return the fields of a body; none for a body that is not a form.

    ``text_limit``: bytes of all texts together.  Only the limit of the whole body applies to files.

    :raises MalformedRequest: the body is broken multipart, not UTF-8, or has too many fields.
    :raises TooLarge: the texts exceed their limit.
    """
    if not body:
        return _NOTHING
    kind, options = parse_options_header(content_type)
    if kind == "application/x-www-form-urlencoded":
        check_size(len(body), text_limit)
        return urlencoded(body, key_limit)
    if kind == "multipart/form-data":
        return _multipart(options.get("boundary", ""), body, text_limit)
    return _NOTHING


def check_size(size: int, limit: int) -> None:
    """Check the size of a text in bytes.

    :raises TooLarge: ``size`` exceeds ``limit``.
    """
    if size > limit:
        raise TooLarge(f"The request is too long: it may hold {limit // 1024} KB of text.")


def parse_json(body: bytes, shape: Any, limit: int) -> Any:
    """Return a JSON body as a value of the type ``shape``.

    :raises MalformedRequest: the body is not JSON.
    :raises InvalidInput: the body does not have the type ``shape``.
    :raises TooLarge: the body exceeds ``limit`` bytes.
    """
    check_size(len(body), limit)
    try:
        return msgspec.json.decode(body.removeprefix(codecs.BOM_UTF8), type=shape)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"The JSON does not fit: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequest("The body is not valid JSON.") from error


def urlencoded(text: bytes, key_limit: int = KEY_LIMIT) -> Fields:
    """Parse ``name=value&…``.

    :raises MalformedRequest: the text is not UTF-8, or has more than ``key_limit`` fields.
    """
    if not text:
        return _NOTHING
    parts = text.split(b"&", key_limit)
    if len(parts) > key_limit:
        raise MalformedRequest(f"At most {key_limit} fields can be sent at once.")
    try:
        text.decode("ascii")
        pairs = [part.partition(b"=") for part in parts if part]
        return Fields([(_unquoted(name), _unquoted(value)) for name, _, value in pairs])
    except UnicodeDecodeError as error:
        raise MalformedRequest("The fields that were sent are not valid UTF-8.") from error


def _unquoted(part: bytes) -> str:
    """Decode a name or a value as ``urllib.parse.unquote_plus`` does, at a third of its cost for long texts.

    :raises UnicodeDecodeError: the result is not UTF-8.
    """
    plain = part.replace(b"+", b" ")
    if b"%" in plain:
        plain = _ESCAPES.sub(lambda escapes: unhexlify(escapes[0].replace(b"%", b"")), plain)
    return plain.decode("utf-8")


_ESCAPES: Final = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")


def _multipart(boundary: str, body: bytes, text_limit: int = TEXT_LIMIT) -> Fields:
    """Parse a multipart form strictly (RFC 7578): no nesting, UTF-8 only, limits on parts, headers and sizes."""
    pairs: list[tuple[str, str]] = []
    files: list[tuple[str, Upload]] = []
    if not boundary or len(boundary) > 70:
        raise MalformedRequest("The form that was sent has no usable boundary.")
    segment: MultipartSegment | None = None
    data = bytearray()
    size = 0
    try:
        with PushMultipartParser(
            boundary, max_segment_count=MAX_PARTS, max_header_size=4096, max_header_count=8, strict=True
        ) as parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    segment, data = event, bytearray()
                elif event:
                    data += event
                    if segment is not None and segment.filename is None:
                        size += len(event)
                        check_size(size, text_limit)
                elif segment is not None:
                    if segment.filename is None:
                        pairs.append((segment.name or "", data.decode("utf-8")))
                    else:
                        kind = segment.content_type or "application/octet-stream"
                        files.append((segment.name or "", Upload(segment.filename, kind, bytes(data))))
                    segment = None
    except ParserLimitReached as error:
        raise MalformedRequest(f"At most {MAX_PARTS} fields and files can be sent at once.") from error
    except (MultipartError, UnicodeDecodeError, LookupError) as error:
        raise MalformedRequest("The form that was sent is broken.") from error
    return Fields(pairs, files)
