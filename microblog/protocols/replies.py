r"""The grammar of the server's lines on the push port (ABNF, RFC 5234; quoted words exactly as written)::

    line      =  ( remark / ok / err / ping / gap / bye / event ) CR LF
    remark    =  "* " text                                 ; the greeting and the lines of HELP; programs ignore them
    ok        =  "OK " command *( SP word )                ; what each command's words are: docs/push-protocol.md
    err       =  "ERR " code SP text
    ping      =  "PING " cursor                            ; nothing happened for a while; to be ignored
    gap       =  "GAP " cursor                             ; read too slowly: what follows comes later
    bye       =  "BYE " reason SP cursor                   ; last; resume with SINCE and the cursor
    event     =  text-event / json-event
    text-event=  DIGIT text                                ; begins with the time
    json-event=  "{" … "}"                                 ; RFC 8259, on one line
    code      =  1*( %x61-7A / "-" )                       ; a to z
    reason    =  1*( %x61-7A / "-" )
    text      =  *( SP / visible )                         ; no control character, nothing that reorders a line

The first character of a line says what kind it is. No text of a user can forge another kind, because every text passes
``domain.text.one_line`` or a JSON encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from microblog.domain.errors import MicroblogError
from microblog.domain.ids import parse_id
from microblog.domain.text import one_line

#: Characters of the longest ``ERR`` text and remark.
MAX_TEXT: Final = 500

CRLF: Final = b"\r\n"


@dataclass(frozen=True, slots=True)
class Remark:
    """A line for people: the greeting, and the lines of HELP."""

    text: str

    def to_line(self) -> str:
        return f"* {one_line(self.text, MAX_TEXT)}"


@dataclass(frozen=True, slots=True)
class Ok:
    """The answer to a command that succeeded. ``words`` are its results. Only the last word of HELP has spaces."""

    command: str
    words: tuple[str, ...] = ()

    def to_line(self) -> str:
        return one_line(" ".join(("OK", self.command, *self.words)), 100_000)


@dataclass(frozen=True, slots=True)
class Err:
    """The answer to a command that failed. ``code`` is for programs, ``text`` for people."""

    code: str
    text: str

    @classmethod
    def of(cls, error: MicroblogError) -> Err:
        return cls(error.code, error.text)

    def to_line(self) -> str:
        return f"ERR {self.code} {one_line(self.text, MAX_TEXT)}"


@dataclass(frozen=True, slots=True)
class Ping:
    cursor: int

    def to_line(self) -> str:
        return f"PING {self.cursor}"


@dataclass(frozen=True, slots=True)
class Gap:
    cursor: int

    def to_line(self) -> str:
        return f"GAP {self.cursor}"


@dataclass(frozen=True, slots=True)
class Bye:
    reason: str
    cursor: int

    def to_line(self) -> str:
        return f"BYE {self.reason} {self.cursor}"


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event in either format, not parsed."""

    text: str

    def to_line(self) -> str:
        return self.text


ServerLine = Remark | Ok | Err | Ping | Gap | Bye | EventLine


def to_bytes(line: ServerLine) -> bytes:
    """Return a line as it is sent, with its CR LF."""
    return line.to_line().encode() + CRLF


def parse(line: bytes) -> ServerLine:
    """Parse a line, with or without its line end. The inverse of `to_bytes`.

    Raises ValueError for a line that is not of this protocol.
    """
    text = line.rstrip(b"\r\n").decode("utf-8")
    if text[:1].isdigit() or text.startswith("{"):
        return EventLine(text)
    first, _, rest = text.partition(" ")
    words = rest.split(" ") if rest else []
    match first, words:
        case "*", _:
            return Remark(rest)
        case "OK", [command, *results]:
            return Ok(command, tuple(results))
        case "ERR", [code, *_]:
            return Err(code, rest.partition(" ")[2])
        case (("PING" | "GAP"), [raw]) if (cursor := parse_id(raw)) is not None:
            return Ping(cursor) if first == "PING" else Gap(cursor)
        case "BYE", [reason, raw] if (cursor := parse_id(raw)) is not None:
            return Bye(reason, cursor)
    raise ValueError(f"not a line of the push protocol: {text[:80]!r}")
