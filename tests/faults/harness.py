"""Servers in processes of their own, and clients that use them over plain sockets while faults happen."""

from __future__ import annotations

import http.client
import http.cookies
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psutil
import psycopg2
from psycopg2.extensions import parse_dsn

CHECKOUT = Path(__file__).parents[2]
PASSWORD = "a long enough passphrase"


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


def ask(dsn: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Run one statement on a connection of its own, and return its rows."""
    connection = psycopg2.connect(dsn)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def soon(holds: Callable[[], object], seconds: float = 30.0, every: float = 0.02) -> None:
    """Wait until ``holds()`` is true. Fail after ``seconds``."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"It did not happen within {seconds:g} s.")
        time.sleep(every)


class Server:
    """``twistd microblog``. Without ``dsn`` on an embedded PostgreSQL below ``folder``.

    ``http`` and ``push`` are ports of the loopback, or whole endpoints; ``prefix`` is a command that runs it.
    """

    def __init__(
        self,
        folder: Path,
        dsn: str | None = None,
        *,
        http: int | str | None = None,
        push: int | str | None = None,
        prefix: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
        ready: bool = True,
        **settings: str,
    ) -> None:
        self.folder = folder
        self.database = dsn or ""
        self.http = http if isinstance(http, int) else free_port()
        self.push = push if isinstance(push, int) else free_port()
        self.log = folder / f"{time.monotonic_ns()}.log"
        options = {
            "data-dir": str(folder / "var"),
            "public-url": f"http://127.0.0.1:{self.http}",
            "http": http if isinstance(http, str) else f"tcp:{self.http}:interface=127.0.0.1",
            "push": push if isinstance(push, str) else f"tcp:{self.push}:interface=127.0.0.1",
            "rate-limits": "off",
            **({} if dsn is None else {"database": url_of(dsn)}),
            **{name.replace("_", "-"): value for name, value in settings.items()},
        }
        command = [*prefix, str(Path(sys.executable).with_name("twistd")), "-n", "--pidfile=", "microblog"]
        for name, value in options.items():
            command += ["--" + name, value]
        variables = {name: value for name, value in os.environ.items() if not name.startswith("MICROBLOG_")}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**variables, **(environment or {})}, cwd=CHECKOUT
            )
        if ready:
            self.wait_until_ready()

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_until_ready(self, seconds: float = 60.0) -> None:
        def answers() -> bool:
            assert self.process.poll() is None, "The server ended:\n" + self.text[-4000:]
            return self.status("/ready") == 200

        soon(answers, seconds)

    def wait_for_log(self, text: str, seconds: float = 60.0) -> None:
        soon(lambda: text in self.text, seconds)

    def status(self, path: str, timeout: float = 20.0) -> int:
        """Return the status of a page, or 0 when the server does not answer."""
        try:
            return self.get(path, timeout).status
        except OSError:
            return 0

    def get(self, path: str, timeout: float = 20.0) -> Answer:
        return request(self.http, "GET", path, timeout=timeout)

    @property
    def text(self) -> str:
        """The log so far."""
        return self.log.read_text(errors="replace")

    @property
    def tracebacks(self) -> int:
        return self.text.count("Traceback (most recent call last)")

    def kill(self) -> None:
        """Kill the process as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return self.process.returncode

    @property
    def postmaster(self) -> psutil.Process:
        """The embedded PostgreSQL."""
        pid = (self.folder / "var" / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0]
        return psutil.Process(int(pid))

    @property
    def dsn(self) -> str:
        """Of the embedded PostgreSQL."""
        return f"host={self.folder}/var/postgres dbname=microblog user=microblog"


@contextmanager
def servers() -> Iterator[list[Server]]:
    """Yield a list. Kill the servers in it at the end."""
    running: list[Server] = []
    try:
        yield running
    finally:
        for server in running:
            if server.process.poll() is None:
                server.process.send_signal(signal.SIGCONT)
                server.process.kill()
                server.process.wait()


class Answer:
    """The answer to a request: status, headers, text."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.text = answer.read().decode("utf-8", "replace")


def request(
    port: int,
    method: str,
    path: str,
    body: str | None = None,
    headers: dict[str, str] | None = None,
    timeout: float = 20.0,
) -> Answer:
    """Send one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        return Answer(connection.getresponse())
    except http.client.HTTPException as error:
        raise ConnectionError(repr(error)) from error
    finally:
        connection.close()


class Person:
    """A member who signs up at ``port`` and posts there. Every process of the site knows the account."""

    def __init__(self, port: int, name: str, host: str | None = None) -> None:
        self.port = port
        self.host = host or f"127.0.0.1:{port}"
        self.name = name
        self._cookies: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
        self.token = self._token("/signup")
        made = self.send("/signup", name=name, email=f"{name}@example.org", password=PASSWORD)
        assert made.status == 303, made.text
        self.token = self._token("/settings")

    def get(self, path: str, timeout: float = 20.0) -> Answer:
        return self._keep(request(self.port, "GET", path, headers=self._headers(), timeout=timeout))

    def send(self, path: str, timeout: float = 20.0, **fields: str) -> Answer:
        body = urlencode({"csrf_token": self.token, **fields})
        headers = {**self._headers(), "Content-Type": "application/x-www-form-urlencoded"}
        return self._keep(request(self.port, "POST", path, body, headers, timeout))

    def write(self, text: str, key: str, timeout: float = 20.0) -> int:
        """Publish a post. Return the status: 303 for success, 0 when no answer came."""
        try:
            return self.send("/posts", timeout, text=text, visibility="public", language="en", key=key).status
        except OSError:
            return 0

    def _token(self, path: str) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(path).text)
        assert found is not None
        return found[1]

    def _headers(self) -> dict[str, str]:
        cookie = "; ".join(f"{name}={each.value}" for name, each in self._cookies.items())
        return {"Host": self.host, "Origin": f"http://{self.host}", **({"Cookie": cookie} if cookie else {})}

    def _keep(self, answer: Answer) -> Answer:
        for line in answer.headers.get_all("Set-Cookie") or ():
            self._cookies.load(line)
        return answer


class Reader:
    """A client of the push port."""

    def __init__(self, port: int, *commands: str, timeout: float = 30.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._file = self.socket.makefile("rb")
        self.greeting = self.line()
        self.answers = [self.say(command) for command in commands]

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def line(self) -> str:
        """Read the next line. It is empty at the end of the connection."""
        return self._file.readline().decode().rstrip("\r\n")

    def say(self, command: str) -> str:
        self.socket.sendall(command.encode() + b"\r\n")
        while not (line := self.line()).startswith(("OK", "ERR")):
            assert line, "The connection ended."
        return line
