"""Every shell example of the documents, typed as printed into a fresh folder beside a real site.

The info string of an example says where it runs: ``sh`` in the checkout, ``sh root`` as root on a server with systemd,
``sh elsewhere`` in another project's folder.  The first kind is run here. The others are only checked for their syntax.
Ports are the only thing that is replaced, because tests run side by side.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser.service import free_port
from tests.certificates import certificate

CHECKOUT = Path(__file__).parent.parent
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{path.name}" for path in CHECKOUT.glob("docs/*.md")),
)
PORTS = (8000, 7000, 7001, 9464, 3000)
#: What a service logs when all of its ports are open.
STARTED = "The site is at "


@dataclass(frozen=True)
class Example:
    document: str
    line: int
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The lines, those that end with a backslash joined to the next."""
        return self.text.replace("\\\n", " ").splitlines()


def examples() -> list[Example]:
    def of(name: str) -> Iterator[Example]:
        text = (CHECKOUT / name).read_text(encoding="utf-8")
        for match in re.finditer(r"^```sh(?: (\w+))?\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            yield Example(name, text[: match.start()].count("\n") + 2, match[1] or "checkout", match[2])

    return [example for name in DOCUMENTS for example in of(name)]


EXAMPLES = examples()


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_is_valid_shell_and_names_its_place(example: Example) -> None:
    assert example.place in ("checkout", "root", "elsewhere")
    checked = subprocess.run(["sh", "-n"], input=example.text, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    for command in example.commands:
        assert not re.match(r"(\w+=\S+ )*(twistd|microblog)\b", command), (
            f"{example}: name the program's folder, as in .venv/bin/twistd"
        )


class Site:
    """A folder that looks like a fresh checkout after ``make run``, and the services that were started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.service: subprocess.Popen[bytes] | None = None
        self.ports = {port: free_port() for port in PORTS}
        for name in ("microblog", "templates", "twisted"):
            (folder / name).symlink_to(CHECKOUT / name)
        (folder / ".venv").symlink_to(sys.prefix)
        certificate(folder).rename(folder / "cert.pem")
        (folder / "key.pem").symlink_to("cert.pem")
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MICROBLOG_")
        } | {
            "MICROBLOG_HTTP": f"tcp:{self.ports[8000]}:interface=127.0.0.1",
            "MICROBLOG_PUSH": f"tcp:{self.ports[7000]}:interface=127.0.0.1",
            "PYTHONUNBUFFERED": "1",
        }

    def _typed(self, command: str) -> str:
        for port, free in self.ports.items():
            command = re.sub(rf"(?<=[:=]){port}\b", str(free), command)
        command = re.sub(r"^curl ", "curl --fail --silent --show-error ", command)
        return command.replace("/opt/microblog/venv/bin/", ".venv/bin/")

    def run(self, command: str) -> str:
        """Run ``command`` in a shell that keeps its variables; return its standard output."""
        script = (
            f"[ ! -e variables ] || . ./variables\n{self._typed(command)}\nstatus=$?\n"
            "set | grep '^TOKEN=' >variables\nexit $status"
        )
        done = subprocess.run(
            ["sh", "-c", script], cwd=self.folder, env=self.environment,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, command: str) -> None:
        """Start a service by ``command`` and wait until its ports are open."""
        log = self.folder / "log"
        with log.open("wb") as output:
            self.service = service = subprocess.Popen(
                ["sh", "-c", "exec " + self._exec(self._typed(command))],
                cwd=self.folder, env=self.environment, stdout=output, stderr=output,
            )  # fmt: skip
        end = time.monotonic() + 90
        while STARTED not in log.read_text():
            assert service.poll() is None, f"{command}\n{log.read_text()}"
            assert time.monotonic() < end, f"{command}\n{log.read_text()}"
            time.sleep(0.05)  # another process starts: there is nothing to wait on but its log

    @staticmethod
    def _exec(command: str) -> str:
        """``A=b program`` as ``env A=b program``, which ``exec`` takes."""
        return re.sub(r"^((?:\w+=\S+ )+)", r"env \1", command)

    def stop(self) -> None:
        """Stop the service, which has to end well and without a traceback in its log."""
        assert self.service is not None
        self.service.send_signal(signal.SIGTERM)
        assert self.service.wait(60) == 0, (self.folder / "log").read_text()
        assert "Traceback" not in (self.folder / "log").read_text()
        self.service = None

    def kill(self) -> None:
        if self.service is not None:
            self.service.terminate()
            self.service.wait(60)


@pytest.fixture
def site() -> Iterator[Site]:
    # Not tmp_path: PostgreSQL runs as another user when this is root, and a socket's path has to be short.
    with tempfile.TemporaryDirectory(prefix="microblog-docs-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        made = Site(Path(folder))
        yield made
        made.kill()


def is_service(command: str) -> bool:
    return "bin/twistd -n" in command


@pytest.mark.long
def test_the_examples_run_as_printed(site: Site) -> None:
    """The examples run in the order of the documents. The account ``alice``, which they name, is made in between."""
    mine = [example for example in EXAMPLES if example.place == "checkout"]
    assert len(mine) > 5
    first, *others = [command for example in mine for command in example.commands if command]
    site.start(".venv/bin/twistd -n microblog")
    assert "microblog demo" in first, "the first example fills the site"
    site.run(first)
    site.run(".venv/bin/microblog account create alice --email alice@example.org")
    for command in others:
        if command.startswith("curl ") and shutil.which("curl") is None:
            continue
        if is_service(command):
            site.stop()
            site.start(command)
        else:
            site.run(command)
    site.stop()
    assert (site.folder / "var" / "microblog.toml").read_text() == "post_length = 300\n"
