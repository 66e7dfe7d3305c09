"""``twistd microblog``: its options, and the service they make.

The options are made from the table in :mod:`microblog.config.load`, so that they, the variables and the file can't
drift apart.
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
    repeat = " May be repeated." if setting.many else ""
    return f"{setting.metavar}: {setting.help}{repeat} [default: {setting.shown_default}]"


def _repeated(setting: Setting) -> Callable[[Any, str], None]:
    """An ``opt_…`` method, which is how ``usage.Options`` takes an option several times."""

    def gather(self: Any, value: str) -> None:
        self.setdefault(setting.key, []).append(value)

    gather.__doc__ = _describe(setting)
    return gather


class Options(usage.Options):
    """Built from the settings' table; holds what was given, unparsed."""

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
        """What was given, by key: for :meth:`microblog.config.load.Config.load`."""
        return {str(key): value for key, value in self.items() if value is not None}

    def parseOptions(self, options: list[str] | None = None) -> None:
        """Parse ``options``; an option that does not exist ends the program with one line.

        twistd prints its whole usage before a UsageError, which scrolls the one line that matters away.
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
        # Here, and not in makeService: nothing has started yet.
        try:
            self.config = Config.load(self.settings(), os.environ)
        except ConfigError as error:
            raise SystemExit(f"microblog: {error}") from None


for _setting in SETTINGS:
    if _setting.many:
        setattr(Options, "opt_" + _setting.key, _repeated(_setting))


def look_again(options: Options) -> None:
    """Reads the settings again, and says what would change.  What runs stays as it is, above all if they are wrong.

    Sockets, certificates and the pool belong to the start; a restart turns nobody away (``docs/operations.md``).
    """
    try:
        # Its sockets are in use, so the endpoints are looked at, and not tried.
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
    """The whole microblog as one service, for twistd."""
    # Here, as the only module that may choose one: twistd has installed it by now.
    from twisted.internet import reactor

    use_monotonic_clock(reactor)
    stop_on_signals(reactor)
    on_hangup(reactor, lambda: look_again(options))

    # After the clock is set: what it imports may schedule.
    from microblog.app import make_service

    config = options.config
    twistd = getattr(options, "parent", None)
    logged = LoggedService(
        observer_for_twistd(twistd, log_format=config.log_format, log_level=config.log_level)
    )
    make_service(config, reactor).setServiceParent(logged)
    service: IService = logged
    return service
