"""What the command says: results on standard output, all else on standard error, mistakes in one sentence."""

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


def table_of(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    return table


def show(table: Table, anything: bool, otherwise: str) -> None:
    if anything:
        out.print(table)
    else:
        err.print(otherwise)


def id_from(text: str) -> int:
    found = parse_id(text)
    if found is None:
        raise click.UsageError(f"{one_line(text, 40)} is no id. The list shows them.")
    return found
