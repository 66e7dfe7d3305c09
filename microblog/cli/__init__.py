"""The console command ``microblog``: accounts, tokens, jobs, sample content, the schema, the settings.

It has the configuration of ``twistd microblog`` and works through the same services, in a reactor that runs for one
command, with or without a running server. Results go to standard output, everything else to standard error. Exit codes:
0 success, 1 failure, 2 wrong usage or a wrong setting.
"""

from __future__ import annotations

import click

from microblog import __version__
from microblog.cli.accounts import account
from microblog.cli.jobs import job
from microblog.cli.printing import Group
from microblog.cli.running import Settings
from microblog.cli.site import demo, migrate_, show_config
from microblog.cli.tail import tail
from microblog.cli.tokens import token


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


for each in (account, token, job, demo, tail, migrate_, show_config):
    main.add_command(each)
