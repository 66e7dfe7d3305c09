"""What kinds of settings there are: each takes a raw value and returns it parsed, or says what is right.

A raw value is a string (from an option or a variable), a list of strings (a repeated option), or whatever
TOML has.  ``WrongValue``'s text completes the sentence "It must be …".
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
    """What would be right, as the end of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _SettingRest:
    metavar: str
    help: str
    example: str
    #: Takes several values.
    many: bool = False
    #: May hold a password: never shown, not even when it is wrong.
    secret: bool = False
    #: The default in words, where the value says nothing.
    default_text: str | None = None


@dataclass(frozen=True, slots=True)
class Setting(_SettingRest):
    """One line of the table in :mod:`microblog.config.load`."""

    key: str
    parse: Callable[[object], Any]
    #: Raw, as if someone had given it.
    default: object

    @property
    def shown_default(self) -> str:
        if self.default_text is not None:
            return self.default_text
        if isinstance(self.default, tuple):
            return ", ".join(self.default)
        return str(self.default)


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server.  ``implicit_tls``: TLS from the first byte (RFC 8314); else STARTTLS where offered."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    implicit_tls: bool = False

    @property
    def require_tls(self) -> bool:
        """A password goes over the network encrypted or not at all."""
        return self.implicit_tls or (self.password is not None and not _is_loopback(self.host))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _string(value: object, right: str) -> str:
    if not isinstance(value, str):
        raise WrongValue(right)
    return value.strip()


def _has_controls(text: str) -> bool:
    return any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)


def _items(value: object, right: str, separators: str) -> list[str]:
    """The members of a list, however it was written."""
    if isinstance(value, str):
        parts: Sequence[object] = re.split(separators, value)
    elif isinstance(value, list | tuple):
        # As in `--roles web,push`; an endpoint stays whole.
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
        text = _string(part, right)
        if text and text not in items:
            items.append(text)
    return items


# Commas and blanks separate; endpoints have semicolons, as their own arguments may hold commas.
_LIST = r"[,;\s]+"
_ENDPOINT_LIST = r"(?<!\\);"


def line(shortest: int, longest: int) -> Callable[[object], str]:
    right = f"one line of text of {shortest} to {longest} characters"

    def parse(value: object) -> str:
        text = _string(value, right)
        if not shortest <= len(text) <= longest or _has_controls(text):
            raise WrongValue(right)
        return text

    return parse


def whole(least: int, most: int) -> Callable[[object], int]:
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
        word = _string(value, right).lower()
        if word not in words:
            raise WrongValue(right)
        return word

    return parse


def choices(*words: str) -> Callable[[object], frozenset[str]]:
    right = f"one or more of {', '.join(words)}"

    def parse(value: object) -> frozenset[str]:
        found = frozenset(item.lower() for item in _items(value, right, _LIST))
        if not found or not found <= frozenset(words):
            raise WrongValue(right)
        return found

    return parse


def switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = _string(value, "on or off").lower()
    if word in ("on", "true", "yes", "1"):
        return True
    if word in ("off", "false", "no", "0"):
        return False
    raise WrongValue("on or off")


def directory(value: object) -> Path:
    right = "a directory, or a path where one can be made"
    if isinstance(value, Path):
        value = str(value)
    text = _string(value, right)
    if not text or _has_controls(text):
        raise WrongValue(right)
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise WrongValue(right)
    return path.resolve()


_ENDPOINTS = "Twisted endpoint strings (tcp:PORT:interface=ADDRESS, ssl:…, unix:PATH, systemd:…)"


def endpoint_strings(value: object) -> tuple[str, ...]:
    """Endpoints by their looks only: for who will not listen on them."""
    items = _items(value, _ENDPOINTS, _ENDPOINT_LIST)
    if not items:
        raise WrongValue(_ENDPOINTS)
    return tuple(items)


def endpoints(value: object) -> tuple[str, ...]:
    """Endpoints that can be listened on, but for what only the attempt shows."""
    # Here and not above: the console command reads settings too, and need not load half of Twisted for it.
    from twisted.internet.endpoints import serverFromString

    items = endpoint_strings(value)
    for item in items:
        if item.split(":", 1)[0] == "tcp" and not _is_port(item):
            raise WrongValue(f"{_ENDPOINTS}; in {item!r} the port must be a number from 0 to 65535")
        try:
            # Parsing a TLS endpoint also loads its key and certificates: a missing file is found here.
            serverFromString(None, item)
        except Exception as error:  # noqa: BLE001 - the parsers are plugins, and raise what they like
            raise WrongValue(f"{_ENDPOINTS}; {item!r} is not one ({_reason(error)})") from None
    return items


def optional_endpoint_strings(value: object) -> tuple[str, ...]:
    """The same, or none."""
    return endpoint_strings(value) if _items(value, _ENDPOINTS, _ENDPOINT_LIST) else ()


def optional_endpoints(value: object) -> tuple[str, ...]:
    """The same, or none."""
    return endpoints(value) if _items(value, _ENDPOINTS, _ENDPOINT_LIST) else ()


#: For who will not listen: in place of the kinds that look whether one could.
NOT_LISTENING: dict[object, Callable[[object], tuple[str, ...]]] = {
    endpoints: endpoint_strings,
    optional_endpoints: optional_endpoint_strings,
}


def _is_port(item: str) -> bool:
    found = re.match(r"tcp:(?:port=)?([0-9]{1,5})(?::|$)", item)
    return found is not None and int(found[1]) <= 65535


def _reason(error: Exception) -> str:
    if isinstance(error, IndexError | KeyError):
        return "systemd passed no such socket"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}"
    return " ".join(str(error).split()) or type(error).__name__


def _url(value: object, schemes: Sequence[str], right: str) -> SplitResult:
    text = _string(value, right)
    if not text or _has_controls(text) or " " in text:
        raise WrongValue(right)
    try:
        url = urlsplit(text)
        url.port  # noqa: B018 - raises when it is no port
    except ValueError:
        raise WrongValue(right) from None
    if url.scheme not in schemes:
        raise WrongValue(right)
    return url


def database_url(value: object) -> str:
    right = "a URL postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    url = _url(value, ("postgresql", "postgres"), right)
    # postgresql:///name and ?host=/run/postgresql are libpq's own ways to a Unix socket.
    if not url.netloc and not url.path.strip("/") and not url.query:
        raise WrongValue(right)
    # A bare % in a password: libpq would refuse it too, and quote the password as it does.
    if re.search(r"%(?![0-9A-Fa-f]{2})|%00", url.geturl()):
        raise WrongValue(f"{right}, where % is written %25")
    # Not geturl(): for a scheme that urllib doesn't know it makes postgresql:/name of postgresql:///name.
    return _string(value, right)


def public_url(value: object) -> str:
    right = "http:// or https:// and a host, with a port where needed, and no path"
    url = _url(value, ("http", "https"), right)
    if not url.hostname or url.username is not None or url.path not in ("", "/") or url.query or url.fragment:
        raise WrongValue(right)
    port = url.port
    standard = {"http": 80, "https": 443}[url.scheme]
    return f"{url.scheme}://{_host(url.hostname, right)}" + (f":{port}" if port and port != standard else "")


def _host(name: str, right: str) -> str:
    """A host in its ASCII form: an address (IPv6 in brackets), or a name by IDNA 2008 (RFC 5891)."""
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
    url = _url(value, ("smtp", "smtps"), right)
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
    text = _string(value, right)
    if _has_controls(text):
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
    name = _string(value, right)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongValue(right) from None
    return name


def languages(value: object) -> tuple[str, ...]:
    right = "language codes of two or three letters (ISO 639), such as en, de or pt-BR"
    items = _items(value, right, _LIST)
    if not items or not all(re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", item) for item in items):
        raise WrongValue(right)
    return tuple(items)


def networks(value: object) -> tuple[Network, ...]:
    right = "IP addresses or networks"
    found: list[Network] = []
    for item in _items(value, right, _LIST):
        try:
            found.append(ip_network(item))
        except ValueError as error:
            raise WrongValue(f"{right}; {error}") from None
    return tuple(found)
