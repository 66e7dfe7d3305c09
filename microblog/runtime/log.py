"""Logs: readable on a terminal, JSON lines for machines, a request's id on each of its lines, and no secret.

Everything logs through ``twisted.logger``; :func:`observer` makes what writes the lines, and
:class:`LoggedService` gives it to twistd.  Twisted's own chatter ("Starting factory …", "Timing out client")
is debug here.  A failure that is logged as an error or worse is one nobody expected, and brings its traceback;
one that is logged as info or a warning is part of life, and is one line.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import IO, Any, Final, cast

import msgspec
from twisted.application.service import MultiService
from twisted.logger import (
    FilteringLogObserver,
    ILogFilterPredicate,
    ILogObserver,
    LogEvent,
    LogLevel,
    PredicateResult,
    formatEvent,
)
from twisted.python.components import Componentized
from twisted.python.failure import Failure
from zope.interface import implementer

_request_id: ContextVar[str] = ContextVar("request_id", default="")

#: No line is longer than this, whatever was logged: characters, without a traceback.
LONGEST_MESSAGE: Final = 4000


def bind_request(request_id: str) -> None:
    """Puts ``request_id`` on every line that is logged from here on, in this coroutine and those it awaits.

    A coroutine that was made a Deferred runs in a copy of its caller's context, so a bound id never leaks out of it;
    it must not be called outside of one, where it would stay bound for the reactor itself.
    """
    _request_id.set(request_id)


def current_request() -> str:
    """The id bound here, or ``""``."""
    return _request_id.get()


# --- Redaction: the second wall.  The first is not to log a secret at all. ---

_URL_USER = re.compile(r"(?<=://)[^/\s@]{1,512}@")
_MAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,256}@(?:\[[0-9A-Fa-f.:]{1,64}\]|\w[\w-]*(?:\.\w[\w-]*)*)")
_NAMED_SECRET = re.compile(
    r"(?i)\b((?:[a-z_-]{0,32}(?:password|passwd|secret|token|api_key|csrf)|authorization|cookie|set-cookie)"
    r"[\"']?\s{0,4}[:=]\s{0,4}[bu]?)(\"[^\"]{0,4096}\"|'[^']{0,4096}'|(?:(?:bearer|basic)\s+)?[^\s,;&\"')}\]]{1,4096})"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,4096}")
_RUN = re.compile(r"[A-Za-z0-9_-]{32,}")


def redact(text: str) -> str:
    """``text`` without passwords, tokens and mail addresses: what looks like one is replaced.

    Errs on the side of hiding.  Takes linear time whatever the text.
    """
    if "@" in text:
        text = _URL_USER.sub("[hidden]@", text)
        text = _MAIL.sub("[mail address]", text)
    text = _BEARER.sub(r"\1 [hidden]", text)
    text = _NAMED_SECRET.sub(r"\1[hidden]", text)
    return _RUN.sub(_hide_if_random, text)


def _hide_if_random(run: re.Match[str]) -> str:
    """Tokens mix capitals, small letters and digits; names and hexadecimal digests do not."""
    text = run[0]
    mixed = (
        any(c.isdigit() for c in text) and any(c.islower() for c in text) and any(c.isupper() for c in text)
    )
    return "[token]" if mixed else text


# Control characters would let a logged text move the terminal's cursor or forge a line of its own.
_CONTROLS: Final = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)
} | {code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def _clean(text: str) -> str:
    return redact(text).translate(_CONTROLS)


# --- Which events ---


@implementer(ILogFilterPredicate)
class Chosen:
    """Lets pass what is at least of ``level``, counting Twisted's chatter as debug."""

    def __init__(self, level: str) -> None:
        self._level = LogLevel.levelWithName(level)

    def __call__(self, event: LogEvent) -> Any:
        level = event.get("log_level") or LogLevel.info
        if level == LogLevel.info and _is_chatter(event):
            level = LogLevel.debug
        return PredicateResult.maybe if level >= self._level else PredicateResult.no


def _is_chatter(event: LogEvent) -> bool:
    namespace = event.get("log_namespace") or ""
    return namespace == "log_legacy" or namespace.startswith(("twisted.", "klein.", "txpostgres."))


def _failure_of(event: LogEvent) -> Failure | None:
    failure = event.get("log_failure")
    return failure if isinstance(failure, Failure) else None


def _message(event: LogEvent) -> str:
    text = formatEvent(event)
    if not text:
        # Old-style twisted.python.log.err() has its text elsewhere, or none.
        text = str(event.get("why") or event.get("log_text") or "")
    if len(text) > LONGEST_MESSAGE:
        text = text[:LONGEST_MESSAGE] + "…"
    return text.strip()


def _namespace(event: LogEvent) -> str:
    """Where it comes from, short: ``web.site`` for ours, ``twisted`` for all of Twisted."""
    namespace = str(event.get("log_namespace") or "")
    if namespace == "log_legacy":
        return "twisted"
    if namespace.startswith("microblog."):
        # Without the class that a Logger() in its body adds.
        module, _, last = namespace.removeprefix("microblog.").rpartition(".")
        return module if module and last[:1].isupper() else namespace.removeprefix("microblog.")
    return namespace.partition(".")[0]


def _is_unexpected(event: LogEvent) -> bool:
    return bool((event.get("log_level") or LogLevel.info) >= LogLevel.error)


def _short(failure: Failure) -> str:
    return f"{failure.type.__name__ if failure.type else 'error'}: {failure.getErrorMessage()}"


# --- How they look ---

_COLOURS: Final = {"debug": "2", "warn": "33", "error": "31", "critical": "1;31"}


def as_text(event: LogEvent, *, colour: bool = False) -> str:
    """One event for people: a line that starts with the local time and its offset from UTC; details are indented."""
    level = event.get("log_level") or LogLevel.info
    when = datetime.fromtimestamp(event.get("log_time") or 0, UTC).astimezone()
    message = _message(event)
    failure = _failure_of(event)
    details = ""
    if failure is not None:
        if _is_unexpected(event):
            details = failure.getTraceback().rstrip()
            message = message or _short(failure)
        else:
            message = f"{message} ({_short(failure)})" if message else _short(failure)
    request_id = current_request()
    tail = f"  [{request_id}]" if request_id else ""
    name = level.name
    stamp = when.isoformat(" ", "seconds")
    head = f"{stamp} {name:<8} {_namespace(event):<12} "
    if colour:
        head = f"\x1b[2m{stamp}\x1b[0m \x1b[{_COLOURS.get(name, '0')}m{name:<8}\x1b[0m "
        head += f"\x1b[2m{_namespace(event):<12}\x1b[0m "
    body = _clean(message).replace("\n", "\n    ") + _clean(tail)
    if details:
        body += "\n    " + _clean(details).replace("\n", "\n    ")
    return f"{head}{body}\n"


def as_json(event: LogEvent) -> str:
    """One event for machines: an object with ``time`` (RFC 3339), ``level``, ``namespace``, ``message``, and
    where there are any ``request_id``, ``error``, ``traceback`` and the event's own plain fields in ``fields``.
    """
    level = event.get("log_level") or LogLevel.info
    record: dict[str, object] = {
        "time": datetime.fromtimestamp(event.get("log_time") or 0, UTC).isoformat(timespec="milliseconds"),
        "level": level.name,
        "namespace": _namespace(event),
        "message": _clean(_message(event)),
    }
    if request_id := current_request():
        record["request_id"] = _clean(request_id)
    failure = _failure_of(event)
    if failure is not None:
        record["error"] = _clean(_short(failure))
        if _is_unexpected(event):
            record["traceback"] = _clean(failure.getTraceback())
    own = {
        key: _clean(value[:LONGEST_MESSAGE]) if isinstance(value, str) else value
        for key, value in event.items()
        if not key.startswith("log_")
        and key not in _LEGACY_KEYS
        and isinstance(value, str | int | float | bool)
    }
    # A field by the name of a secret is one, whatever it looks like.
    own = {key: "[hidden]" if _SECRET_KEY.search(key) else value for key, value in own.items()}
    if own:
        record["fields"] = own
    return msgspec.json.encode(record).decode() + "\n"


_LEGACY_KEYS: Final = frozenset(
    {"time", "message", "isError", "system", "format", "failure", "why", "log_text"}
)
_SECRET_KEY: Final = re.compile(r"(?i)password|passwd|secret|token|cookie|authorization|csrf|e?mail")


@implementer(ILogObserver)
class LineObserver:
    """Writes each event as one piece, so that lines of several processes on one pipe stay whole."""

    def __init__(self, file: IO[Any], line: Callable[[LogEvent], str]) -> None:
        self._file = file
        self._line = line

    def __call__(self, event: LogEvent) -> None:
        try:
            text = self._line(event)
        except Exception as error:  # noqa: BLE001 - an event that can't be shown must not take down who logged it
            text = f"A log event could not be shown ({type(error).__name__}): {event.get('log_format')!r}\n"
        try:
            self._file.write(text)
            self._file.flush()
        except (OSError, ValueError):
            # A full disk or a closed terminal: there is nowhere left to say so, and the service goes on.
            pass


def observer(file: IO[Any], *, log_format: str = "text", log_level: str = "info") -> ILogObserver:
    """What writes the log to ``file``, a text file; ``log_format`` and ``log_level`` as in the settings."""
    if log_format == "json":
        lines = LineObserver(file, as_json)
    else:
        colour = bool(getattr(file, "isatty", lambda: False)())
        lines = LineObserver(file, lambda event: as_text(event, colour=colour))
    return cast("ILogObserver", FilteringLogObserver(lines, [Chosen(log_level)]))


def observer_for_twistd(
    twistd: dict[str, Any] | None, *, log_format: str = "text", log_level: str = "info"
) -> ILogObserver | None:
    """The observer for what twistd was told by its own options (``twistd --logfile … microblog``).

    ``None`` where they already choose one: ``--syslog`` and ``--logger``.
    """
    told = twistd or {}
    if told.get("syslog") or told.get("logger"):
        return None
    name = told.get("logfile")
    daemon = twistd is not None and not told.get("nodaemon")
    if name and name != "-":
        file = _log_file(name)
    elif daemon:
        file = _log_file("twistd.log")
    else:
        file = sys.stdout
    return observer(file, log_format=log_format, log_level=log_level)


def _log_file(path: str) -> IO[Any]:
    from twisted.python.logfile import LogFile

    return cast("IO[Any]", LogFile.fromFullPath(path))


class LoggedService(MultiService):
    """The outermost service: twistd takes its log observer from the application that this is put into.

    ``makeService`` is called before twistd begins to log and hands over a service only; the application comes to
    it as its parent, and ``twistd`` asks the application for an ``ILogObserver`` component.
    """

    def __init__(self, log_observer: ILogObserver | None) -> None:
        super().__init__()
        self._observer = log_observer

    def setServiceParent(self, parent: Any) -> None:
        if self._observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)
        super().setServiceParent(parent)
