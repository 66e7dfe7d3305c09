"""Runs one piece of work with the services of a site, in a reactor of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import click
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import react
from twisted.logger import globalLogBeginner

from microblog.config.load import Config
from microblog.domain.accounts import Account, User
from microblog.domain.errors import NotFound
from microblog.domain.text import one_line
from microblog.runtime.log import observer
from microblog.runtime.process import use_monotonic_clock
from microblog.services.microblog import Microblog
from microblog.store.engine.migrate import Migration, migrate

T = TypeVar("T")
Work = Callable[[Microblog], Awaitable[T]]


@contextmanager
def not_found_as(text: str) -> Iterator[None]:
    """Replace the text of a NotFound that is raised inside by ``text``, which names the command's argument."""
    try:
        yield
    except NotFound as error:
        raise NotFound(text) from error


def naming_account(name: str) -> AbstractContextManager[None]:
    """Make a NotFound that is raised inside say that there is no account ``name``."""
    return not_found_as(
        f"There is no account @{one_line(name.removeprefix('@'), 60)}. See: microblog account list"
    )


async def existing_account(microblog: Microblog, name: str) -> tuple[Account, User]:
    """Return the account ``name`` in any state. Raises NotFound with a text that names it."""
    with naming_account(name):
        return await microblog.accounts.in_any_state(name)


class Settings:
    """The options of the command line, and the site that they configure."""

    def __init__(self, **given: object) -> None:
        self.given = given

    @property
    def config(self) -> Config:
        """The configuration from options, environment and file. Raises ConfigError."""
        return Config.load(self.given, os.environ)

    def run(self, work: Work[T], *, create: bool = False) -> T:
        """Run ``work`` with the services of the site, on a schema that is up to date.

        ``create`` allows to create the embedded database. Most commands are for an existing site, and a mistyped
        ``--data-dir`` must not become a second one.

        Raises ConfigError, StartError, SchemaError and what ``work`` raises.
        """
        config = self.config

        async def main(reactor: Any) -> T:
            async def with_dsn(dsn: str) -> T:
                await migrate(dsn, reactor)
                microblog = Microblog(config, dsn, reactor, listen=False)
                try:
                    await microblog.start()
                    return await work(microblog)
                finally:
                    await microblog.stop()

            return await _with_database(config, reactor, with_dsn, create=create)

        return _in_reactor(main)

    def migrate(self) -> list[Migration]:
        """Bring the schema up to date. Return the migrations that ran. Raises as ``run`` does."""
        config = self.config

        async def main(reactor: Any) -> list[Migration]:
            return await _with_database(config, reactor, lambda dsn: migrate(dsn, reactor), create=True)

        return _in_reactor(main)


async def _with_database(
    config: Config, reactor: Any, work: Callable[[str], Awaitable[T]], *, create: bool
) -> T:
    if config.database is not None:
        return await work(config.database)
    from microblog.store.embedded import EmbeddedPostgres

    embedded = EmbeddedPostgres(config.data_dir, reactor, create=create)
    dsn = await embedded.start()
    try:
        return await work(dsn)
    finally:
        await embedded.stop()


def _in_reactor(main: Callable[[Any], Awaitable[T]]) -> T:
    """Run the reactor until ``main`` has ended. Return its result, or raise its exception."""
    globalLogBeginner.beginLoggingTo([observer(sys.stderr, log_level="error")], redirectStandardIO=False)
    results: list[T] = []
    errors: list[BaseException] = []

    async def guarded(reactor: Any) -> None:
        use_monotonic_clock(reactor)
        try:
            results.append(await main(reactor))
        except BaseException as error:  # noqa: BLE001 - raised again, outside of the reactor
            errors.append(error)

    def start(reactor: Any) -> Deferred[None]:
        return ensureDeferred(guarded(reactor))

    try:
        react(start)
    except SystemExit as ended:
        if errors:
            raise errors[0] from None
        if not results:  # interrupted
            raise click.exceptions.Exit(130 if not ended.code else 1) from None
    return results[0]
