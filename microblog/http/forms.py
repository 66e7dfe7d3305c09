"""Forms, coming in and shown again.

``parse`` reads a body as ``Fields``, within caps.  A page that turns a form down shows it again with what was typed and
the message by its field::

    form = FormState(request.form.texts("name", "email"))
    try:
        await microblog.sign_up(…)
    except InvalidInput as error:
        return request.render("pages/sign_up.html", form=form.with_error(error), status=422)

where the template says ``{{ form.value('name') }}`` and ``{{ form.error('name') }}``; ``form.error(None)`` is the
message that belongs to no field.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from microblog.domain.errors import MicroblogError, TooLarge
from microblog.http.status import HTTPError

TEXT_LIMIT: Final = (
    64 * 1024
)  #: bytes of a JSON body, or of all texts of a form, where a route says nothing else
#: The same where posts are written: the longest that the setting ``post_length`` allows, and what stands beside it.
POST_TEXT_LIMIT: Final = 256 * 1024
#: Bytes of a form whose texts are shown again although they are above the limit of its route.
SHOWN_LIMIT: Final = 512 * 1024
KEY_LIMIT: Final = 200  #: fields of a query or a form, keys of a JSON body
MAX_PARTS: Final = 64  #: of a multipart body


class MalformedRequest(HTTPError):
    """It breaks the rules of HTTP or of its own format: 400, where a well-formed mistake gets 422."""

    status = 400
    code = "malformed"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart form.  ``name`` and ``content_type`` are the sender's claims, never to be trusted."""

    name: str
    content_type: str
    data: bytes = field(repr=False)


class Fields:
    """Names with one or more texts each, in the order they came, and files."""

    __slots__ = ("_files", "_pairs")

    def __init__(self, pairs: list[tuple[str, str]], files: list[tuple[str, Upload]] | None = None) -> None:
        self._pairs = pairs
        self._files = files or []

    def get(self, name: str, default: str | None = None) -> str | None:
        """The last text of that name, as browsers and most frameworks have it."""
        for key, value in reversed(self._pairs):
            if key == name:
                return value
        return default

    def text(self, name: str) -> str:
        """The same; empty when it is missing."""
        return self.get(name) or ""

    def texts(self, *names: str) -> dict[str, str]:
        return {name: self.text(name) for name in names}

    def all(self, name: str) -> list[str]:
        """Every text called ``name``, or ``name[]``."""
        return [value for key, value in self._pairs if key == name or key == f"{name}[]"]

    def flag(self, name: str) -> bool:
        """A check box, or a program's true: anything but missing, empty, ``0``, ``false``, ``off``, ``no``."""
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
    """What was typed, and what is wrong with it."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str | None, str] = field(default_factory=dict)

    def value(self, name: str, default: str = "") -> str:
        return self.values.get(name, default)

    def error(self, name: str | None = None) -> str | None:
        return self.errors.get(name)

    def with_error(self, error: MicroblogError) -> FormState:
        """With the error's text at its field; at no field if the form does not have that one."""
        name = getattr(error, "field", None)
        return FormState(self.values, {**self.errors, (name if name in self.values else None): error.text})


def parse(
    content_type: str, body: bytes, *, text_limit: int = TEXT_LIMIT, key_limit: int = KEY_LIMIT
) -> Fields:
    """Return a body as fields; none for a body of another type.

    ``text_limit``: bytes of all texts together.  Files have the limit of the whole body.

    :raises MalformedRequest: broken multipart, text that is not UTF-8, too many fields.
    :raises TooLarge: the texts are above their limit.
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
    """:raises TooLarge: ``size`` bytes of text are more than ``limit``."""
    if size > limit:
        raise TooLarge(f"The request is too long: it may hold {limit // 1024} KB of text.")


def urlencoded(text: bytes, key_limit: int = KEY_LIMIT) -> Fields:
    """:raises MalformedRequest: not UTF-8, control characters in a name, or more than ``key_limit`` fields."""
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
    """Decode a name or a value, as ``urllib.parse.unquote_plus`` does, at a third of its cost for long texts.

    :raises UnicodeDecodeError: it is not UTF-8.
    """
    plain = part.replace(b"+", b" ")
    if b"%" in plain:
        plain = _ESCAPES.sub(lambda found: unhexlify(found[0].replace(b"%", b"")), plain)
    return plain.decode("utf-8")


_ESCAPES: Final = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")


def _multipart(boundary: str, body: bytes, text_limit: int = TEXT_LIMIT) -> Fields:
    """RFC 7578, strictly: no nesting, UTF-8 only, caps on parts, on their headers and on their sizes."""
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
