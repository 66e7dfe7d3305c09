"""The kinds of settings: parsers that take a raw value and return the parsed one, or raise ``WrongValue``.

A raw value is a string (from an option or a variable), a list of strings (a repeated option) or any value of TOML. The
text of ``WrongValue`` completes the sentence "It must be …".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import idna

Network = IPv4Network | IPv6Network


class WrongValue(ValueError):
    """A value of the wrong kind. The text says what is right, as the end of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _SettingOptions:
    """The keyword arguments of ``Setting``."""

    metavar: str
    help: str
    example: str
    #: Whether it takes several values.
    many: bool = False
    #: Whether it may hold a password: the value is never shown, not even in errors.
    secret: bool = False
    #: The default in words, where its value explains nothing.
    default_text: str | None = None


@dataclass(frozen=True, slots=True)
class Setting(_SettingOptions):
    """A line of the table in :mod:`microblog.config.table`."""

    key: str
    parse: Callable[[object], Any]
    #: A raw value.
    default: object

    @property
    def shown_default(self) -> str:
        """The default as the help text shows it."""
        if self.default_text is not None:
            return self.default_text
        if isinstance(self.default, tuple):
            return ", ".join(self.default)
        return str(self.default)


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server.  ``implicit_tls``: TLS from the first byte (RFC 8314) instead of STARTTLS where it is offered."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    implicit_tls: bool = False

    @property
    def require_tls(self) -> bool:
        """Whether to refuse an unencrypted connection: a password never crosses a network in clear."""
        return self.implicit_tls or (self.password is not None and not _is_loopback(self.host))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def as_text(value: object, right: str) -> str:
    """Return a string without the blanks around it. ``right`` is the text of WrongValue, here and below."""
    if not isinstance(value, str):
        raise WrongValue(right)
    return value.strip()


def has_control_characters(text: str) -> bool:
    """Return whether a text has control characters, line separators or lone surrogates."""
    return any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)


def split_list(value: object, right: str, separators: str) -> list[str]:
    """Return the members of a list, from a string with separators or from a list, without repetitions."""
    if isinstance(value, str):
        parts: Sequence[object] = re.split(separators, value)
    elif isinstance(value, list | tuple):
        # A member of a list may hold several values, as in `--roles web,push`; an endpoint is not split.
        parts = [
            piece
            for part in value
            for piece in (
                re.split(separators, part) if isinstance(part, str) and separators == _LIST else [part]
            )
        ]
    else:
        raise WrongValue(right)
    items: list[str] = []
    for part in parts:
        text = as_text(part, right)
        if text and text not in items:
            items.append(text)
    return items


# Commas and blanks separate values. Semicolons separate endpoints, whose arguments may hold commas.
_LIST = r"[,;\s]+"
_ENDPOINT_LIST = r"(?<!\\);"


def one_line(shortest: int, longest: int) -> Callable[[object], str]:
    right = f"one line of text of {shortest} to {longest} characters"

    def parse(value: object) -> str:
        text = as_text(value, right)
        if not shortest <= len(text) <= longest or has_control_characters(text):
            raise WrongValue(right)
        return text

    return parse


def integer(least: int, most: int) -> Callable[[object], int]:
    right = f"a whole number from {least} to {most}"

    def parse(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise WrongValue(right)
        return value

    return parse


def seconds(least: float, most: float) -> Callable[[object], float]:
    right = f"a number of seconds from {least:g} to {most:g}"

    def parse(value: object) -> float:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value.strip()):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise WrongValue(right)
        return float(value)

    return parse


def choice(*words: str) -> Callable[[object], str]:
    right = f"{', '.join(words[:-1])} or {words[-1]}"

    def parse(value: object) -> str:
        word = as_text(value, right).lower()
        if word not in words:
            raise WrongValue(right)
        return word

    return parse


def choices(*words: str) -> Callable[[object], frozenset[str]]:
    right = f"one or more of {', '.join(words)}"

    def parse(value: object) -> frozenset[str]:
        chosen = frozenset(item.lower() for item in split_list(value, right, _LIST))
        if not chosen or not chosen <= frozenset(words):
            raise WrongValue(right)
        return chosen

    return parse


def on_or_off(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = as_text(value, "on or off").lower()
    if word in ("on", "true", "yes", "1"):
        return True
    if word in ("off", "false", "no", "0"):
        return False
    raise WrongValue("on or off")


def directory(value: object) -> Path:
    right = "a directory, or a path where one can be made"
    if isinstance(value, Path):
        value = str(value)
    text = as_text(value, right)
    if not text or has_control_characters(text):
        raise WrongValue(right)
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise WrongValue(right)
    return path.resolve()


_ENDPOINTS = "Twisted endpoint strings (tcp:PORT:interface=ADDRESS, ssl:…, unix:PATH, systemd:…)"


def endpoint_strings(value: object) -> tuple[str, ...]:
    """Split endpoints without parsing them, for programs that do not listen."""
    items = split_list(value, _ENDPOINTS, _ENDPOINT_LIST)
    if not items:
        raise WrongValue(_ENDPOINTS)
    return tuple(items)


def endpoints(value: object) -> tuple[str, ...]:
    """Split and parse endpoints. Only listening shows whether a port is free."""
    # Imported here because the console command reads settings too and needs no half of Twisted for that.
    from twisted.internet.endpoints import serverFromString

    items = endpoint_strings(value)
    for item in items:
        if item.split(":", 1)[0] == "tcp" and not _is_port(item):
            raise WrongValue(f"{_ENDPOINTS}; in {item!r} the port must be a number from 0 to 65535")
        try:
            # Parsing a TLS endpoint also loads its key and certificates, so a missing file shows here.
            serverFromString(None, item)
        except Exception as error:  # noqa: BLE001 - the parsers are plugins and may raise anything
            raise WrongValue(f"{_ENDPOINTS}; {item!r} is not one ({_reason(error)})") from None
    return items


def optional_endpoint_strings(value: object) -> tuple[str, ...]:
    """Split endpoints as ``endpoint_strings`` does; accept none."""
    return endpoint_strings(value) if split_list(value, _ENDPOINTS, _ENDPOINT_LIST) else ()


def optional_endpoints(value: object) -> tuple[str, ...]:
    """Split and parse endpoints as ``endpoints`` does; accept none."""
    return endpoints(value) if split_list(value, _ENDPOINTS, _ENDPOINT_LIST) else ()


#: The kinds for programs that do not listen, by the kinds that they replace.
NOT_LISTENING: dict[object, Callable[[object], tuple[str, ...]]] = {
    endpoints: endpoint_strings,
    optional_endpoints: optional_endpoint_strings,
}


def _is_port(item: str) -> bool:
    match = re.match(r"tcp:(?:port=)?([0-9]{1,5})(?::|$)", item)
    return match is not None and int(match[1]) <= 65535


def _reason(error: Exception) -> str:
    if isinstance(error, IndexError | KeyError):
        return "systemd passed no such socket"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}"
    return " ".join(str(error).split()) or type(error).__name__


def parse_url(value: object, schemes: Sequence[str], right: str) -> SplitResult:
    text = as_text(value, right)
    if not text or has_control_characters(text) or " " in text:
        raise WrongValue(right)
    try:
        url = urlsplit(text)
        url.port  # noqa: B018 - raises ValueError for an invalid port
    except ValueError:
        raise WrongValue(right) from None
    if url.scheme not in schemes:
        raise WrongValue(right)
    return url


def database_url(value: object) -> str:
    right = "a URL postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    url = parse_url(value, ("postgresql", "postgres"), right)
    # libpq reads postgresql:///name and ?host=/run/postgresql as Unix sockets.
    if not url.netloc and not url.path.strip("/") and not url.query:
        raise WrongValue(right)
    # libpq would refuse a bare % too, and its error would show the password.
    if re.search(r"%(?![0-9A-Fa-f]{2})|%00", url.geturl()):
        raise WrongValue(f"{right}, where % is written %25")
    # geturl() would turn postgresql:///name into postgresql:/name, because urllib does not know the scheme.
    return as_text(value, right)


def public_url(value: object) -> str:
    right = "http:// or https:// and a host, with a port where needed, and no path"
    url = parse_url(value, ("http", "https"), right)
    if not url.hostname or url.username is not None or url.path not in ("", "/") or url.query or url.fragment:
        raise WrongValue(right)
    port = url.port
    standard = {"http": 80, "https": 443}[url.scheme]
    return f"{url.scheme}://{_host(url.hostname, right)}" + (f":{port}" if port and port != standard else "")


def _host(name: str, right: str) -> str:
    """Return a host in ASCII: an address (IPv6 in brackets), or a name by IDNA 2008 (RFC 5891)."""
    try:
        address = ip_address(name)
    except ValueError:
        pass
    else:
        return f"[{address}]" if address.version == 6 else str(address)
    try:
        ascii_name = idna.encode(name.rstrip("."), uts46=True).decode("ascii")
    except idna.IDNAError:
        raise WrongValue(right) from None
    return ascii_name.lower()


def smtp_url(value: object) -> Smtp:
    right = "smtp://USER:PASSWORD@HOST:PORT or smtps://…, with user and password where the server wants them"
    url = parse_url(value, ("smtp", "smtps"), right)
    if not url.hostname or url.path not in ("", "/") or url.query or url.fragment:
        raise WrongValue(right)
    if (url.username is None) != (url.password is None):
        raise WrongValue(right)
    implicit = url.scheme == "smtps"
    return Smtp(
        host=_host(url.hostname, right).strip("[]"),
        port=url.port or (465 if implicit else 25),
        user=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        implicit_tls=implicit,
    )


def mailbox(value: object) -> str:
    right = "a mail address, or a name and an address: NAME <USER@HOST>"
    text = as_text(value, right)
    if has_control_characters(text):
        raise WrongValue(right)
    name, address = parseaddr(text)
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address):
        raise WrongValue(right)
    try:
        return str(Address(display_name=name, addr_spec=address))
    except (ValueError, IndexError):
        raise WrongValue(right) from None


def time_zone(value: object) -> str:
    right = "the name of a time zone in the IANA list"
    name = as_text(value, right)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongValue(right) from None
    return name


def languages(value: object) -> tuple[str, ...]:
    right = "language codes of two or three letters (ISO 639), such as en, de or pt-BR"
    items = split_list(value, right, _LIST)
    if not items or not all(re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", item) for item in items):
        raise WrongValue(right)
    return tuple(items)


def networks(value: object) -> tuple[Network, ...]:
    right = "IP addresses or networks"
    parsed: list[Network] = []
    for item in split_list(value, right, _LIST):
        try:
            parsed.append(ip_network(item))
        except ValueError as error:
            raise WrongValue(f"{right}; {error}") from None
    return tuple(parsed)
