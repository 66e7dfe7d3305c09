"""The options of ``twistd microblog``, and the service that they make.

The options come from :mod:`microblog.config.table`, so that they agree with the variables and the file.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Any

from twisted.application.service import IService
from twisted.logger import Logger
from twisted.python import usage

from microblog import __version__
from microblog.config.kinds import Setting
from microblog.config.load import Config, ConfigError, option, suggestion
from microblog.config.table import SETTINGS
from microblog.runtime.log import LoggedService, observer_for_twistd
from microblog.runtime.process import on_hangup, stop_on_signals, use_monotonic_clock

log = Logger()


def _describe(setting: Setting) -> str:
    """Return a setting's line in the help text."""
    repeat = " May be repeated." if setting.many else ""
    return f"{setting.metavar}: {setting.help}{repeat} [default: {setting.shown_default}]"


def _repeated(setting: Setting) -> Callable[[Any, str], None]:
    """Return the ``opt_…`` method by which ``usage.Options`` takes an option several times."""

    def gather(self: Any, value: str) -> None:
        self.setdefault(setting.key, []).append(value)

    gather.__doc__ = _describe(setting)
    return gather


class Options(usage.Options):
    """The options from the table of settings, with the given values unparsed."""

    synopsis = "[options]"
    longdesc = (
        "Each option is also a variable (--post-length: MICROBLOG_POST_LENGTH) and a key of the TOML file "
        "(post_length). Options win over variables, variables over the file."
    )
    optParameters = [  # noqa: RUF012 - Twisted's way
        [
            "config",
            None,
            None,
            "FILE: A TOML file with settings. [default: microblog.toml in the data directory]",
        ],
        *(
            [option(setting.key)[2:], None, None, _describe(setting)]
            for setting in SETTINGS
            if not setting.many
        ),
    ]

    def opt_version(self) -> None:
        """Print Microblog's version and exit."""
        sys.stdout.write(f"Microblog {__version__}\n")
        raise SystemExit(0)

    def settings(self) -> dict[str, object]:
        """Return the given values by key, for :meth:`microblog.config.load.Config.load`."""
        return {str(key): value for key, value in self.items() if value is not None}

    def parseOptions(self, options: list[str] | None = None) -> None:
        """Parse ``options``; end the program with one line for an unknown option.

        twistd prints its whole usage before a UsageError, which hides the line that matters.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            text = str(error)
            unknown = re.search(r"--([\w-]+) not recognized", text)
            if unknown is not None:
                text = f"There is no option --{unknown[1]}.{suggestion(unknown[1].replace('-', '_'), option)}"
            raise SystemExit(f"microblog: {text}") from None

    def postOptions(self) -> None:
        # Here rather than in makeService, because nothing has started yet.
        try:
            self.config = Config.load(self.settings(), os.environ)
        except ConfigError as error:
            raise SystemExit(f"microblog: {error}") from None


for _setting in SETTINGS:
    if _setting.many:
        setattr(Options, "opt_" + _setting.key, _repeated(_setting))


def check_settings(options: Options) -> None:
    """Read the settings again and log which have changed. The running service does not change.

    Sockets, certificates and the pool are made at start; a restart loses no request (``docs/operations.md``).
    """
    try:
        # The sockets are in use, so the endpoints are parsed only.
        fresh = Config.load(options.settings(), os.environ, listening=False)
    except ConfigError as error:
        log.error("The settings would be refused, and the old ones stay: {error}", error=error)
        return
    changed = [
        setting.key
        for setting in SETTINGS
        if getattr(fresh, setting.key) != getattr(options.config, setting.key)
    ]
    if changed:
        log.info(
            "The settings are right. Changed, and in force after a restart: {keys}", keys=", ".join(changed)
        )
    else:
        log.info("The settings are right, and those in force.")


def makeService(options: Options) -> IService:
    """Return the service that twistd runs."""
    # Only this module may choose a reactor: twistd has installed it before this call.
    from twisted.internet import reactor

    use_monotonic_clock(reactor)
    stop_on_signals(reactor)
    on_hangup(reactor, lambda: check_settings(options))

    # After the clock is set, because imported modules may schedule calls.
    from microblog.app import make_service

    config = options.config
    twistd = getattr(options, "parent", None)
    logged = LoggedService(
        observer_for_twistd(twistd, log_format=config.log_format, log_level=config.log_level)
    )
    make_service(config, reactor).setServiceParent(logged)
    service: IService = logged
    return service
