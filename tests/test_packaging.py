"""The wheel contains every file, and Microblog runs from it outside the checkout."""

from __future__ import annotations

import configparser
import os
import shutil
import signal
import site
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from microblog import __version__

CHECKOUT = Path(__file__).parent.parent
pytestmark = pytest.mark.packaging

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]

#: What of the checkout a wheel is made of.
SOURCES = ("microblog", "twisted", "templates", "setup.cfg", "pyproject.toml", "README.md")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder with a short path, because a Unix socket is made below it."""
    with tempfile.TemporaryDirectory(prefix="mb-wheel-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    """Build the wheel from a copy, so that an old ``build/`` or ``egg-info`` does not affect it."""
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        path = CHECKOUT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__", "dropin.cache"))
        elif path.exists():
            shutil.copy(path, source / name)
    built = subprocess.run(
        [
            *PIP,
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "--no-index",
            "--wheel-dir",
            folder / "dist",
            source,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = (folder / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(folder: Path, wheel: Path) -> Path:
    """A clean environment with the wheel in it; its dependencies are seen in this environment's folder, so that no
    network is needed. This environment's own Microblog is not: its ``.pth`` file is not followed from there.
    """
    environment = folder / "venv"
    venv.EnvBuilder(with_pip=False, symlinks=True).create(environment)
    packages = (
        environment / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    )
    theirs = [path for path in site.getsitepackages() if Path(path).is_dir()]
    (packages / "dependencies.pth").write_text("\n".join(theirs) + "\n")
    python = environment / "bin" / "python"
    subprocess.run(
        [*PIP, "--python", python, "install", "--no-deps", "--no-index", "--ignore-installed", wheel],
        check=True,
        capture_output=True,
    )
    return environment


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_version_is_in_one_place(wheel: Path) -> None:
    assert wheel.name.startswith(f"microblog-{__version__}-")


def test_the_plugin_is_in_it(wheel: Path) -> None:
    names = names_in(wheel)
    assert "twisted/plugins/microblog_plugin.py" in names
    assert not any(name.startswith("twisted/") and name.endswith("__init__.py") for name in names)


def test_every_file_of_the_package_is_in_it(wheel: Path) -> None:
    names = names_in(wheel)
    ours = {path for path in (CHECKOUT / "microblog").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    missing = {str(path.relative_to(CHECKOUT)) for path in ours} - names
    assert not missing


def test_every_template_is_in_it(wheel: Path) -> None:
    prefix = f"microblog-{__version__}.data/data/share/microblog/"
    shipped = {name.removeprefix(prefix) for name in names_in(wheel) if name.startswith(prefix)}
    templates = CHECKOUT / "templates"
    assert {str(path.relative_to(CHECKOUT)) for path in templates.rglob("*") if path.is_file()} == shipped


def test_no_test_and_no_data_is_in_it(wheel: Path) -> None:
    assert not [
        name for name in names_in(wheel) if name.startswith(("tests/", "var/", "benchmarks/", "docs/"))
    ]


def test_each_requirement_has_a_lower_bound() -> None:
    parser = configparser.ConfigParser()
    parser.read(CHECKOUT / "setup.cfg")
    lists = [parser["options"]["install_requires"], *parser["options.extras_require"].values()]
    requirements = [
        line for text in lists for line in text.split("\n") if line.strip() and not line.startswith("#")
    ]
    assert requirements
    assert [line for line in requirements if ">=" not in line] == []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def health(port: int, process: subprocess.Popen[bytes], log: Path) -> int:
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                return int(answer.status)
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)


def test_it_runs_from_the_wheel(folder: Path, installed: Path) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    web, push = free_port(), free_port()
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("MICROBLOG_", "PYTHON"))
    }
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                str(installed / "bin" / "python"),
                "-c",
                "import sys; from twisted.scripts.twistd import run; sys.exit(run())",
                "-n",
                "--pidfile=",
                "microblog",
                "--data-dir",
                str(folder / "var"),
                "--http",
                f"tcp:{web}:interface=127.0.0.1",
                "--push",
                f"tcp:{push}:interface=127.0.0.1",
                "--public-url",
                f"http://127.0.0.1:{web}",
            ],
            cwd=elsewhere,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            assert health(web, process, log) == 200
            with urllib.request.urlopen(f"http://127.0.0.1:{web}/", timeout=10) as answer:
                assert answer.status == 200
                assert b"<html" in answer.read()
            with socket.create_connection(("127.0.0.1", push), timeout=10) as reader:
                assert reader.recv(1)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0, log.read_text()
        finally:
            process.kill()
            process.wait()
    assert str(CHECKOUT / "microblog") not in log.read_text()


def test_the_console_command_is_installed(installed: Path) -> None:
    script = (installed / "bin" / "microblog").read_text()
    assert "microblog.cli" in script
