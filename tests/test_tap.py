"""``twistd microblog``, as one types it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from microblog import __version__
from microblog.config.load import option
from microblog.config.table import SETTINGS
from microblog.tap import Options

CHECKOUT = Path(__file__).parent.parent


def twistd(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MICROBLOG_")}
    return subprocess.run(
        [str(Path(sys.executable).parent / "twistd"), "-n", "--pidfile=", "microblog", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        env={**environment, "PYTHONPATH": str(CHECKOUT), "COLUMNS": "200", **variables},
        check=False,
    )


def test_help_explains_each_setting_with_its_default(tmp_path: Path) -> None:
    told = twistd("--help", cwd=tmp_path)
    assert told.returncode == 0
    flat = " ".join(told.stdout.split())
    for setting in SETTINGS:
        assert f"{option(setting.key)}=" in flat
        assert " ".join(setting.help.split()) in flat.replace("X-Forwarded- ", "X-Forwarded-")
        assert f"[default: {setting.shown_default}]" in flat


def test_version(tmp_path: Path) -> None:
    assert twistd("--version", cwd=tmp_path).stdout == f"Microblog {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "variables", "text"),
    [
        (["--post-length", "many"], {}, "post_length is wrong: 'many', from the option --post-length"),
        ([], {}, ""),
        (["--dta-dir", "x"], {}, "There is no option --dta-dir. Did you mean --data-dir?"),
        (["--unlike-any-other"], {}, "There is no option --unlike-any-other. See twistd microblog --help"),
        (["--data-dir"], {}, "--data-dir requires argument"),
        (["--site-name", "X"], {"MICROBLOG_TIME_ZONE": "Mars"}, "from the variable MICROBLOG_TIME_ZONE"),
    ],
)
def test_a_wrong_setting_is_one_line_before_anything_starts(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], text: str
) -> None:
    if not text:
        (tmp_path / "var").mkdir()
        (tmp_path / "var" / "microblog.toml").write_text("colour = 'red'\n")
        arguments, text = ["--site-name", "X"], "no setting colour"
    told = twistd(*arguments, cwd=tmp_path, **variables)
    assert told.returncode == 1
    assert text in told.stderr
    assert told.stderr.startswith("microblog: ")
    assert told.stderr.count("\n") == 1
    assert told.stdout == ""
    assert not (tmp_path / "var" / "postgres").exists()


def test_options_are_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MICROBLOG_TEST_DATABASE", raising=False)  # the tests' own
    options = Options()
    options.parseOptions(
        ["--http", "tcp:1", "--http", "tcp:2", "--post-length", "7", "--data-dir", "/nonexistent/x"]
    )
    assert options.config.http == ("tcp:1", "tcp:2")
    assert options.config.post_length == 7
