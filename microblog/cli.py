"""The console command ``microblog``: accounts, tokens, jobs, sample content, the schema, the settings.

It has the configuration of ``twistd microblog`` and works through the same services, in a reactor that runs for one
command; beside a running server, and without one.  Results go to standard output, all else to standard error.
Exit codes: 0 done, 1 it could not be done, 2 it was asked wrongly or a setting is wrong.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import react
from twisted.logger import globalLogBeginner

from microblog import __version__
from microblog.config import Config, ConfigError, sources
from microblog.domain.accounts import Role
from microblog.domain.errors import InvalidInput, MicroblogError
from microblog.domain.ids import parse_id
from microblog.domain.text import one_line
from microblog.known_settings import SETTINGS
from microblog.log import observer
from microblog.process import StartError, use_monotonic_clock
from microblog.services.demo import fill
from microblog.services.microblog import Microblog
from microblog.store.migrate import Migration, SchemaError, migrate
from microblog.tail import tail

T = TypeVar("T")
Work = Callable[[Microblog], Awaitable[T]]

# What is not for a terminal is not cut to its width.
_PLAIN: Any = {"highlight": False, "markup": False, "emoji": False}
out = Console(width=None if sys.stdout.isatty() else 200, **_PLAIN)
err = Console(stderr=True, soft_wrap=True, **_PLAIN)


class Group(click.Group):
    """Errors are one sentence and an exit code; a traceback is for what nobody foresaw."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            _say_wrong(str(error))
            ctx.exit(2)
        except InvalidInput as error:
            _say_wrong(error.text)
            ctx.exit(2)
        except MicroblogError as error:
            _say_wrong(error.text)
            ctx.exit(1)
        except (SchemaError, StartError) as error:
            _say_wrong(str(error))
            ctx.exit(1)


def _say_wrong(text: str) -> None:
    err.print(Text.assemble(("microblog: ", "bold red"), text))


class Settings:
    """What was given on the command line, and what comes of it."""

    def __init__(self, **given: object) -> None:
        self.given = given

    @property
    def config(self) -> Config:
        """Raises ConfigError."""
        return Config.load(self.given, os.environ)

    def run(self, work: Work[T]) -> T:
        """Do it with the services of a site whose database is there and up to date."""
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

            return await _with_database(config, reactor, with_dsn)

        return _in_reactor(main)

    def migrate(self) -> list[Migration]:
        config = self.config

        async def main(reactor: Any) -> list[Migration]:
            return await _with_database(config, reactor, lambda dsn: migrate(dsn, reactor))

        return _in_reactor(main)


async def _with_database(config: Config, reactor: Any, work: Callable[[str], Awaitable[T]]) -> T:
    if config.database is not None:
        return await work(config.database)
    from microblog.store.embedded import EmbeddedPostgres

    embedded = EmbeddedPostgres(config.data_dir, reactor)
    dsn = await embedded.start()
    try:
        return await work(dsn)
    finally:
        await embedded.stop()


def _in_reactor(main: Callable[[Any], Awaitable[T]]) -> T:
    """Run the reactor until ``main`` is done; what it raises is raised here."""
    globalLogBeginner.beginLoggingTo([observer(sys.stderr, log_level="error")], redirectStandardIO=False)
    results: list[T] = []
    errors: list[BaseException] = []

    async def kept(reactor: Any) -> None:
        use_monotonic_clock(reactor)
        try:
            results.append(await main(reactor))
        except BaseException as error:  # noqa: BLE001 - raised again, outside of the reactor
            errors.append(error)

    def start(reactor: Any) -> Deferred[None]:
        return ensureDeferred(kept(reactor))

    try:
        react(start)
    except SystemExit as ended:
        if errors:
            raise errors[0] from None
        if not results:  # interrupted
            raise click.exceptions.Exit(130 if not ended.code else 1) from None
    return results[0]


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="microblog", message="%(prog)s %(version)s")
@click.option("--config", metavar="FILE", help="A TOML file with settings.")
@click.option("--data-dir", metavar="DIR", help="Where everything is kept that has to last.")
@click.option("--database", metavar="URL", help="PostgreSQL, where it is not the embedded one.")
@click.pass_context
def main(ctx: click.Context, config: str | None, data_dir: str | None, database: str | None) -> None:
    """Look after a microblog.

    The settings are those of "twistd microblog": options, MICROBLOG_* variables, the TOML file. These commands
    work beside a running server, and without one.
    """
    ctx.obj = Settings(config=config, data_dir=data_dir, database=database)


@main.group()
def account() -> None:
    """Make accounts, list them, suspend them."""


@account.command("create")
@click.argument("name")
@click.option("--email", required=True, metavar="E", help="Where mail for them goes.")
@click.option("--admin", is_flag=True, help="They may run the site with the owner.")
@click.pass_obj
def create_account(settings: Settings, name: str, email: str, admin: bool) -> None:
    """Make an account; prints its password. The first account of a site is its owner's."""
    role = Role.ADMIN if admin else Role.USER
    made, password = settings.run(lambda microblog: microblog.accounts.create(name, email, role))
    err.print(f"@{made.name} is here. The password, which they should change:")
    click.echo(password)


@account.command("list")
@click.pass_obj
def list_accounts(settings: Settings) -> None:
    """Show everybody, oldest first."""
    people = settings.run(lambda microblog: microblog.accounts.all())
    table = _table("Name", "Display name", "E-mail", "Role", "State", "Posts", "Since", "Last seen")
    for each, user in people:
        table.add_row(
            f"@{each.name}",
            one_line(each.display_name, 40),
            user.email + ("" if user.email_confirmed_at else " (unconfirmed)"),
            user.role.value,
            Text(each.state.value, style="" if each.state == "active" else "bold red"),
            str(each.posts_count),
            f"{each.created_at:%Y-%m-%d}",
            f"{user.last_seen_at:%Y-%m-%d %H:%M}" if user.last_seen_at else "never",
        )
    _show(
        table,
        bool(people),
        "Nobody is here yet. Make the first account: microblog account create NAME --email E",
    )


@account.command()
@click.argument("name")
@click.pass_obj
def suspend(settings: Settings, name: str) -> None:
    """Log somebody out everywhere and hide what they wrote."""
    done = settings.run(lambda microblog: microblog.accounts.suspend(name))
    err.print(f"@{done.name} is suspended.")


@account.command()
@click.argument("name")
@click.pass_obj
def unsuspend(settings: Settings, name: str) -> None:
    """End a suspension."""
    done = settings.run(lambda microblog: microblog.accounts.unsuspend(name))
    err.print(f"@{done.name} is back.")


@account.command("reset-password")
@click.argument("name")
@click.pass_obj
def reset_password(settings: Settings, name: str) -> None:
    """Give somebody a new password, which is printed; their sessions and tokens end."""
    password = settings.run(lambda microblog: microblog.accounts.reset_password(name))
    err.print("The new password, which they should change:")
    click.echo(password)


@account.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@click.pass_obj
def set_role(settings: Settings, name: str, role: str) -> None:
    """Change what somebody may do. A new owner makes the old one an administrator."""
    done = settings.run(lambda microblog: microblog.accounts.set_role(name, Role(role)))
    err.print(f"@{done.name} is {role} now.")


@main.group()
def token() -> None:
    """Make access tokens for the push port and the API; list and revoke them."""


@token.command("create")
@click.argument("name")
@click.option(
    "--scopes", required=True, metavar="SCOPES", help='What it may do, between spaces: "read", "read write" …'
)
@click.option("--label", default="", metavar="TEXT", help="What it is for, to know it again in the list.")
@click.pass_obj
def create_token(settings: Settings, name: str, scopes: str, label: str) -> None:
    """Make a token for the account NAME; prints it, this once."""

    async def work(microblog: Microblog) -> str:
        owner = await microblog.accounts.by_name(name)
        return await microblog.tokens.create(owner, scopes.replace(",", " ").split(), label)

    click.echo(settings.run(work))


@token.command("list")
@click.argument("name")
@click.pass_obj
def list_tokens(settings: Settings, name: str) -> None:
    """Show the tokens of the account NAME, newest first."""

    async def work(microblog: Microblog) -> list[Any]:
        owner, _ = await microblog.accounts.named(name)
        return await microblog.tokens.all(owner)

    found = settings.run(work)
    table = _table("Id", "Label", "Scopes", "Made", "Last used")
    for each in found:
        table.add_row(
            str(each.id),
            one_line(each.name, 60),
            " ".join(each.scopes),
            f"{each.created_at:%Y-%m-%d}",
            f"{each.last_used_at:%Y-%m-%d %H:%M}" if each.last_used_at else "never",
        )
    _show(table, bool(found), "There are no tokens.")


@token.command("revoke")
@click.argument("name")
@click.argument("token_id", metavar="ID")
@click.pass_obj
def revoke_token(settings: Settings, name: str, token_id: str) -> None:
    """Make a token of the account NAME void; what is connected with it ends."""
    wanted = _id(token_id)

    async def work(microblog: Microblog) -> None:
        owner, _ = await microblog.accounts.named(name)
        await microblog.tokens.revoke(owner, wanted)

    settings.run(work)
    err.print("The token is void.")


@main.group()
def jobs() -> None:
    """Look at the jobs that failed for good, and try them again."""


@jobs.command("list")
@click.pass_obj
def list_jobs(settings: Settings) -> None:
    """Show parked jobs, newest first, with what went wrong."""

    async def work(microblog: Microblog) -> tuple[list[Any], int]:
        return await microblog.jobs.parked(), await microblog.jobs.waiting()

    parked, waiting = settings.run(work)
    table = _table("Id", "Kind", "Parked", "Tries", "Last error")
    for each in parked:
        table.add_row(
            str(each.id),
            each.kind,
            f"{each.parked_at:%Y-%m-%d %H:%M}" if each.parked_at else "",
            str(each.attempts),
            one_line(each.last_error or "", 200),
        )
    _show(table, bool(parked), "No job is parked.")
    err.print(f"{waiting} {'job is' if waiting == 1 else 'jobs are'} waiting or running.", style="dim")


@jobs.command("retry")
@click.argument("job_ids", metavar="ID…", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All parked ones.")
@click.pass_obj
def retry_jobs(settings: Settings, job_ids: Sequence[str], every: bool) -> None:
    """Put parked jobs back into the queue, with all their tries."""
    if bool(job_ids) == every:
        raise click.UsageError("Name the jobs by their ids (see: microblog jobs list), or say --all.")
    wanted = [_id(each) for each in job_ids]

    async def work(microblog: Microblog) -> int:
        chosen = [each.id for each in await microblog.jobs.parked()] if every else wanted
        for each in chosen:
            await microblog.jobs.retry(each)
        return len(chosen)

    count = settings.run(work)
    err.print(f"{count} {'job is' if count == 1 else 'jobs are'} in the queue again.")


@main.command()
@click.pass_obj
def demo(settings: Settings) -> None:
    """Fill an empty site with lively sample content, in many languages."""
    # A sample that is lost in a power cut can be made again: no need to wait for the disk at each step.
    os.environ.setdefault("PGOPTIONS", "-c synchronous_commit=off")
    made = settings.run(fill)
    err.print(
        f"Made {made.people} people, {made.posts} posts, {made.boosts} boosts, {made.favourites} favourites "
        f"and {made.follows} follows, over the last 30 days."
    )
    err.print(
        f"Log in as “{made.owner}”, who owns the site, or as any of the others ({', '.join(made.names[1:4])} …). "
        "All have this password:"
    )
    click.echo(made.password)


main.add_command(tail)


@main.command("migrate")
@click.pass_obj
def migrate_(settings: Settings) -> None:
    """Bring the database's schema up to this release."""
    applied = settings.migrate()
    for each in applied:
        err.print(f"Applied {each.number:04d} {each.name}.")
    if not applied:
        err.print("The schema is up to date.")


@main.command("config")
@click.pass_obj
def show_config(settings: Settings) -> None:
    """Show the settings that are in force, and where each comes from. Secrets stay hidden."""
    config = settings.config
    given = sources(settings.given, os.environ)
    table = _table("Setting", "Value", "From")
    for setting in SETTINGS:
        value = getattr(config, setting.key)
        if setting.secret:
            shown = "(set, and not shown)" if value is not None else setting.shown_default
        elif isinstance(value, bool):
            shown = "on" if value else "off"
        elif isinstance(value, tuple | frozenset):
            shown = ", ".join(sorted(map(str, value)) if isinstance(value, frozenset) else map(str, value))
        else:
            shown = str(value)
        source = given.get(setting.key)
        table.add_row(setting.key, Text(shown), Text(source or "default", style="" if source else "dim"))
    out.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    return table


def _show(table: Table, anything: bool, otherwise: str) -> None:
    if anything:
        out.print(table)
    else:
        err.print(otherwise)


def _id(text: str) -> int:
    found = parse_id(text)
    if found is None:
        raise click.UsageError(f"{one_line(text, 40)} is no id. The list shows them.")
    return found
