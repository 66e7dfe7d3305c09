"""The console command, as people and scripts use it: a child process, on a real database."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from microblog.cli import main
from microblog.config.load import Config
from microblog.domain.posts import Span
from microblog.domain.visibility import Visibility
from microblog.services.microblog import Microblog
from tests.database import Cluster

Result = subprocess.CompletedProcess[str]
Command = Callable[..., Result]

SCRIPT = "from microblog.cli import main; main(prog_name='microblog')"


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MICROBLOG_")}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=clean | (env or {}),
    )


@pytest.fixture
def command(dsn: str, tmp_path: Path) -> Command:
    """``microblog …`` over a migrated database without anybody, named by a variable."""
    env = {"MICROBLOG_DATABASE": _url(dsn), "MICROBLOG_DATA_DIR": str(tmp_path)}
    return lambda *arguments: run(*arguments, env=env)


def _url(dsn: str) -> str:
    """A libpq DSN, of either form, as a URL."""
    from urllib.parse import quote, urlencode

    from psycopg2.extensions import parse_dsn

    parts = parse_dsn(dsn)
    user = quote(parts.pop("user", ""))
    password = quote(parts.pop("password", ""), safe="")
    name = parts.pop("dbname")
    login = f"{user}:{password}@" if password else (f"{user}@" if user else "")
    return f"postgresql://{login}/{name}?{urlencode(parts)}"


def failed(result: Result, code: int, *words: str) -> None:
    """It ended with this code and one sentence, without a traceback, and said nothing on standard output."""
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr


def test_accounts_are_made_listed_suspended_and_given_passwords(command: Command) -> None:
    made = command("account", "create", "ada", "--email", "ada@example.org", "--admin")
    assert made.returncode == 0, made.stderr
    password = made.stdout.strip()
    assert len(password) >= 12
    assert "\n" not in password
    assert command("account", "create", "bob", "--email", "bob@example.org").returncode == 0
    listed = command("account", "list").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["Name", "@ada", "@bob"]
    assert "owner" in listed[1]
    assert command("account", "suspend", "bob").returncode == 0
    assert "suspended" in command("account", "list").stdout
    failed(command("token", "create", "bob", "--scopes", "read"), 1, "@bob is suspended")
    failed(command("account", "suspend", "ada"), 1, "owner")
    assert command("account", "unsuspend", "@bob").returncode == 0
    reset = command("account", "reset-password", "ada")
    assert reset.stdout.strip() not in ("", password)
    assert command("account", "role", "bob", "moderator").returncode == 0
    assert "moderator" in command("account", "list").stdout


def test_a_token_stands_alone_on_standard_output(command: Command) -> None:
    command("account", "create", "ada", "--email", "ada@example.org")
    made = command("token", "create", "ada", "--scopes", "read write", "--label", "[red]my script")
    assert made.returncode == 0, made.stderr
    assert len(made.stdout.strip()) == 43
    assert made.stderr == ""
    listed = command("token", "list", "ada").stdout
    assert "[red]my script" in listed
    assert "read write" in listed
    assert made.stdout.strip() not in listed
    token_id = listed.splitlines()[1].split()[0]
    assert command("token", "revoke", "ada", token_id).returncode == 0
    failed(command("token", "list", "ada"), 0, "no tokens")
    failed(command("token", "revoke", "ada", token_id), 1, f"@ada has no token {token_id}")
    failed(command("token", "revoke", "ada", "x"), 2, "no id")
    failed(command("token", "create", "ada", "--scopes", "everything"), 2, "everything")
    failed(command("token", "create", "nobody_here", "--scopes", "read"), 1, "no account @nobody_here")


def commands_with_arguments() -> list[tuple[str, ...]]:
    """Every command that works on a site, with arguments that parse: generated, so that none is left out."""
    found = []

    def walk(group: click.Group, path: tuple[str, ...]) -> None:
        for name, each in sorted(group.commands.items()):
            if isinstance(each, click.Group):
                walk(each, (*path, name))
            elif name not in ("tail", "config"):
                found.append((*path, name, *(word for given in each.params for word in words_for(given))))

    walk(main, ())
    return found


def words_for(parameter: click.Parameter) -> list[str]:
    if isinstance(parameter.type, click.Choice):
        word = str(parameter.type.choices[0])
    else:
        word = {"token_id": "123", "job_ids": "123", "scopes": "read", "email": "a@example.org"}.get(
            parameter.name or "", "nobody_here"
        )
    if isinstance(parameter, click.Argument):
        return [word]
    return [parameter.opts[0], word] if parameter.required else []


COMMANDS = commands_with_arguments()
CREATING = (("account", "create"), ("demo",), ("migrate",))


@pytest.mark.parametrize(
    "words",
    [each for each in COMMANDS if each[:1] not in CREATING and each[:2] not in CREATING],
    ids=" ".join,
)
def test_only_commands_that_begin_a_site_create_a_database(words: tuple[str, ...], tmp_path: Path) -> None:
    missing = tmp_path / "mistyped"
    failed(run("--data-dir", str(missing), *words), 1, "no database in", str(missing))
    assert not missing.exists()


@pytest.mark.parametrize(
    "words", [each for each in COMMANDS if "nobody_here" in each and each[:2] not in CREATING], ids=" ".join
)
def test_an_account_that_does_not_exist_is_named(command: Command, words: tuple[str, ...]) -> None:
    failed(command(*words), 1, "There is no account @nobody_here.")


def test_an_account_is_shown_with_what_an_operator_needs(command: Command) -> None:
    command("account", "create", "ada", "--email", "ada@example.org")
    shown = command("account", "show", "@ada")
    assert shown.returncode == 0, shown.stderr
    for words in ("@ada", "ada@example.org", "owner", "active", "never"):
        assert words in shown.stdout


def test_what_is_asked_wrongly_is_told_in_a_sentence(command: Command) -> None:
    failed(command("account", "create", "Ada Lovelace", "--email", "ada@example.org"), 2, "letters")
    failed(command("account", "create", "ada", "--email", "nonsense"), 2, "e-mail")
    failed(command("account", "create", "ada"), 2, "--email")
    failed(command("account", "suspend", "nobody_here"), 1, "no account @nobody_here")
    failed(command("jobs", "retry"), 2, "--all")
    failed(command("jobs", "retry", "123"), 1, "No parked job")
    failed(command("no-such-command"), 2)
    command("account", "create", "ada", "--email", "ada@example.org")
    failed(command("account", "create", "ada", "--email", "other@example.org"), 2, "taken")


def test_jobs_that_were_parked_are_shown_and_tried_again(command: Command, dsn: str) -> None:
    failed(command("jobs", "list"), 0, "No job is parked")
    import psycopg2

    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO jobs (kind, parked_at, attempts, last_error) "
            "VALUES ('mail.reset', now(), 9, '550 no [bold]such user')"
        )
    connection.close()
    listed = command("jobs", "list")
    assert "550 no [bold]such user" in listed.stdout
    job_id = listed.stdout.splitlines()[1].split()[0]
    assert command("jobs", "retry", job_id).returncode == 0
    assert "1 job is waiting" in command("jobs", "list").stderr


async def test_the_schema_is_brought_up_to_date(cluster: Cluster, tmp_path: Path) -> None:
    empty = await cluster.empty()
    try:
        env = {"MICROBLOG_DATABASE": _url(empty), "MICROBLOG_DATA_DIR": str(tmp_path)}
        first = run("migrate", env=env)
        assert first.returncode == 0, first.stderr
        assert "0001 microblog" in first.stderr
        assert "up to date" in run("migrate", env=env).stderr
    finally:
        await cluster.drop(empty)


def test_settings_are_shown_with_their_sources_and_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "microblog.toml").write_text(
        'site_name = "Our HtmlSite"\nsmtp = "smtp://user:hush@mail.example"\n'
    )
    env = {"MICROBLOG_POST_LENGTH": "300"}
    shown = run("--data-dir", str(tmp_path), "--database", "postgresql://u:hush@nowhere/x", "config", env=env)
    assert shown.returncode == 0, shown.stderr
    lines = {line.split()[0]: line for line in shown.stdout.splitlines() if line.strip()}
    assert "Our HtmlSite" in lines["site_name"]
    assert "microblog.toml" in shown.stdout
    assert "300" in lines["post_length"]
    assert "MICROBLOG_POST_LENGTH" in lines["post_length"]
    assert "default" in lines["registration"]
    assert "hush" not in shown.stdout + shown.stderr


def test_a_wrong_setting_and_a_database_that_is_away_are_told(tmp_path: Path) -> None:
    failed(run("account", "list", env={"MICROBLOG_POST_LENGTH": "many"}), 2, "post_length", "many")
    failed(run("account", "list", env={"MICROBLOG_POST_LENGHT": "1"}), 2, "MICROBLOG_POST_LENGTH")
    gone = f"postgresql://x@/x?host={tmp_path}"
    failed(run("--data-dir", str(tmp_path), "--database", gone, "account", "list"), 1, "database")


async def test_demo_fills_an_empty_site_and_no_other(
    command: Command, dsn: str, tmp_path: Path, reactor_: Any
) -> None:
    made = command("demo")
    assert made.returncode == 0, made.stderr
    assert "Log in as" in made.stderr
    password = made.stdout.strip()
    failed(command("demo"), 1, "people on this site already")
    microblog = Microblog(Config.load({"data_dir": tmp_path}, {}), dsn, reactor_, listen=False)
    try:
        _, owner = await microblog.sessions.log_in("marta", password)
        assert owner.role.value == "owner"
        assert owner.unread > 0
        posts = (await microblog.timelines.public(None, Span(limit=80))).items
        assert len(posts) > 30
        assert {"ar", "he", "ja", "ko", "zh", "hi", "en"} <= {post.language for post in posts}
        assert (posts[0].created_at - posts[-1].created_at).days >= 28
        assert [post.id for post in posts] == sorted((post.id for post in posts), reverse=True)
        assert any(post.summary for post in posts)
        home = (await microblog.timelines.home(owner, Span(limit=80))).items
        assert any(post.boost_of for post in home)
        assert {Visibility.PUBLIC, Visibility.UNLISTED, Visibility.DIRECT} <= {
            post.visibility for post in home
        }
        assert await microblog.jobs.waiting() == 0
        jun = await microblog.accounts.by_name("jun")
        viewer = await microblog.sessions.viewer_of(jun.id)
        assert viewer is not None
        assert len((await microblog.follows.requests(viewer, Span())).items) == 2
    finally:
        await microblog.stop()


def test_it_works_on_the_embedded_database_and_leaves_it_stopped() -> None:
    with tempfile.TemporaryDirectory(prefix="microblog-cli-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user when this is root
        made = run("--data-dir", folder, "account", "create", "ada", "--email", "ada@example.org")
        assert made.returncode == 0, made.stderr
        assert "@ada" in run("--data-dir", folder, "account", "list").stdout
        assert not (Path(folder) / "postgres" / "postmaster.pid").exists()
