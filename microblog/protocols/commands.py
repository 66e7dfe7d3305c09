r"""The grammar of a client's lines on the push port (ABNF, RFC 5234; quoted words in any case)::

    line         =  *WS [ command ] *WS [ CR ] LF          ; an empty line is ignored
    command      =  help / auth / subscribe / unsubscribe / list / format / post / reply / ping / quit
    help         =  ( "HELP" / "?" ) [ 1*WS word ]
    auth         =  "AUTH" 1*WS token
    subscribe    =  "SUBSCRIBE" 1*WS stream [ 1*WS "SINCE" 1*WS cursor ] [ 1*WS "LAST" 1*WS count ]
    unsubscribe  =  "UNSUBSCRIBE" [ 1*WS stream ]          ; without a stream: from all
    list         =  "LIST"
    format       =  "FORMAT" 1*WS ( "text" / "json" )
    post         =  "POST" 1*WS text
    reply        =  "REPLY" 1*WS id 1*WS text
    ping         =  "PING"
    quit         =  "QUIT"

    stream       =  "public" / "local" / "home" / "mentions" / "notifications" / "direct"
                 /  "user:" address / "tag:" tag / "thread:" id / "list:" id
    address      =  [ "@" ] 1*visible                      ; bob, or bob@example.org
    tag          =  [ "#" ] 1*visible
    token        =  1*visible
    cursor       =  1*19DIGIT
    id           =  1*19DIGIT                              ; below 2^63, as is a cursor
    count        =  1*3DIGIT                               ; 1 to 100
    word         =  1*ALPHA
    text         =  visible *( WS / visible )              ; to the end of the line
    visible      =  %x21-7E / UTF8-2 / UTF8-3 / UTF8-4     ; RFC 3629, less Unicode's spaces and controls
    WS           =  SP / HTAB

``SINCE`` and ``LAST`` may come in either order. A line has at most ``max_line`` bytes (the answer to ``HELP`` says how
many). Nothing here has side effects. ``to_line`` and `parse` are each other's inverse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from microblog.domain.errors import InvalidInput
from microblog.domain.ids import parse_id
from microblog.domain.text import one_line

#: Posts that ``LAST`` may ask for.
MAX_LAST: Final = 100

OPEN_STREAMS: Final = ("public", "local")
PERSONAL_STREAMS: Final = ("home", "mentions", "notifications", "direct")
NAMED_STREAMS: Final = ("user", "tag", "thread", "list")
FORMATS: Final = ("text", "json")

_SPACE: Final = " \t"
_GAP: Final = re.compile(r"[ \t]+")
#: A request line with any method and a target of any length. Each part excludes the next, so matching is linear.
_HTTP: Final = re.compile(rb"[ \t]*[^ \t]+[ \t]+[^ \t]+[ \t]+HTTP/[0-9]", re.IGNORECASE)
#: A TLS handshake record begins with 0x16, a STUN message with 0x00 or 0x01. The escape character begins what an arrow
#: key sends, so a person at a terminal may begin a line with it.
_BINARY: Final = frozenset(range(32)) - frozenset(b"\t\r\x1b")


class UnknownCommand(InvalidInput):
    """The first word of the line is not a command."""

    code = "unknown-command"


class Undecodable(InvalidInput):
    """The line has a NUL byte or is not UTF-8."""

    code = "encoding"


@dataclass(frozen=True, slots=True)
class StreamName:
    """The name of a stream in a command. The session looks up the account, thread or list that it names."""

    kind: str
    argument: str = ""

    @classmethod
    def parse(cls, word: str) -> StreamName:
        """Parse a word. Raises InvalidInput, whose text lists the streams."""
        kind, colon, argument = word.partition(":")
        kind = kind.lower()
        if not colon and kind in OPEN_STREAMS + PERSONAL_STREAMS:
            return cls(kind)
        if colon and kind in NAMED_STREAMS:
            argument = argument.removeprefix({"user": "@", "tag": "#"}.get(kind, " "))
            if argument and (kind not in ("thread", "list") or parse_id(argument) is not None):
                return cls(kind, argument)
        raise InvalidInput(
            f"There is no stream {one_line(word, 40)}. Streams are public, local, user:NAME, tag:TAG, "
            "thread:ID, and after AUTH home, mentions, notifications, direct, list:ID.",
            "stream",
        )

    @property
    def personal(self) -> bool:
        """Whether the stream needs a login."""
        return self.kind in PERSONAL_STREAMS or self.kind == "list"

    def __str__(self) -> str:
        return f"{self.kind}:{self.argument}" if self.argument else self.kind


@dataclass(frozen=True, slots=True)
class Help:
    name: ClassVar[str] = "HELP"
    form: ClassVar[str] = "HELP [command]"
    purpose: ClassVar[str] = "lists the commands, or explains one"
    about: str | None = None

    @classmethod
    def from_arguments(cls, arguments: str) -> Help:
        words = _words(arguments)
        return cls(words[0].upper() if words else None)

    def to_line(self) -> str:
        return f"HELP {self.about}" if self.about else "HELP"


@dataclass(frozen=True, slots=True)
class Auth:
    name: ClassVar[str] = "AUTH"
    form: ClassVar[str] = "AUTH <token>"
    purpose: ClassVar[str] = "logs in with an access token that has the scope read"
    token: str

    @classmethod
    def from_arguments(cls, arguments: str) -> Auth:
        words = _words(arguments)
        if len(words) != 1:
            raise _usage(cls)
        return cls(words[0])

    def to_line(self) -> str:
        return f"AUTH {self.token}"

    def __repr__(self) -> str:
        return "Auth(token=…)"


@dataclass(frozen=True, slots=True)
class Subscribe:
    name: ClassVar[str] = "SUBSCRIBE"
    form: ClassVar[str] = "SUBSCRIBE <stream> [SINCE <cursor>] [LAST <n>]"
    purpose: ClassVar[str] = (
        "sends the events of a stream as they happen, after those since a cursor or the last n posts"
    )
    stream: StreamName
    since: int | None = None
    last: int | None = None

    @classmethod
    def from_arguments(cls, arguments: str) -> Subscribe:
        words = _words(arguments)
        if len(words) not in (1, 3, 5):
            raise _usage(cls)
        numbers: dict[str, int] = {}
        for key, raw in zip(words[1::2], words[2::2], strict=True):
            number = parse_id(raw)
            if key.upper() not in ("SINCE", "LAST") or key.upper() in numbers or number is None:
                raise _usage(cls)
            numbers[key.upper()] = number
        last = numbers.get("LAST")
        if last is not None and not 1 <= last <= MAX_LAST:
            raise InvalidInput(f"LAST takes a number from 1 to {MAX_LAST}.", "last")
        return cls(StreamName.parse(words[0]), numbers.get("SINCE"), last)

    def to_line(self) -> str:
        since = "" if self.since is None else f" SINCE {self.since}"
        last = "" if self.last is None else f" LAST {self.last}"
        return f"SUBSCRIBE {self.stream}{since}{last}"


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    name: ClassVar[str] = "UNSUBSCRIBE"
    form: ClassVar[str] = "UNSUBSCRIBE [stream]"
    purpose: ClassVar[str] = "ends one subscription, or all of them"
    stream: StreamName | None = None

    @classmethod
    def from_arguments(cls, arguments: str) -> Unsubscribe:
        words = _words(arguments)
        if len(words) > 1:
            raise _usage(cls)
        return cls(StreamName.parse(words[0]) if words else None)

    def to_line(self) -> str:
        return "UNSUBSCRIBE" if self.stream is None else f"UNSUBSCRIBE {self.stream}"


@dataclass(frozen=True, slots=True)
class List:
    name: ClassVar[str] = "LIST"
    form: ClassVar[str] = "LIST"
    purpose: ClassVar[str] = "shows the format, cursor and subscriptions of this connection"

    @classmethod
    def from_arguments(cls, arguments: str) -> List:
        return _bare(cls, arguments)

    def to_line(self) -> str:
        return "LIST"


@dataclass(frozen=True, slots=True)
class Format:
    name: ClassVar[str] = "FORMAT"
    form: ClassVar[str] = "FORMAT text|json"
    purpose: ClassVar[str] = "chooses the form of events: text for people, or one JSON object per line"
    format: str

    @classmethod
    def from_arguments(cls, arguments: str) -> Format:
        chosen = arguments.lower()
        if chosen not in FORMATS:
            raise _usage(cls)
        return cls(chosen)

    def to_line(self) -> str:
        return f"FORMAT {self.format}"


@dataclass(frozen=True, slots=True)
class Post:
    name: ClassVar[str] = "POST"
    form: ClassVar[str] = "POST <text>"
    purpose: ClassVar[str] = "publishes a post; needs a token with the scope write"
    text: str

    @classmethod
    def from_arguments(cls, arguments: str) -> Post:
        if not arguments:
            raise _usage(cls)
        return cls(arguments)

    def to_line(self) -> str:
        return f"POST {self.text}"


@dataclass(frozen=True, slots=True)
class Reply:
    name: ClassVar[str] = "REPLY"
    form: ClassVar[str] = "REPLY <id> <text>"
    purpose: ClassVar[str] = "replies to a post; needs a token with the scope write"
    to_id: int
    text: str

    @classmethod
    def from_arguments(cls, arguments: str) -> Reply:
        parts = _GAP.split(arguments, maxsplit=1)
        to_id = parse_id(parts[0])
        if len(parts) != 2 or to_id is None:
            raise _usage(cls)
        return cls(to_id, parts[1])

    def to_line(self) -> str:
        return f"REPLY {self.to_id} {self.text}"


@dataclass(frozen=True, slots=True)
class Ping:
    name: ClassVar[str] = "PING"
    form: ClassVar[str] = "PING"
    purpose: ClassVar[str] = "answers with the cursor"

    @classmethod
    def from_arguments(cls, arguments: str) -> Ping:
        return _bare(cls, arguments)

    def to_line(self) -> str:
        return "PING"


@dataclass(frozen=True, slots=True)
class Quit:
    name: ClassVar[str] = "QUIT"
    form: ClassVar[str] = "QUIT"
    purpose: ClassVar[str] = "closes the connection"

    @classmethod
    def from_arguments(cls, arguments: str) -> Quit:
        return _bare(cls, arguments)

    def to_line(self) -> str:
        return "QUIT"


Command = Help | Auth | Subscribe | Unsubscribe | List | Format | Post | Reply | Ping | Quit

#: All commands, in the order in which HELP names them.
COMMANDS: Final[tuple[type[Command], ...]] = (
    Help,
    Auth,
    Subscribe,
    Unsubscribe,
    List,
    Format,
    Post,
    Reply,
    Ping,
    Quit,
)
_BY_NAME: Final = {**{command.name: command for command in COMMANDS}, "?": Help}


def named(name: str) -> type[Command] | None:
    """Return the command with a name, in any case, or None."""
    return _BY_NAME.get(name.upper())


def decode(line: bytes) -> str:
    """Return the text of a line without its CR and without spaces around it. Raises Undecodable."""
    if b"\0" in line:
        raise Undecodable("The line has a NUL byte in it. Send text in UTF-8.")
    try:
        return line.removesuffix(b"\r").decode("utf-8").strip(_SPACE)
    except UnicodeDecodeError as error:
        raise Undecodable(f"Byte {error.start + 1} of the line is not UTF-8. Send text in UTF-8.") from error


def parse(line: bytes) -> Command | None:
    """Return the command in a line (without its LF), or None for an empty line.

    Raises UnknownCommand, Undecodable, or InvalidInput for wrong arguments.
    """
    text = decode(line)
    if not text:
        return None
    word, *rest = _GAP.split(text, maxsplit=1)
    command = _BY_NAME.get(word.upper())
    if command is None:
        shown = one_line(word, 20)
        raise UnknownCommand(
            f"There is no command {shown}. HELP lists the commands."
            if shown
            else "This is not a command. HELP lists the commands."
        )
    return command.from_arguments(rest[0] if rest else "")


def is_foreign(line: bytes) -> bool:
    """Return whether the first line of a connection belongs to another protocol: HTTP, TLS, STUN.

    A web page can make a browser send such bytes to any port, and can choose what follows them. The first line of an
    HTTP request is a method, a target and a version (RFC 9112, section 3), of any length.
    """
    return line[:1] != b"" and (line[0] in _BINARY or _HTTP.match(line) is not None)


def _words(arguments: str) -> list[str]:
    return _GAP.split(arguments) if arguments else []


def _usage(command: type[Command]) -> InvalidInput:
    return InvalidInput(f"The form of this command is: {command.form}")


_Bare = TypeVar("_Bare", List, Ping, Quit)


def _bare(command: type[_Bare], arguments: str) -> _Bare:
    if arguments:
        raise _usage(command)
    return command()
