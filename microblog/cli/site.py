"""Commands for the whole site: ``microblog demo``, ``migrate`` and ``config``."""

from __future__ import annotations

import os

import click
from rich.text import Text

from microblog.cli.printing import err, out, table_of
from microblog.cli.running import Settings
from microblog.config.load import sources
from microblog.config.table import SETTINGS
from microblog.services.demo import fill


@click.command()
@click.pass_obj
def demo(settings: Settings) -> None:
    """Fill an empty site with lively sample content, in many languages."""
    # A sample that is lost in a power cut can be made again: no need to wait for the disk at each step.
    os.environ.setdefault("PGOPTIONS", "-c synchronous_commit=off")
    made = settings.run(fill, create=True)
    err.print(
        f"Made {made.people} people, {made.posts} posts, {made.boosts} boosts, {made.favourites} favourites "
        f"and {made.follows} follows, over the last 30 days."
    )
    err.print(
        f"Log in as “{made.owner}”, who owns the site, or as any of the others ({', '.join(made.names[1:4])} …). "
        "All have this password:"
    )
    click.echo(made.password)


@click.command("migrate")
@click.pass_obj
def migrate_(settings: Settings) -> None:
    """Bring the database's schema up to this release."""
    applied = settings.migrate()
    for each in applied:
        err.print(f"Applied {each.number:04d} {each.name}.")
    if not applied:
        err.print("The schema is up to date.")


@click.command("config")
@click.pass_obj
def show_config(settings: Settings) -> None:
    """Show the settings that a command or server started from here would use, and where each comes from.

    A running server may have been started with other options. Secrets stay hidden.
    """
    config = settings.config
    given = sources(settings.given, os.environ)
    table = table_of("Setting", "Value", "From")
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
    err.print(
        "These settings come from the options, variables and file given here. "
        "A server that is already running may use others.",
        style="dim",
    )
