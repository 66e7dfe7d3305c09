"""``microblog tail``: reads live posts from a push port without missing any.

A reader of the protocol in ``docs/push-protocol.md``, for people in a terminal and, with ``--json``, for programs.  It
keeps the cursor, comes back by itself after whatever happens to the connection or the server, and goes on from there.

The cursor is kept only when it is safe: while several subscriptions catch up one after the other, an event of the first
may lie above one of the second that has not come yet.  So until the server has answered the PING behind them all, the
old cursor counts, and what was printed above it is remembered, not to be printed again.
"""

from __future__ import annotations

import contextlib
import html
import os
import random
import re
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

import click
import msgspec
from rich.console import Console
from rich.text import Text

from microblog.domain.text import one_line

#: Seconds without a line after which the connection counts as lost: the server sends PING every 15 to 30.
SILENCE: Final = 60.0
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0
#: The posts to print when the log does not go back to the cursor.
AFTER_A_GAP: Final = 100

#: Errors after which another try may succeed; all others end the program.
_PASSING: Final = frozenset({"rate-limited", "unavailable", "internal", "too-many-connections"})
_TAG: Final = re.compile(r"<[^>]*>")
_BREAK: Final = re.compile(r"<br ?/?>|</p>")


class Refused(Exception):
    """The server answered ERR, and another try would get the same answer."""


class Unheard(Exception):
    """The reader of the output has gone."""


class Lines(Protocol):
    """A connection."""

    def send(self, lines: Sequence[str]) -> None: ...

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class Line(msgspec.Struct):
    """The fields of an event that this program uses. JSON output prints the line as it was received."""

    event: str
    at: str = ""
    cursor: str | None = None
    id: str | None = None
    status: dict[str, Any] | None = None
    notification: dict[str, Any] | None = None

    @property
    def subject(self) -> tuple[str, int]:
        """A key that identifies the event where it has no cursor."""
        about = self.status or self.notification or {"id": self.id}
        return self.event, int(about["id"])


_decode: Final = msgspec.json.Decoder(Line).decode


def _forget(cursor: int) -> None:
    """Nobody wants it kept."""


def _next_try(seconds: float) -> str:
    whole = round(seconds)
    if whole < 1:
        return "Trying again now."
    return f"Trying again in {whole} second{'' if whole == 1 else 's'}."


def _why(error: OSError) -> str:
    """For a person; and where it will not change by itself, with what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}; --ca FILE names one to trust"
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return "that port does not speak TLS: name the one that does by --port, or leave --tls out"
    return error.strerror or str(error)


@dataclass
class Tail:
    """A client. ``connect`` opens a connection or raises OSError; ``show`` gets each event once, with its line."""

    streams: Sequence[str]
    #: How messages name the server, as ``host:port``.
    server: str
    connect: Callable[[], Lines]
    show: Callable[[Line, str], None]
    say: Callable[[str], None]
    token: str | None = None
    cursor: int | None = None
    last: int = 0
    keep: Callable[[int], None] = _forget
    sleep: Callable[[float], None] = time.sleep
    _above: set[int] = field(default_factory=set)  # printed above the cursor, while it can't move
    _newest: dict[str, int] = field(default_factory=dict)  # highest id printed, by kind of event
    _delay: float = FIRST_DELAY

    def run(self) -> None:
        """Read until the user interrupts. Raises Refused."""
        while True:
            try:
                connection = self.connect()
                try:
                    self._read(connection)
                finally:
                    connection.close()
                said = f"The connection to {self.server} ended."
            except OSError as error:
                said = f"Cannot connect to {self.server} ({_why(error)})."
            wait = self._delay * random.uniform(0.75, 1.25)
            self._delay = min(self._delay * 2, LONGEST_DELAY)
            self.say(f"{said} {_next_try(wait)}")
            self.sleep(wait)

    def _read(self, connection: Lines) -> None:
        self._begin(connection)
        live = False
        for raw in connection:
            line = raw.decode("utf-8", "replace")
            first, _, rest = line.partition(" ")
            if line.startswith("{"):
                self._event(line, live)
            elif first == "OK":
                words = rest.split(" ")
                if words[0] == "SUBSCRIBE" and words[-1] == "GAP":
                    self.say(f"The log does not go back so far: some of {words[1]} may be missing.")
                elif words[0] == "SUBSCRIBE" and self.cursor is None:
                    self._move(int(words[3]), forget=False)
                elif words[0] == "PING":
                    live = True
                    self._delay = FIRST_DELAY
                    self._move(int(words[1]))
            elif first == "PING" and live:
                self._move(int(rest))
            elif first == "ERR":
                code, _, text = rest.partition(" ")
                if code not in _PASSING:
                    raise Refused(text)
                self.say(text)
                return
            elif first == "BYE":
                reason, _, cursor = rest.partition(" ")
                if live:
                    self._move(int(cursor))
                if reason in ("revoked", "suspended"):
                    raise Refused(f"The server ended this: {reason}.")
                return

    def _begin(self, connection: Lines) -> None:
        login = [f"AUTH {self.token}"] if self.token else []
        if self.cursor is not None:
            how = f" SINCE {self.cursor} LAST {AFTER_A_GAP}"
        else:
            how = f" LAST {self.last}" if self.last else ""
        subscriptions = [f"SUBSCRIBE {stream}{how}" for stream in self.streams]
        connection.send(["UNSUBSCRIBE", "FORMAT json", *login, *subscriptions, "PING"])

    def _event(self, line: str, live: bool) -> None:
        event = _decode(line)
        position = int(event.cursor) if event.cursor is not None else None
        kind, number = event.subject
        if position is None:
            if number <= self._newest.get(kind, 0):
                return  # of LAST after a gap: seen before
        elif position in self._above or (self.cursor is not None and position <= self.cursor):
            return
        self.show(event, line)
        self._newest[kind] = max(number, self._newest.get(kind, 0))
        if position is not None:
            if live:
                self._move(position)
            else:
                self._above.add(position)

    def _move(self, cursor: int, *, forget: bool = True) -> None:
        if self.cursor is None or cursor > self.cursor:
            self.cursor = cursor
            self.keep(cursor)
        if forget:
            self._above = {each for each in self._above if each > cursor}


class Socket:
    """A connection over TCP, with TLS if ``tls`` is given."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        raw = socket.create_connection((host, port), timeout=SILENCE)
        try:
            self._socket = raw if tls is None else tls.wrap_socket(raw, server_hostname=host)
        except BaseException:
            raw.close()
            raise

    def send(self, lines: Sequence[str]) -> None:
        self._socket.sendall("".join(f"{line}\n" for line in lines).encode())

    def __iter__(self) -> Iterator[bytes]:
        """Yield complete lines without their ends. An incomplete last line is dropped."""
        with self._socket.makefile("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line.rstrip(b"\r\n")

    def close(self) -> None:
        self._socket.close()


def as_text(event: Line) -> Text:
    """Return an event as a line for a terminal, without control characters from what people wrote."""
    at = datetime.fromisoformat(event.at).astimezone() if event.at else None
    line = Text(f"{at:%H:%M:%S} " if at else "", style="dim")
    if event.notification is not None:
        told = event.notification
        line.append(f"@{_plain(told['account']['acct'])} ", style="bold cyan")
        line.append(_plain(told["type"]).replace("_", " "), style="magenta")
        status = told.get("status")
        return line if not status else _content(line.append(": "), status)
    if event.status is None:
        return line.append(f"deleted [{event.id}]", style="red")
    status, original = event.status, event.status.get("reblog")
    line.append(f"@{_plain(status['account']['acct'])}", style="bold cyan")
    if original:
        line.append(" boosted ", style="green").append(
            f"@{_plain(original['account']['acct'])}", style="cyan"
        )
    if event.event == "edit":
        line.append(" edited", style="yellow")
    if status["visibility"] in ("private", "direct"):
        line.append(f" ({status['visibility']})", style="yellow")
    return _content(line.append(": "), original or status)


def _content(line: Text, status: dict[str, Any]) -> Text:
    if status["spoiler_text"]:
        line.append(f"CW “{_plain(status['spoiler_text'])}” ", style="yellow").append(_plain(status["url"]))
    else:
        written = html.unescape(_TAG.sub("", _BREAK.sub(" ", status["content"])))
        line.append(one_line(written, 20_000))
    return line.append(f" [{_plain(status['id'])}]", style="dim")


def _plain(text: str) -> str:
    return one_line(text, 500)


def _streams(streams: Sequence[str], tags: Sequence[str], users: Sequence[str]) -> list[str]:
    chosen = [
        *streams,
        *(f"tag:{tag.lstrip('#')}" for tag in tags),
        *(f"user:{user.lstrip('@')}" for user in users),
    ]
    if any(not stream or any(character.isspace() for character in stream) for stream in chosen):
        raise click.UsageError("A stream, tag or name has no blanks in it.")
    return chosen or ["public"]


def _keep_in(path: Path) -> Callable[[int], None]:
    """Write the cursor to its file atomically."""

    def keep(cursor: int) -> None:
        beside = path.with_name(f"{path.name}.new")
        beside.write_text(f"{cursor}\n")
        beside.replace(path)

    return keep


def _kept(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise click.UsageError(f"{path} holds no cursor. Delete it to begin anew.") from None


@click.command()
@click.option("--host", default="localhost", show_default=True, help="Where the server is.")
@click.option("--port", default=7000, show_default=True, type=click.IntRange(1, 65535), help="Its push port.")
@click.option("--tls", is_flag=True, help="Connect with TLS.")
@click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="Certificates to trust, with --tls.")
@click.option("--token", envvar="MICROBLOG_TOKEN", help="An access token [also: MICROBLOG_TOKEN].")
@click.option(
    "--stream", "streams", multiple=True, metavar="NAME", help="home, mentions, thread:ID, list:ID …"
)
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Posts with a tag; more than once for several."
)
@click.option("--user", "users", multiple=True, metavar="NAME", help="What somebody posts and boosts.")
@click.option("--since", type=click.IntRange(0), metavar="CURSOR", help="Go on from a cursor.")
@click.option("--last", type=click.IntRange(0, 100), default=0, help="Begin with so many older posts.")
@click.option("--keep", type=click.Path(dir_okay=False, path_type=Path), help="A file that holds the cursor.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as the server sends it.")
@click.option("--no-color", is_flag=True, help="No colours.")
def tail(
    host: str,
    port: int,
    tls: bool,
    ca: str | None,
    token: str | None,
    streams: Sequence[str],
    tags: Sequence[str],
    users: Sequence[str],
    since: int | None,
    last: int,
    keep: Path | None,
    as_json: bool,
    no_color: bool,
) -> None:
    """Read live posts from a push port, here or elsewhere; reconnects by itself and misses nothing."""
    context = ssl.create_default_context(cafile=ca) if tls or ca else None
    out = Console(no_color=no_color or None, highlight=False, markup=False, emoji=False, soft_wrap=True)
    err = Console(stderr=True, no_color=no_color or None, highlight=False, markup=False, soft_wrap=True)

    def show(event: Line, line: str) -> None:
        try:
            if as_json:
                click.echo(line)
            else:
                out.print(as_text(event))
            sys.stdout.flush()
        except BrokenPipeError as error:  # an OSError, as those of the connection are
            raise Unheard from error

    reader = Tail(
        streams=_streams(streams, tags, users),
        server=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        connect=lambda: Socket(host, port, context),
        show=show,
        say=lambda text: err.print(one_line(text, 500), style="dim"),
        token=token,
        cursor=since if since is not None or keep is None else _kept(keep),
        last=last,
        keep=_keep_in(keep) if keep is not None else _forget,
    )
    try:
        reader.run()
    except Refused as refused:
        err.print(one_line(f"microblog: {refused}", 500), style="bold red")
        raise SystemExit(1) from None
    except Unheard:  # nor can Python's last flush reach them
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        if reader.cursor is not None and keep is None:
            err.print(f"Go on with --since {reader.cursor}", style="dim")
