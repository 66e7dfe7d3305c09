"""``microblog account``."""

from __future__ import annotations

import click
from rich.text import Text

from microblog.cli.printing import err, show, table_of
from microblog.cli.running import Settings, existing_account, naming_account
from microblog.domain.accounts import Role
from microblog.domain.text import one_line


@click.group()
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
    made, password = settings.run(lambda microblog: microblog.sign_up.create(name, email, role), create=True)
    err.print(f"@{made.name} is here. The password, which they should change:")
    click.echo(password)


@account.command("list")
@click.pass_obj
def list_accounts(settings: Settings) -> None:
    """Show everybody, oldest first."""
    people = settings.run(lambda microblog: microblog.accounts.all())
    table = table_of("Name", "Display name", "E-mail", "Role", "State", "Posts", "Since", "Last seen")
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
    show(
        table,
        bool(people),
        "Nobody is here yet. Make the first account: microblog account create NAME --email E",
    )


@account.command("show")
@click.argument("name")
@click.pass_obj
def show_account(settings: Settings, name: str) -> None:
    """Show an account: its role, state, counts and settings for mail."""
    each, user = settings.run(lambda microblog: existing_account(microblog, name))
    table = table_of("Field", "Value")
    rows = {
        "Name": f"@{each.name}",
        "Id": str(each.id),
        "Display name": one_line(each.display_name, 100),
        "Email": user.email + ("" if user.email_confirmed_at else " (unconfirmed)"),
        "New email": f"{user.email_pending} (unconfirmed)" if user.email_pending else "none",
        "Role": user.role.value,
        "State": each.state.value,
        "Posts": str(each.posts_count),
        "Following": str(each.following_count),
        "Followers": str(each.followers_count),
        "Language": user.language or "the site's",
        "Created": f"{each.created_at:%Y-%m-%d %H:%M} UTC",
        "Last active": f"{user.last_seen_at:%Y-%m-%d %H:%M} UTC" if user.last_seen_at else "never",
    }
    for field, value in rows.items():
        table.add_row(field, Text(value))
    show(table, anything=True, otherwise="")


@account.command()
@click.argument("name")
@click.pass_obj
def suspend(settings: Settings, name: str) -> None:
    """Log somebody out everywhere and hide what they wrote."""
    with naming_account(name):
        done = settings.run(lambda microblog: microblog.moderation.suspend(name))
    err.print(f"@{done.name} is suspended.")


@account.command()
@click.argument("name")
@click.pass_obj
def unsuspend(settings: Settings, name: str) -> None:
    """End a suspension."""
    with naming_account(name):
        done = settings.run(lambda microblog: microblog.moderation.unsuspend(name))
    err.print(f"@{done.name} is back.")


@account.command("reset-password")
@click.argument("name")
@click.pass_obj
def reset_password(settings: Settings, name: str) -> None:
    """Give somebody a new password, which is printed; their sessions and tokens end."""
    with naming_account(name):
        password = settings.run(lambda microblog: microblog.credentials.reset_password(name))
    err.print("The new password, which they should change:")
    click.echo(password)


@account.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@click.pass_obj
def set_role(settings: Settings, name: str, role: str) -> None:
    """Change what somebody may do. A new owner makes the old one an administrator."""
    with naming_account(name):
        done = settings.run(lambda microblog: microblog.moderation.set_role(name, Role(role)))
    err.print(f"@{done.name} is {role} now.")
