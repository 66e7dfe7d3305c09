"""``microblog token``."""

from __future__ import annotations

from typing import Any

import click

from microblog.cli.printing import err, id_from, show, table_of
from microblog.cli.running import Settings, existing_account, not_found_as
from microblog.domain.accounts import State
from microblog.domain.errors import Forbidden
from microblog.domain.text import one_line
from microblog.services.microblog import Microblog


@click.group()
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
        owner, _ = await existing_account(microblog, name)
        if owner.state is not State.ACTIVE:
            raise Forbidden(f"@{owner.name} is {owner.state.value}, so a token would not work.")
        return await microblog.tokens.create(owner, scopes.replace(",", " ").split(), label)

    click.echo(settings.run(work))


@token.command("list")
@click.argument("name")
@click.pass_obj
def list_tokens(settings: Settings, name: str) -> None:
    """Show the tokens of the account NAME, newest first."""

    async def work(microblog: Microblog) -> list[Any]:
        owner, _ = await existing_account(microblog, name)
        return await microblog.tokens.all(owner)

    found = settings.run(work)
    table = table_of("Id", "Label", "Scopes", "Made", "Last used")
    for each in found:
        table.add_row(
            str(each.id),
            one_line(each.name, 60),
            " ".join(each.scopes),
            f"{each.created_at:%Y-%m-%d}",
            f"{each.last_used_at:%Y-%m-%d %H:%M}" if each.last_used_at else "never",
        )
    show(table, bool(found), "There are no tokens.")


@token.command("revoke")
@click.argument("name")
@click.argument("token_id", metavar="ID")
@click.pass_obj
def revoke_token(settings: Settings, name: str, token_id: str) -> None:
    """Make a token of the account NAME void; what is connected with it ends."""
    wanted = id_from(token_id)

    async def work(microblog: Microblog) -> None:
        owner, _ = await existing_account(microblog, name)
        with not_found_as(f"@{owner.name} has no token {wanted}. See: microblog token list {owner.name}"):
            await microblog.tokens.revoke(owner, wanted)

    settings.run(work)
    err.print("The token is void.")
