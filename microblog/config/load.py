"""The settings: one table, three sources, one frozen :class:`Config`.

A setting comes from an option (``--post-length 300``), else from a variable (``MICROBLOG_POST_LENGTH=300``),
else from the TOML file (``post_length = 300``), else it has its default.  The file is the one named by
``--config`` or ``MICROBLOG_CONFIG``, else ``microblog.toml`` in the data directory where there is one.

Settings that take several values are repeated as options (``--http A --http B``), are arrays in the file, and
are separated in variables: endpoints by ``;`` (an endpoint's own semicolon is written ``\\;``, which is
Twisted's escape as well), all others by commas or blanks.

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
    """A setting is wrong.  The text names the key, where it came from, its value, and what would be right."""


_BY_KEY: Final = {setting.key: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings, parsed.  Has no secret in its ``repr``.

    ``Config.load`` is the way in; a test makes one by ``Config.load({"data_dir": tmp_path}, {})``.
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
        """Whether people reach the site over https: then cookies are ``Secure`` and HSTS is sent."""
        return self.public_url.startswith("https://")

    @property
    def host(self) -> str:
        """The site's host without a port, in its ASCII form."""
        return _host_of(self.public_url)

    @property
    def netloc(self) -> str:
        """The site's host, with its port where there is one: what ``Host`` and ``Origin`` say."""
        return urlsplit(self.public_url).netloc

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @classmethod
    def load(
        cls, options: Mapping[str, object], environ: Mapping[str, str], *, listening: bool = True
    ) -> Config:
        """Settings from ``options`` over ``environ`` over the file over the defaults.

        Args:
            options: by key, with ``-`` or ``_``; those that are ``None`` or an empty list were not given.
                ``config`` names the file.
            environ: the process's environment; only ``MICROBLOG_*`` is looked at.
            listening: whether the endpoints will be listened on, and so have to be right to the last byte of
                their certificates.  The console command says no: it may not be able to read the keys.

        Raises:
            ConfigError: on the first thing that is wrong, in the order options, variables, file.
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
    """The environment variable of a setting: ``post_length`` -> ``MICROBLOG_POST_LENGTH``."""
    return PREFIX + key.upper()


def option(key: str) -> str:
    """The command-line option of a setting: ``post_length`` -> ``--post-length``."""
    return "--" + key.replace("_", "-")


def sources(options: Mapping[str, object], environ: Mapping[str, str]) -> dict[str, str]:
    """Where each setting that was given comes from, in words, by key; the others have their defaults.

    Raises:
        ConfigError: as :meth:`Config.load` does, but for values, which are not looked at.
    """
    return {key: source for key, (_, source) in _given(options, environ)[1].items()}


def _given(
    options: Mapping[str, object], environ: Mapping[str, str]
) -> tuple[Path | None, dict[str, tuple[object, str]]]:
    """The file that was read, and by key the raw values and where they come from."""
    given: dict[str, tuple[object, str]] = {}
    from_options = _from_options(options)
    from_variables = _from_variables(environ)
    file, from_file = _from_file(from_options, from_variables)
    for source in (from_file, from_variables, from_options):
        given.update(source)
    given.pop("config", None)
    return file, given


def _from_options(options: Mapping[str, object]) -> dict[str, tuple[object, str]]:
    found: dict[str, tuple[object, str]] = {}
    for name, value in options.items():
        if value is None or value == [] or value == ():
            continue
        key = name.replace("-", "_")
        if key != "config" and key not in _BY_KEY:
            raise ConfigError(f"There is no option {option(key)}.{suggestion(key, option)}")
        found[key] = (value, f"the option {option(key)}")
    return found


def _from_variables(environ: Mapping[str, str]) -> dict[str, tuple[object, str]]:
    found: dict[str, tuple[object, str]] = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX):
            continue
        key = name.removeprefix(PREFIX).lower()
        if name != variable(key) or (key != "config" and key not in _BY_KEY):
            raise ConfigError(f"There is no setting for the variable {name}.{suggestion(key, variable)}")
        if value == "" and key not in ("site_description", "trusted_proxies", "metrics", "metrics_allow"):
            continue  # `MICROBLOG_SMTP= twistd …` is how one unsets in a shell or a compose file
        found[key] = (value, f"the variable {name}")
    return found


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
    found: dict[str, tuple[object, str]] = {}
    for key, value in content.items():
        if key not in _BY_KEY:
            raise ConfigError(f"There is no setting {key} (in {path}).{suggestion(key, str)}")
        if key == "data_dir" and named is None:
            raise ConfigError(
                f"data_dir can't be set in {path}, which was found through it. "
                f"Use {option(key)} or {variable(key)}, or name the file by --config."
            )
        found[key] = (value, f"the file {path}")
    return path, found


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
    """An address literal where the site has no name (RFC 5321, section 4.1.3)."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


def _check_table() -> None:
    """The table and the dataclass are one list written twice, for the type checker's sake."""
    wanted = tuple(item.name for item in fields(Config) if item.default is MISSING)
    listed = tuple(setting.key for setting in SETTINGS)
    if wanted != listed:
        raise TypeError(f"SETTINGS and Config differ: {set(wanted) ^ set(listed) or 'in their order'}")


_check_table()
