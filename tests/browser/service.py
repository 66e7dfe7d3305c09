"""The real service in a process of its own, and a visitor without a browser who fills it."""

from __future__ import annotations

import http.cookiejar
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlencode

import lxml.html
from psycopg2.extensions import parse_dsn

PASSWORD = "a long enough passphrase"


class Service:
    """``twistd microblog`` on free ports of the loopback, over the database that ``dsn`` names."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.http, self.push = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http}"
        self.log = folder / "service.log"
        command = [
            str(Path(sys.executable).with_name("twistd")), "-n", "--pidfile=", "microblog",
            "--data-dir", str(folder), "--database", url_of(dsn), "--public-url", self.url,
            "--http", f"tcp:{self.http}:interface=127.0.0.1", "--push", f"tcp:{self.push}:interface=127.0.0.1",
            "--rate-limits", "off",
        ]  # fmt: skip
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MICROBLOG_")}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, cwd=Path(__file__).parents[2]
            )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/ready", timeout=5):
                    return
            except OSError:
                time.sleep(0.05)  # another process starts: there is nothing to wait on but its port
        self.stop()
        raise AssertionError("The service did not start:\n" + self.log.read_text()[-4000:])

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Visitor:
    """A client of the site at ``url`` with cookies and forms, but no browser."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), urllib.request.ProxyHandler({})
        )

    def get(self, path: str) -> lxml.html.HtmlElement:
        with self.opener.open(self.url + quote(path, safe="/@?&=%#"), timeout=20) as answer:
            self.path = answer.url.removeprefix(self.url)
            return lxml.html.fromstring(answer.read())

    def send(self, path: str, **fields: str) -> lxml.html.HtmlElement:
        """A form that the page has: with its token."""
        body = urlencode({"csrf_token": self.token, **fields}).encode()
        with self.opener.open(self.url + path, body, timeout=20) as answer:
            self.path = answer.url.removeprefix(self.url)
            return lxml.html.fromstring(answer.read())

    @property
    def token(self) -> str:
        return str(
            self.get("/signup" if not hasattr(self, "name") else "/home")
            .xpath("//input[@name='csrf_token']")[0]
            .value
        )

    def sign_up(self, name: str) -> Visitor:
        self.send("/signup", name=name, email=f"{name}@example.org", password=PASSWORD)
        self.name = name
        return self

    def write(self, text: str, **fields: str) -> str:
        """Its path."""
        self.send("/posts", **{"text": text, "visibility": "public", "language": "en", **fields})
        return self.path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def url_of(dsn: str) -> str:
    """A libpq connection string as the URL that the option takes."""
    parts = parse_dsn(dsn)
    name = parts.pop("dbname")
    return f"postgresql:///{quote(name)}?{urlencode(parts)}"
