"""The settings: one table, three sources, one frozen :class:`Config`.

A setting comes from an option (``--post-length 300``), else from a variable (``MICROBLOG_POST_LENGTH=300``), else from
the TOML file (``post_length = 300``), else from its default. ``--config`` or ``MICROBLOG_CONFIG`` names the file;
otherwise it is ``microblog.toml`` in the data directory, if that exists.

Settings with several values are repeated options (``--http A --http B``), arrays in the file, and lists in variables:
``;`` separates endpoints (an endpoint's own semicolon is ``\\;``, which is Twisted's escape too), and commas or blanks
separate other values.

The table of settings is in :mod:`microblog.config.table`.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from microblog.config.kinds import NOT_LISTENING, Network, Setting, Smtp, WrongValue
from microblog.config.table import SETTINGS

Registration = Literal["open", "approval", "invitation", "closed"]
Role = Literal["web", "push", "tasks"]

PREFIX: Final = "MICROBLOG_"
FILE_NAME: Final = "microblog.toml"


class ConfigError(Exception):
    """A setting is wrong.  The text names its key, its source, its value and what would be right."""


_BY_KEY: Final = {setting.key: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings, parsed, without secrets in the ``repr``.

    ``Config.load`` makes it; a test calls ``Config.load({"data_dir": tmp_path}, {})``.
    """

    data_dir: Path
    #: A ``postgresql://`` URL; ``None`` means the embedded one.
    database: str | None = field(repr=False)
    http: tuple[str, ...]
    push: tuple[str, ...]
    #: Scheme and host, with a port where it isn't the scheme's own; no slash at the end.
    public_url: str
    smtp: Smtp | None
    mail_from: str
    site_name: str
    site_description: str
    operator: str
    contact_email: str | None
    contact_account: str | None
    rules: tuple[str, ...]
    #: Plain text; blank lines separate paragraphs.
    privacy_policy: str
    source_url: str | None
    registration: Registration
    post_length: int
    time_zone: str
    languages: tuple[str, ...]
    trusted_proxies: tuple[Network, ...]
    rate_limits: bool
    log_format: Literal["text", "json"]
    log_level: Literal["debug", "info", "warn", "error", "critical"]
    pool_size: int
    #: Seconds, as are all timeouts.
    statement_timeout: float
    drain_timeout: float
    live_connections: int
    live_connections_per_host: int
    push_connections_per_host: int
    #: Bytes.
    push_buffer: int
    roles: frozenset[Role]
    reuse_port: bool
    metrics: tuple[str, ...]
    metrics_allow: tuple[Network, ...]
    #: The TOML file that was read, if any.
    file: Path | None = None

    @property
    def secure(self) -> bool:
        """Whether the public URL is HTTPS: then cookies are ``Secure`` and answers carry HSTS."""
        return self.public_url.startswith("https://")

    @property
    def host(self) -> str:
        """The site's host without a port, in its ASCII form."""
        return _host_of(self.public_url)

    @property
    def netloc(self) -> str:
        """The site's host, with its port if there is one, as in ``Host`` and ``Origin``."""
        return urlsplit(self.public_url).netloc

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @classmethod
    def load(
        cls, options: Mapping[str, object], environ: Mapping[str, str], *, listening: bool = True
    ) -> Config:
        """Load the settings: options win over variables, variables over the file, the file over defaults.

        Args:
            options: by key, with ``-`` or ``_``; ``None`` and an empty list count as not given. ``config`` names the
                file.
            environ: the process's environment; only ``MICROBLOG_*`` matters.
            listening: whether the process will listen on the endpoints, so that their certificates have to be valid.
                The console command passes False, because it may not be able to read the keys.

        Raises:
            ConfigError: for the first fault, in the order options, variables, file.
        """
        file, given = _given(options, environ)
        values: dict[str, Any] = {}
        for setting in SETTINGS:
            value, source_text = given.get(setting.key, (setting.default, "its default"))
            values[setting.key] = _parse(setting, value, source_text, listening)
        if values["mail_from"] is None:
            values["mail_from"] = f"Microblog <microblog@{_mail_host(_host_of(values['public_url']))}>"
        return cls(**values, file=file)


def variable(key: str) -> str:
    """Return the environment variable of a setting: ``MICROBLOG_POST_LENGTH`` for ``post_length``."""
    return PREFIX + key.upper()


def option(key: str) -> str:
    """Return the command-line option of a setting: ``--post-length`` for ``post_length``."""
    return "--" + key.replace("_", "-")


def sources(options: Mapping[str, object], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the source of each given setting in words, by key; the others have their defaults.

    Raises:
        ConfigError: as :meth:`Config.load` does, except for wrong values, which this does not parse.
    """
    return {key: source for key, (_, source) in _given(options, environ)[1].items()}


def _given(
    options: Mapping[str, object], environ: Mapping[str, str]
) -> tuple[Path | None, dict[str, tuple[object, str]]]:
    """Return the file that was read, and the raw values with their sources, by key."""
    given: dict[str, tuple[object, str]] = {}
    from_options = _from_options(options)
    from_variables = _from_variables(environ)
    file, from_file = _from_file(from_options, from_variables)
    for source in (from_file, from_variables, from_options):
        given.update(source)
    given.pop("config", None)
    return file, given


def _from_options(options: Mapping[str, object]) -> dict[str, tuple[object, str]]:
    values: dict[str, tuple[object, str]] = {}
    for name, value in options.items():
        if value is None or value == [] or value == ():
            continue
        key = name.replace("-", "_")
        if key != "config" and key not in _BY_KEY:
            raise ConfigError(f"There is no option {option(key)}.{suggestion(key, option)}")
        values[key] = (value, f"the option {option(key)}")
    return values


def _from_variables(environ: Mapping[str, str]) -> dict[str, tuple[object, str]]:
    values: dict[str, tuple[object, str]] = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX):
            continue
        key = name.removeprefix(PREFIX).lower()
        if name != variable(key) or (key != "config" and key not in _BY_KEY):
            raise ConfigError(f"There is no setting for the variable {name}.{suggestion(key, variable)}")
        if value == "" and key not in ("site_description", "trusted_proxies", "metrics", "metrics_allow"):
            continue  # `MICROBLOG_SMTP= twistd …` unsets a variable in a shell or a compose file
        values[key] = (value, f"the variable {name}")
    return values


def _from_file(
    options: Mapping[str, tuple[object, str]], variables: Mapping[str, tuple[object, str]]
) -> tuple[Path | None, dict[str, tuple[object, str]]]:
    named = options.get("config") or variables.get("config")
    if named is not None:
        path = Path(str(named[0])).expanduser().absolute()
    else:
        setting = _BY_KEY["data_dir"]
        value, source = (
            options.get("data_dir") or variables.get("data_dir") or (setting.default, "its default")
        )
        path = _parse(setting, value, source) / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if named is None:
            return None, {}
        raise ConfigError(f"There is no file {path}, named by {named[1]}. Name one that exists.") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"The configuration file {path} can't be read: {reason}.") from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The configuration file {path} is not TOML: {error}.") from None
    values: dict[str, tuple[object, str]] = {}
    for key, value in content.items():
        if key not in _BY_KEY:
            raise ConfigError(f"There is no setting {key} (in {path}).{suggestion(key, str)}")
        if key == "data_dir" and named is None:
            raise ConfigError(
                f"data_dir can't be set in {path}, which was found through it. "
                f"Use {option(key)} or {variable(key)}, or name the file by --config."
            )
        values[key] = (value, f"the file {path}")
    return path, values


def _parse(setting: Setting, value: object, source: str, listening: bool = True) -> Any:
    if value is None:
        return None
    parse = setting.parse
    if not listening:
        parse = NOT_LISTENING.get(parse, parse)
    try:
        return parse(value)
    except WrongValue as wrong:
        shown = "a value that is not shown, as it may hold a password" if setting.secret else repr(value)
        raise ConfigError(
            f"{setting.key} is wrong: {shown}, from {source}. "
            f"It must be {wrong}, for example: {setting.example}"
        ) from None


def suggestion(key: str, spell: Any) -> str:
    """Return a sentence that names the known setting nearest to ``key``, written by ``spell``, or the help."""
    near = difflib.get_close_matches(key, [*_BY_KEY, "config"], n=1, cutoff=0.6)
    return f" Did you mean {spell(near[0])}?" if near else " See twistd microblog --help for all there are."


def _host_of(public_url: str) -> str:
    return urlsplit(public_url).hostname or ""


def _mail_host(host: str) -> str:
    """Return the host of mail addresses: an address literal if the site has no name (RFC 5321, section 4.1.3)."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


def _check_table() -> None:
    """Check that the table and the dataclass list the same settings; the type checker needs the dataclass.

    :raises TypeError: they differ.
    """
    declared = tuple(item.name for item in fields(Config) if item.default is MISSING)
    listed = tuple(setting.key for setting in SETTINGS)
    if declared != listed:
        raise TypeError(f"SETTINGS and Config differ: {set(declared) ^ set(listed) or 'in their order'}")


_check_table()
