"""Wrong settings: before the start they are one line, and while it runs the old ones stay."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.harness import Server, soon

Start = Callable[..., Server]


def test_wrong_settings_on_reload_are_said_and_the_old_ones_stay(
    start: Start, folder: Path, dsn: str
) -> None:
    (folder / "var").mkdir()
    file = folder / "var" / "microblog.toml"
    file.write_text('site_name = "Before"\n')
    server = start(dsn)
    for written, said in [
        ('site_name = "Before"\npost_length = "many"\n', "post_length is wrong"),
        ("site_name = ", "is not TOML"),
        ('site_name = "After"\n', "in force after a restart: site_name"),
        ('site_name = "Before"\n', "and those in force"),
    ]:
        file.write_text(written)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log(said)
        assert "Before" in server.get("/about").text
    assert server.tracebacks == 0
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pool_size": "0"}, "pool_size is wrong: '0', from the option --pool-size"),
        ({"http": "tcp:http"}, "http is wrong"),
        ({"push": "ssl:7001:privateKey=missing.pem:certKey=missing.pem"}, "No such file"),
        ({"metrics_allow": "everybody"}, "metrics_allow is wrong"),
        ({"roles": "web,mail"}, "roles is wrong"),
    ],
)
def test_a_wrong_setting_ends_the_start_with_one_line(
    folder: Path, settings: dict[str, Any], said: str
) -> None:
    server = Server(folder, ready=False, **settings)
    assert server.process.wait(60) == 1
    assert said in server.text
    assert server.text.count("\n") == 1
    assert not (folder / "var" / "postgres").exists()


@pytest.mark.parametrize(
    ("database", "said"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "can't be reached"),
        ("postgresql:///none?host=/nowhere", "can't be reached"),
    ],
)
def test_a_database_that_is_not_there_is_one_line(folder: Path, database: str, said: str) -> None:
    server = Server(folder, ready=False, database=database)
    assert server.process.wait(60) == 1
    soon(lambda: said in server.text)
    assert server.tracebacks == 0, server.text
