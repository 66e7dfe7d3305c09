"""The log: text for terminals or JSON lines, with the id of the request on each line and without secrets.

Everything logs through ``twisted.logger``. :func:`observer` makes the observer that writes the lines, and
:class:`LoggedService` gives it to twistd. Routine events of Twisted ("Starting factory …", "Timing out client") count
as debug. A failure logged as an error or worse is unexpected and has its traceback; a failure logged as info or a
warning is expected and takes one line.
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

#: Characters of the longest message, without its traceback.
LONGEST_MESSAGE: Final = 4000


def bind_request(request_id: str) -> None:
    """Put ``request_id`` on every line that this coroutine and the coroutines that it awaits log from here on.

    A coroutine that runs as a Deferred has a copy of its caller's context, so the id does not leak out of it. Do not
    call this outside of one: there the id would stay bound for the reactor.
    """
    _request_id.set(request_id)


def current_request() -> str:
    """Return the id of the current request, or an empty text."""
    return _request_id.get()


# --- Redaction: the second defence. The first is not to log secrets. ---

_URL_USER = re.compile(r"(?<=://)[^/\s@]{1,512}@")
_MAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,256}@(?:\[[0-9A-Fa-f.:]{1,64}\]|\w[\w-]*(?:\.\w[\w-]*)*)")
_NAMED_SECRET = re.compile(
    r"(?i)\b((?:[a-z_-]{0,32}(?:password|passwd|secret|token|api_key|csrf)|authorization|cookie|set-cookie)"
    r"[\"']?\s{0,4}[:=]\s{0,4}[bu]?)(\"[^\"]{0,4096}\"|'[^']{0,4096}'|(?:(?:bearer|basic)\s+)?[^\s,;&\"')}\]]{1,4096})"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,4096}")
_RUN = re.compile(r"[A-Za-z0-9_-]{32,}")


def redact(text: str) -> str:
    """Return ``text`` with everything replaced that looks like a password, a token or a mail address.

    Prefers hiding too much. Takes linear time for any text.
    """
    if "@" in text:
        text = _URL_USER.sub("[hidden]@", text)
        text = _MAIL.sub("[mail address]", text)
    text = _BEARER.sub(r"\1 [hidden]", text)
    text = _NAMED_SECRET.sub(r"\1[hidden]", text)
    return _RUN.sub(_hide_if_random, text)


def _hide_if_random(run: re.Match[str]) -> str:
    """Replace a run of characters that mixes capitals, small letters and digits, as tokens do and digests do not."""
    text = run[0]
    mixed = (
        any(c.isdigit() for c in text) and any(c.islower() for c in text) and any(c.isupper() for c in text)
    )
    return "[token]" if mixed else text


# Control characters would let a logged text move the terminal's cursor or forge a line.
_CONTROLS: Final = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)
} | {code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def _clean(text: str) -> str:
    return redact(text).translate(_CONTROLS)


# --- Filtering ---


@implementer(ILogFilterPredicate)
class LevelFilter:
    """A filter that passes events of at least ``level``; routine events of libraries count as debug."""

    def __init__(self, level: str) -> None:
        self._level = LogLevel.levelWithName(level)

    def __call__(self, event: LogEvent) -> Any:
        level = event.get("log_level") or LogLevel.info
        if level == LogLevel.info and _is_routine(event):
            level = LogLevel.debug
        return PredicateResult.maybe if level >= self._level else PredicateResult.no


def _is_routine(event: LogEvent) -> bool:
    namespace = event.get("log_namespace") or ""
    return namespace == "log_legacy" or namespace.startswith(("twisted.", "klein.", "txpostgres."))


def _failure_of(event: LogEvent) -> Failure | None:
    failure = event.get("log_failure")
    return failure if isinstance(failure, Failure) else None


def _message(event: LogEvent) -> str:
    text = formatEvent(event)
    if not text:
        # Events of the old twisted.python.log.err() have their text elsewhere, or none.
        text = str(event.get("why") or event.get("log_text") or "")
    if len(text) > LONGEST_MESSAGE:
        text = text[:LONGEST_MESSAGE] + "…"
    return text.strip()


def _namespace(event: LogEvent) -> str:
    """Return the short source of an event: ``web.html`` for our modules, ``twisted`` for all of Twisted."""
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


# --- Formatting ---

_COLOURS: Final = {"debug": "2", "warn": "33", "error": "31", "critical": "1;31"}


def as_text(event: LogEvent, *, colour: bool = False) -> str:
    """Return an event as text: a line that starts with the local time and its offset from UTC, details indented."""
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
    """Return an event as a line of JSON.

    The object has ``time`` (RFC 3339), ``level``, ``namespace`` and ``message``, and where they exist ``request_id``,
    ``error``, ``traceback`` and the event's own plain fields in ``fields``.
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
    # A field named like a secret is hidden, whatever its value.
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
    """An observer that writes each event at once, so that lines of several processes on one pipe stay whole."""

    def __init__(self, file: IO[Any], line: Callable[[LogEvent], str]) -> None:
        self._file = file
        self._line = line

    def __call__(self, event: LogEvent) -> None:
        try:
            text = self._line(event)
        except Exception as error:  # noqa: BLE001 - a broken event must not break the code that logs it
            text = f"A log event could not be shown ({type(error).__name__}): {event.get('log_format')!r}\n"
        try:
            self._file.write(text)
            self._file.flush()
        except (OSError, ValueError):
            # The disk is full or the terminal closed. There is no other place to report it; the service continues.
            pass


def observer(file: IO[Any], *, log_format: str = "text", log_level: str = "info") -> ILogObserver:
    """Return the observer that writes to a text file; ``log_format`` and ``log_level`` are as in the settings."""
    if log_format == "json":
        lines = LineObserver(file, as_json)
    else:
        colour = bool(getattr(file, "isatty", lambda: False)())
        lines = LineObserver(file, lambda event: as_text(event, colour=colour))
    return cast("ILogObserver", FilteringLogObserver(lines, [LevelFilter(log_level)]))


def observer_for_twistd(
    twistd: dict[str, Any] | None, *, log_format: str = "text", log_level: str = "info"
) -> ILogObserver | None:
    """Return the observer that fits twistd's own options (``twistd --logfile … microblog``).

    Return None if the options choose an observer: ``--syslog`` and ``--logger``.
    """
    options = twistd or {}
    if options.get("syslog") or options.get("logger"):
        return None
    name = options.get("logfile")
    daemon = twistd is not None and not options.get("nodaemon")
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
    """The outermost service, which gives twistd the log observer.

    twistd calls ``makeService`` before it begins to log, and later asks the application, the parent of the service, for
    an ``ILogObserver`` component. This service sets the component when it gets its parent.
    """

    def __init__(self, log_observer: ILogObserver | None) -> None:
        super().__init__()
        self._observer = log_observer

    def setServiceParent(self, parent: Any) -> None:
        if self._observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)
        super().setServiceParent(parent)
