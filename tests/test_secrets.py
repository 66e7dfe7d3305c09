"""Secrets stay secret: after a full run, what nobody else may know is in no table, no log and no other mail.

A real server logs at its most talkative, while people use every door that takes a secret; then each is looked for as it
is, and in the encodings that it could have been written in.
"""

from __future__ import annotations

import base64
import json
import re
import socket
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.faults.harness import Person, Reader, Server, ask, request, servers, soon, url_of

#: what people type; the harness's own password is theirs as well
WRONG, CHANGED, RESET = "canary-wrong-2f81", "canary-changed-77d0", "canary-reset-c3a9"
DATABASE, SMTP = "canary-database-90b1", "canary-smtp-e44e"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[list[Server]]:
    tmp_path.chmod(0o755)
    with servers() as made:
        yield made


def test_no_secret_is_in_the_database_the_log_or_a_mail_that_is_not_about_it(
    dsn: str, tmp_path: Path, running: list[Server]
) -> None:
    server = Server(
        tmp_path, dsn, database=f"{url_of(dsn)}&password={DATABASE}", log_level="debug", log_format="json"
    )
    running.append(server)
    secrets = {"wrong": WRONG, "changed": CHANGED, "reset": RESET, "database": DATABASE}

    ann = Person(server.http, "ann")
    secrets["password"] = "a long enough passphrase"
    secrets["first session"] = ann._cookies["session"].value
    assert "canary" not in ann.send("/settings/password", old=WRONG, password=CHANGED).text
    assert ann.send("/settings/password", old=secrets["password"], password=CHANGED).status == 303
    secrets["renewed session"] = ann._cookies["session"].value
    ann.token = ann._token("/settings")  # forms go with the session's secret

    made = ann.send("/settings/tokens", name="Script", read="on").text
    token = re.search(r'readonly value="([^"]{30,})"', made)
    assert token is not None
    secrets["token"] = token[1]
    with Reader(server.push, f"AUTH {token[1]}", f"AUTH {WRONG}", "LIST") as reader:
        assert reader.answers[0].startswith("OK AUTH @ann")

    secrets |= _authorise(server, ann)
    stranger = _Stranger(server.http)
    assert stranger.send("/login", login="ann", password=WRONG).status == 422
    assert stranger.send("/login", login="ann@example.org", password=CHANGED).status == 303
    secrets["second session"] = stranger._cookies["session"].value

    asking = _Stranger(server.http)
    assert asking.send("/password/forgotten", email="ann@example.org").status == 200
    mails = Mails(tmp_path / "var")
    link = mails.link("/password/reset/")
    secrets["link"] = link.rpartition("/")[2]
    assert asking.send(link, password=RESET).status == 303
    confirm = mails.link("/confirm/")
    secrets["confirmation"] = confirm.rpartition("/")[2]
    assert asking.send(confirm).status == 303
    asking.get(f"/search?q={quote(WRONG)}")  # what is asked for is nobody's business either
    soon(lambda: ask(dsn, "SELECT count(*) FROM jobs WHERE kind IN ('mail.reset', 'mail.welcome')") == [(0,)])
    assert server.stop() == 0

    log, database = server.log.read_bytes(), dump(dsn)
    assert b'"level"' in log  # there is one
    assert b"ann" in database
    for name, secret in secrets.items():
        for written in spellings(secret):
            assert written not in log, f"the {name} is in the log"
            assert written not in database, f"the {name} is in the database"
            if name not in ("link", "confirmation"):
                assert not any(written in mail for mail in mails.bodies()), f"the {name} is in a mail"
    for name in ("link", "confirmation"):
        assert sum(secrets[name].encode() in mail for mail in mails.bodies()) == 1
    assert b"ann@example.org" not in log


def test_no_password_of_a_server_is_in_the_log(dsn: str, tmp_path: Path, running: list[Server]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen, so connections are refused
        smtp = f"smtp://mailer:{SMTP}@127.0.0.1:{closed.getsockname()[1]}"
        server = Server(
            tmp_path, dsn, log_level="debug", smtp=smtp, database=f"{url_of(dsn)}&password={DATABASE}"
        )
        running.append(server)
        Person(server.http, "ann")
        soon(lambda: ask(dsn, "SELECT count(*) FROM jobs WHERE last_error IS NOT NULL") == [(1,)])
        assert server.stop() == 0
    for secret in (SMTP, DATABASE, "a long enough passphrase", "ann@example.org"):
        for written in spellings(secret):
            assert written not in server.log.read_bytes()
    assert SMTP.encode() not in dump(dsn)


class _Stranger(Person):
    """A client that has not signed up."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self.name = ""
        self._cookies: SimpleCookie = SimpleCookie()
        self.token = self._token("/login")


def _authorise(server: Server, person: Person) -> dict[str, str]:
    """Register an app, give it consent and get its token. Return the secrets among these."""
    back = "https://app.example/back"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    made = request(
        server.http,
        "POST",
        "/api/v1/apps",
        f"client_name=App&scopes=read+offline_access&redirect_uris={quote(back)}",
        form,
    )
    app = json.loads(made.text)
    asked = {
        "client_id": app["client_id"], "redirect_uri": back, "response_type": "code", "scope": "read offline_access",
    }  # fmt: skip
    answer = person.send("/oauth/authorize", decision="allow", **asked)
    code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    credentials = (
        f"client_id={app['client_id']}&client_secret={app['client_secret']}&redirect_uri={quote(back)}"
    )
    given = request(
        server.http, "POST", "/oauth/token", f"grant_type=authorization_code&code={code}&{credentials}", form
    )
    tokens = json.loads(given.text)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert request(server.http, "GET", "/api/v1/apps/verify_credentials", headers=bearer).status == 200
    return {
        "app's secret": app["client_secret"],
        "code": code,
        "access token": tokens["access_token"],
        "refresh token": tokens["refresh_token"],
    }


class Mails:
    """Return the mails in the maildir below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def bodies(self) -> list[bytes]:
        """Return the text part of each mail."""
        found = []
        for file in self._folder.rglob("new/*"):
            part = message_from_bytes(file.read_bytes(), policy=default).get_body(("plain",))
            assert part is not None
            found.append(str(part.get_content()).encode())
        return found

    def link(self, path: str) -> str:
        """Return the path of the link in the newest mail of its kind."""

        pattern = re.compile(re.escape(path.encode()) + rb"\S+")

        def there() -> list[str]:
            return [found[0].decode() for mail in self.bodies() if (found := pattern.search(mail))]

        soon(there)
        return there()[-1]


def spellings(secret: str) -> set[bytes]:
    """Return the encodings in which a secret could be written."""
    raw = secret.encode()
    encoded = base64.b64encode(raw).rstrip(b"=")
    return {
        raw,
        raw.hex().encode(),
        quote(secret, safe="").encode(),
        encoded,
        secret.replace(" ", "+").encode(),
    }


def dump(dsn: str) -> bytes:
    """Return every row of every table as text."""
    tables = ask(dsn, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    assert ("users",) in tables
    rows = [ask(dsn, f'SELECT t::text FROM "{table}" t') for (table,) in tables]
    return "\n".join(str(row[0]) for each in rows for row in each).encode()
