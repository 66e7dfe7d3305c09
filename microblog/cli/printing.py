"""The output of commands: results on standard output, everything else on standard error, errors in one sentence."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from microblog.config.load import ConfigError
from microblog.domain.errors import InvalidInput, MicroblogError
from microblog.domain.ids import parse_id
from microblog.domain.text import one_line
from microblog.runtime.process import StartError
from microblog.store.engine.migrate import SchemaError

# Output that does not go to a terminal is not wrapped at its width.
_PLAIN: Any = {"highlight": False, "markup": False, "emoji": False}
out = Console(width=None if sys.stdout.isatty() else 200, **_PLAIN)
err = Console(stderr=True, soft_wrap=True, **_PLAIN)


class Group(click.Group):
    """A command group that turns expected errors into one sentence and an exit code, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            _print_error(str(error))
            ctx.exit(2)
        except InvalidInput as error:
            _print_error(error.text)
            ctx.exit(2)
        except MicroblogError as error:
            _print_error(error.text)
            ctx.exit(1)
        except (SchemaError, StartError) as error:
            _print_error(str(error))
            ctx.exit(1)


def _print_error(text: str) -> None:
    err.print(Text.assemble(("microblog: ", "bold red"), text))


def table_of(*columns: str) -> Table:
    """Return an empty table with these column titles."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    return table


def show(table: Table, anything: bool, otherwise: str) -> None:
    """Print a table if it has ``anything``, else the text ``otherwise`` on standard error."""
    if anything:
        out.print(table)
    else:
        err.print(otherwise)


def id_from(text: str) -> int:
    """Return the id in an argument. Raises UsageError."""
    number = parse_id(text)
    if number is None:
        raise click.UsageError(f"{one_line(text, 40)} is no id. The list shows them.")
    return number
